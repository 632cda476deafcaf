"""`placement.replicas.max` bounds all works together, whatever clusters need and when they apply.

Clusters are told of changes late, are cut off and come back; what is summed is what may be in force
in each, by the work that is there and by the one that it has applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from triton_operator.api.enums import ConnectionState, Tier
from triton_operator.api.inference_cluster import InferenceClusterSpec
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.fleet.member import Member, facts_of
from triton_operator.fleet.placement import Placed, place
from triton_operator.fleet.placement_memory import PlacementMemory
from triton_operator.fleet.placement_wish import settings_of
from triton_operator.fleet.reports import Report
from triton_operator.fleet.work import most_replicas
from triton_operator.fleet.works import ceiling_of, is_out, template

CONNECTED = ConnectionState.CONNECTED


@dataclass
class Cluster:
    """One member with its work, and what of it is in force."""

    name: str
    spec: InferenceClusterSpec
    state: ConnectionState = CONNECTED
    work: dict[str, Any] | None = None
    revision: int = 0
    in_force: int = 0
    need: float = 0.0
    room: int = 10

    @property
    def written(self) -> int:
        """By its work."""
        return 0 if self.work is None else most_replicas(self.work["template"]) or 0

    def apply(self) -> None:
        """What its work says is in force from now on."""
        if self.work is not None:
            self.revision, self.in_force = self.work["revision"], self.written

    def member(self) -> Member:
        report = Report()
        if self.work is not None and self.revision:
            report = Report(
                ready=min(self.in_force, self.room),
                capacity=self.room,
                need=self.need,
                maximum=self.in_force,
                revision=self.revision,
                applied=True,
            )
        return Member(self.name, self.spec, self.state, None, report, work_spec=self.work)


class Fleet:
    """Clusters of one service, with the hub that places it."""

    def __init__(self, scaling: dict[str, Any], most: int, clusters: Sequence[Cluster]) -> None:
        self.clusters = {one.name: one for one in clusters}
        self.most = most
        self.scaling = scaling
        self.memory = PlacementMemory()
        self.now = 0.0

    def place(self) -> Placed:
        """One decision, and the works that follow from it, as the hub's writer makes them."""
        self.now += 30.0
        body = {
            "model": {"uri": "https://models.example/m.onnx"},
            "scaling": self.scaling,
            "placement": {"replicas": {"max": self.most}},
        }
        spec = InferenceServiceSpec.model_validate(body)
        asked = settings_of(spec)
        facts = {
            name: facts_of(one.member(), spec.scaling, self.memory.site(name), None)
            for name, one in self.clusters.items()
        }
        self.memory, placed = place(tuple(facts.values()), asked, self.memory, self.now)
        revision = 1 + max((one.work or {}).get("revision", 0) for one in self.clusters.values())
        for name, site in placed.sites.items():
            one = self.clusters[name]
            if one.work is None and (site.ceiling == 0 or not facts[name].moves):
                continue
            assert not is_out(site)
            made = template(body, site.floor, ceiling_of(site, facts[name], asked, one.work))
            if one.work is None or one.work["template"] != made:
                one.work = {"revision": revision, "template": made}
        return placed

    @property
    def together(self) -> int:
        """What may be in force."""
        return sum(max(one.written, one.in_force) for one in self.clusters.values())


def fleet_of(random: Random) -> Fleet:
    least = random.choice([0, 1, 1, 2, 5])
    scaling: dict[str, Any] = {"minReplicas": least, "mode": random.choice(["Auto", "Fixed"])}
    if scaling["mode"] == "Auto" and random.random() < 0.5:
        scaling["maxReplicas"] = max(1, least, random.choice([1, 4, 10]))
    names = [f"c{number}" for number in range(random.randint(1, 6))]
    clusters = [
        Cluster(name, InferenceClusterSpec(tier=random.choice(list(Tier))), room=10)
        for name in names
    ]
    return Fleet(scaling, random.choice([1, 2, 4, 6, 12, 30]), clusters)


def _happens(random: Random, one: Cluster) -> None:
    if random.random() < 0.2:
        one.state = random.choice([CONNECTED, CONNECTED, *ConnectionState])
    if random.random() < 0.5:
        one.need = random.choice([0.0, random.uniform(0, 12)])
    if random.random() < 0.2:
        one.room = random.choice([0, 1, 10])
    if random.random() < 0.5:
        one.apply()


@settings(max_examples=150)
@given(st.integers(0, 2**40))
def test_what_may_be_in_force_is_never_above_the_maximum(seed: int) -> None:
    random = Random(seed)
    fleet = fleet_of(random)
    for _ in range(20):
        placed = fleet.place()
        assert fleet.together <= fleet.most
        assert placed.excess == 0
        for one in fleet.clusters.values():
            _happens(random, one)
        if random.random() < 0.1:
            name = f"late{random.randint(0, 99)}"
            spec = InferenceClusterSpec(tier=random.choice(list(Tier)))
            fleet.clusters.setdefault(name, Cluster(name, spec))


@settings(max_examples=150)
@given(st.integers(0, 2**40), st.sampled_from([1, 2, 4, 6, 12, 30]))
def test_where_all_are_heard_of_each_has_a_work_and_the_maximum_holds(
    seed: int, lowered: int
) -> None:
    """After it was lowered too. Where it is less than the clusters, it is said, and works that are
    there keep one replica."""
    random = Random(seed)
    fleet = fleet_of(random)
    for _ in range(8):
        fleet.place()
        for one in fleet.clusters.values():
            _happens(random, one)
    fleet.most = lowered
    for one in fleet.clusters.values():
        one.state, one.room = CONNECTED, 10
    for _ in range(4):
        placed = fleet.place()
        for one in fleet.clusters.values():
            one.apply()

    works = [one for one in fleet.clusters.values() if one.work]
    assert fleet.together <= max(lowered, len(works))
    if lowered >= len(fleet.clusters):
        assert len(works) == len(fleet.clusters)
        assert (placed.left_out, placed.excess) == ((), 0)
    else:
        assert placed.left_out or placed.excess == len(works) - lowered
        assert len(works) + len(placed.left_out) == len(fleet.clusters)


def test_a_late_cluster_gets_its_replica_from_who_has_more() -> None:
    clusters = [Cluster(name, InferenceClusterSpec(tier=Tier.CLOUD)) for name in "ab"]
    fleet = Fleet({"minReplicas": 2}, 6, clusters)
    fleet.place()
    for one in clusters:
        one.apply()
        one.need = 9.0
    fleet.clusters["c"] = replace(clusters[0], name="c", work=None, revision=0, in_force=0)

    seen = []
    for _ in range(3):
        fleet.place()
        seen.append([one.written for one in fleet.clusters.values()])
        for one in fleet.clusters.values():
            one.apply()

    assert seen == [[2, 2, 0], [2, 2, 2], [2, 2, 2]]
