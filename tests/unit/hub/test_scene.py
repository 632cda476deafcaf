"""What a placement is made from, where members tell rates that do not fit together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from triton_operator.api.enums import ConnectionState, ManagedBy
from triton_operator.controllers.keys import Key
from triton_operator.fleet.cluster_labels import unread_labels
from triton_operator.fleet.facts import ClusterFacts
from triton_operator.fleet.member_facts import MemberFacts
from triton_operator.fleet.placement import place
from triton_operator.fleet.placement_findings import rows
from triton_operator.hub.cluster_specs import ClusterSpecs
from triton_operator.hub.scene import Scene, Scenes, reference_text
from triton_operator.planning.predicted_latency import predicted_seconds

KEY = Key("InferenceService", "shop", "vision")


@dataclass
class Objects:
    """A mirror's part that is read."""

    objects: dict[tuple[str, str], Any] = field(default_factory=dict)

    def get(self, namespace: str, name: str) -> Any:
        return self.objects.get((namespace, name))


class World:
    """Clusters, Connected but for `states`, whose agents tell some rate and a demand of two
    replicas."""

    def __init__(self) -> None:
        self.clusters = Objects()
        self.specs = ClusterSpecs()
        self.works: dict[str, Any] = {}
        self.states: dict[str, ConnectionState] = {}
        self.refused: set[str] = set()
        self.service: Any = {
            "metadata": {"namespace": "shop", "name": "vision"},
            "spec": {
                "model": {"uri": "https://models.example/m.onnx"},
                "managedBy": ManagedBy.FLEET.value,
            },
        }
        self.scenes = self.fresh()

    def fresh(self) -> Scenes:
        """Of a hub that has just started."""
        return Scenes(self, self)  # type: ignore[arg-type]

    def works_named(self, name: str) -> Any:
        return sorted(self.works.items())

    def state(self, cluster: str) -> ConnectionState:
        return self.states.get(cluster, ConnectionState.CONNECTED)

    def facts(self, cluster: str) -> MemberFacts:
        return MemberFacts()

    def answers(self, cluster: str) -> None:
        return None

    def unread(self, body: Any) -> frozenset[str]:
        return unread_labels(body, self.refused)

    def tell(self, curve: dict[str, int] | None = None, **rates: str) -> None:
        """The reports of now."""
        for name, rate in rates.items():
            self.clusters.objects["", name] = {
                "metadata": {"name": name, "uid": name, "generation": 1},
                "spec": {"tier": "Cloud"},
            }
            load: dict[str, Any] = {
                "needReplicas": "2",
                "readyReplicas": 3,
                "capReplicas": 5,
                "safeRatePerReplica": rate,
                "observedAt": "2001-01-01T00:00:00Z",
            }
            if curve is not None:
                load["replicaCurve"] = curve
            self.works[name] = {
                "metadata": {"name": "shop.vision"},
                "spec": {"revision": 1, "template": {"scaling": {"maxReplicas": 5}}},
                "status": {"sequence": 1, "load": load},
            }

    def place(self, now: float) -> Scene:
        """One decision, as it is remembered and written."""
        scene = self.scenes.scene(KEY, self.service, now)
        facts: tuple[ClusterFacts, ...] = tuple(scene.facts.values())
        after, placed = place(facts, scene.settings, scene.memory, now)
        self.scenes.remember(KEY, after)
        status: dict[str, Any] = {
            "clusters": [row.wire() for row in rows(placed, scene.facts, after)]
        }
        if scene.reference is not None:
            status["referenceRate"] = reference_text(scene.reference)
        self.service["status"] = {"placement": status}
        return scene


def test_the_rate_of_one_does_not_make_the_reports_of_all_others_absurd() -> None:
    world = World()
    world.tell(a="0.000001", b="10", c="12")

    scene = world.place(0.0)

    assert list(scene.refused) == ["a"]
    assert "safeRatePerReplica is 1e-06" in scene.refused["a"]
    assert {name: one.need for name, one in scene.facts.items()} == {"a": 0.002, "b": 2, "c": 2.4}
    assert scene.facts["a"].ready == 3, "the rest of its report counts"


def test_who_is_first_to_tell_a_rate_does_not_set_it_for_good() -> None:
    world = World()
    world.tell(a="1000000")
    alone = world.place(0.0)
    assert alone.reference == 1e6

    world.tell(a="1000000", b="10", c="12")
    scene = world.place(30.0)

    assert scene.reference == 12.0
    assert scene.facts["b"].need == 2 * 10 / 12


def test_what_is_remembered_moves_with_the_reference() -> None:
    world = World()
    world.tell(a="1000000", b="100")
    scene = world.place(0.0)
    assert (scene.reference, scene.facts["a"].need) == (100.0, 2000.0)

    world.tell(c="5000", d="6000")
    scene = world.place(30.0)

    assert scene.reference == 5000.0
    assert scene.memory.site("a").held == pytest.approx(2 * 1e6 / 5000)
    assert scene.memory.site("b").held == pytest.approx(2 * 100 / 5000)


def test_a_reference_that_fits_stays_and_a_restart_knows_it() -> None:
    world = World()
    world.tell(b="10", c="12")
    assert world.place(0.0).reference == 10.0

    world.tell(b="15", c="16")
    assert world.place(30.0).reference == 10.0

    world.scenes = world.fresh()
    assert world.place(60.0).reference == 10.0


def test_what_runs_in_clusters_that_are_not_selected_any_more_counts_against_a_maximum() -> None:
    world = World()
    world.service["spec"]["placement"] = {"clusterNames": ["a"], "replicas": {"max": 9}}
    world.tell(a="10", b="10")
    world.works["gone"] = world.works["b"]

    scene = world.place(0.0)

    assert scene.settings.elsewhere == {"Cloud": 5, "": 5}


CURVE = {
    "baseMicroseconds": 20_000,
    "perRequestMicroseconds": 10_000,
    "maxBatchSize": 8,
    "instances": 1,
}


def test_a_queue_that_gets_slower_than_another_cluster_is_known_from_what_members_tell() -> None:
    world = World()
    world.tell(curve=CURVE, a="70")

    (facts,) = world.place(0.0).facts.values()

    assert facts.curve is not None
    assert facts.safe_rate == 70
    light, heavy = (predicted_seconds(facts.curve, rate, 0.95) for rate in (20.0, 65.0))
    assert light is not None
    assert heavy is not None
    assert heavy > 2 * light


def test_another_curve_of_the_same_cluster_waits() -> None:
    """One that is new with every report would keep the hub busy."""
    world = World()
    seen = []
    for now, base in ((0.0, 20_000), (30.0, 40_000), (599.0, 60_000), (600.0, 80_000)):
        world.tell(curve={**CURVE, "baseMicroseconds": base}, a="70")
        (facts,) = world.place(now).facts.values()
        assert facts.curve is not None
        seen.append(round(facts.curve.base_seconds, 2))
    world.tell(a="70")
    (facts,) = world.place(630.0).facts.values()

    assert seen == [0.02, 0.02, 0.02, 0.08]
    assert facts.curve is None


def test_a_service_selects_clusters_by_what_their_profiles_say() -> None:
    world = World()
    world.tell(a="10", b="10")
    world.service["spec"]["placement"] = {"clusterSelector": {"matchLabels": {"region": "eu"}}}
    cluster = world.clusters.objects["", "a"]
    cluster["status"] = {"takenLabels": [{"key": "region", "value": "eu"}]}
    assert list(world.place(0.0).members) == [], "nobody wants that label of a profile"

    cluster["spec"] = {
        "tier": "Cloud",
        "clusterProfile": {"namespace": "fleet", "name": "a", "labels": ["region"]},
    }
    assert list(world.place(30.0).members) == ["a"]
    cluster["metadata"]["labels"] = {"region": "us"}
    assert list(world.place(60.0).members) == [], "its own label comes first"


PROFILE = {"namespace": "fleet", "name": "a", "labels": ["region"]}


def moved() -> World:
    """A label was moved to an inventory that nobody has read yet."""
    world = World()
    world.tell(a="10")
    world.service["spec"]["placement"] = {"clusterSelector": {"matchLabels": {"region": "eu"}}}
    world.clusters.objects["", "a"]["spec"] = {"tier": "Cloud", "clusterProfile": PROFILE}
    return world


def test_a_cluster_stays_while_nobody_has_read_the_label_that_selects_it() -> None:
    world = moved()

    scene = world.place(0.0)

    assert list(scene.members) == ["a"]
    assert "ClusterProfile fleet/a has not said yet what its label region is" in (
        scene.members["a"].stays
    )
    world.clusters.objects["", "a"]["status"] = {"takenLabels": [{"key": "region", "value": "eu"}]}
    assert world.place(30.0).members["a"].stays == ""


def test_what_a_profile_says_or_the_cluster_itself_takes_it_away() -> None:
    world = moved()
    cluster = world.clusters.objects["", "a"]

    world.refused = {"region"}
    assert list(world.place(0.0).members) == []
    world.refused = set()
    cluster["status"] = {"takenLabels": [{"key": "region", "value": "us"}]}
    assert list(world.place(30.0).members) == []
    cluster["status"] = {}
    cluster["metadata"]["labels"] = {"region": "us"}
    assert list(world.place(60.0).members) == []
    cluster["metadata"]["labels"] = {}
    cluster["spec"] = {"tier": "Cloud"}
    assert list(world.place(90.0).members) == [], "no inventory is to give the label"


def test_nothing_new_comes_by_a_label_that_nobody_has_read() -> None:
    world = moved()
    work = world.works.pop("a")
    assert list(world.place(0.0).members) == []

    world.works["a"] = {**work, "metadata": {**work["metadata"], "deletionTimestamp": "now"}}
    assert list(world.place(30.0).members) == [], "nor what is on its way out"


@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabels": {"region": "eu", "team": "search"}},
        {
            "matchLabels": {"region": "eu"},
            "matchExpressions": [{"key": "team", "operator": "Exists"}],
        },
    ],
)
def test_a_label_that_is_known_still_decides(selector: dict[str, Any]) -> None:
    world = moved()
    world.service["spec"]["placement"] = {"clusterSelector": selector}
    assert list(world.place(0.0).members) == []

    world.clusters.objects["", "a"]["metadata"]["labels"] = {"team": "search"}
    assert list(world.place(30.0).members) == ["a"]
