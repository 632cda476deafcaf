"""Which template each work gets while a change is on its way."""

from __future__ import annotations

from typing import Any

from tests.unit.hub.test_scene import KEY, World
from triton_operator.api.enums import ConnectionState
from triton_operator.fleet.failing import Errors
from triton_operator.fleet.placement import place
from triton_operator.fleet.rollout_template import TEMPLATE, core
from triton_operator.hub.rollout_memory import written_down
from triton_operator.hub.rollouts import Templates, templates
from triton_operator.manifests.desired_hash import content_hash

OLD, NEW = {"uri": "https://models.example/old"}, {"uri": "https://models.example/new"}
NOW = 1_800_000_000.0


class Shop(World):
    """A service in two clusters, and a third one that is new."""

    def __init__(self, **strategy: Any) -> None:
        super().__init__()
        self.service["metadata"]["uid"] = "u"
        self.service["spec"] |= {
            "model": OLD,
            "scaling": {"mode": "Auto", "minReplicas": 1, "maxReplicas": 9},
            "placement": {"strategy": {"canaryClusters": ["b"], **strategy}},
        }
        self.tell(a="20", b="20", new="20")
        del self.works["new"]
        for work in self.works.values():
            work["spec"]["template"] = {
                # As an API server shows it, with its defaults.
                "model": {**OLD, "format": "ONNX"},
                "scaling": {"mode": "Auto", "minReplicas": 1, "maxReplicas": 5},
            }

    def note(self) -> None:
        """What a hub of this version writes on works."""
        for work in self.works.values():
            noted = {TEMPLATE: content_hash(core(self.service["spec"]))}
            work["metadata"]["annotations"] = noted

    def decide(self) -> Templates:
        """And write down what is to be remembered."""
        scene = self.scenes.scene(KEY, self.service, NOW)
        _, placed = place(tuple(scene.facts.values()), scene.settings, scene.memory, NOW)
        found = templates(scene, placed, NOW)
        placement: dict[str, Any] = {"revision": 1, "decidedAt": "2026-01-01T00:00:00Z"}
        if found.memory:
            placement["rollout"] = written_down(found.memory).wire()
        self.service["status"] = {"placement": placement}
        return found

    def model_of(self, found: Templates, cluster: str) -> tuple[Any, str]:
        """The model in its work, and what is noted there."""
        fresh = {
            "model": self.service["spec"]["model"],
            "scaling": {"mode": "Auto", "minReplicas": 2, "maxReplicas": 7},
        }
        template, noted = found.of(cluster, self.works.get(cluster), fresh)
        assert template["scaling"] == fresh["scaling"], "bounds never wait"
        return template["model"]["uri"], noted


def test_works_of_an_older_hub_are_known_by_what_they_have() -> None:
    shop = Shop()
    shop.decide()
    assert shop.decide().held == {}


def test_one_cluster_gets_a_change_and_a_new_one_gets_what_the_others_have() -> None:
    shop = Shop()
    shop.note()
    shop.decide()
    old = content_hash(core(shop.service["spec"]))
    shop.service["spec"]["model"] = NEW
    found = shop.decide()

    assert shop.model_of(found, "b") == (NEW["uri"], found.wanted)
    for cluster in ("a", "new"):
        assert shop.model_of(found, cluster) == (OLD["uri"], old)


def test_a_new_cluster_gets_nothing_that_was_not_proven() -> None:
    """The canary has got a bad change, and is away as its former spec comes back."""
    shop = Shop(canaryClusters=["a"])
    shop.note()
    shop.decide()
    shop.service["spec"]["model"] = {"uri": "https://models.example/bad"}
    bad = shop.decide()
    shop.works["a"]["spec"]["template"]["model"] = shop.service["spec"]["model"]
    shop.works["a"]["metadata"]["annotations"] = {TEMPLATE: bad.wanted}
    shop.decide()
    shop.service["spec"]["model"] = NEW
    shop.states = {"a": ConnectionState.SUSPECT}
    found = shop.decide()

    assert list(found.held) == ["a", "b"]
    assert shop.model_of(found, "new")[0] == OLD["uri"]


def test_a_new_cluster_gets_what_is_of_long_ago_only_where_nobody_else_has_anything() -> None:
    shop = Shop(canaryClusters=["c"])
    shop.tell(a="20", b="20", c="20", new="20")
    del shop.works["new"]
    for name, uri in {"a": "ancient", "b": "old", "c": "old"}.items():
        shop.works[name]["spec"]["template"] = {"model": {"uri": uri}, "scaling": {"mode": "Auto"}}
        shop.works[name]["metadata"]["annotations"] = {TEMPLATE: uri}
    shop.states = {"a": ConnectionState.LOST}
    shop.service["spec"]["model"] = NEW
    assert shop.model_of(shop.decide(), "new") == ("old", "old")

    shop.states["b"] = ConnectionState.LOST
    shop.works["b"] = shop.works["a"]
    assert shop.model_of(shop.decide(), "new") == ("ancient", "ancient")


def test_a_change_of_bounds_or_placement_is_none() -> None:
    shop = Shop()
    shop.note()
    shop.decide()
    shop.service["spec"]["scaling"] = {"mode": "Auto", "minReplicas": 3, "maxReplicas": 4}
    shop.service["spec"]["placement"]["spillAt"] = "0.7"
    found = shop.decide()

    assert found.held == {}
    assert found.memory
    assert found.memory.is_complete


def test_without_a_strategy_nothing_waits_and_nothing_is_said() -> None:
    shop = Shop()
    shop.note()
    shop.decide()
    shop.service["spec"]["model"] = NEW
    shop.decide()
    del shop.service["spec"]["placement"]["strategy"]
    found = shop.decide()

    assert (found.held, found.memory, found.finding) == ({}, None, None)
    for cluster in ("a", "b", "new"):
        assert shop.model_of(found, cluster) == (NEW["uri"], found.wanted)


def test_a_memory_that_cannot_be_read_begins_anew() -> None:
    shop = Shop()
    shop.note()
    shop.decide()
    shop.service["spec"]["model"] = NEW
    shop.service["status"]["placement"]["rollout"] = {"template": 3}
    found = shop.decide()

    assert set(found.held) == {"a"}


def test_what_is_remembered_is_read_back_as_it_was() -> None:
    shop = Shop(observeSeconds=60)
    shop.note()
    shop.decide()
    shop.works["b"]["status"]["load"] |= {"recentRequests": 300, "failedRequests": 1}
    shop.service["spec"]["model"] = NEW
    shop.decide()
    shop.works["b"]["metadata"]["annotations"] = {
        TEMPLATE: content_hash(core(shop.service["spec"]))
    }
    told = {"attainmentPercent": "99.5", "recentRequests": 900, "failedRequests": 2}
    shop.works["b"]["status"]["load"] |= told
    first = shop.decide()
    shop.works["b"]["spec"]["revision"] = 2
    second = shop.decide()

    assert first.memory
    assert first.memory.updates["b"].revision == 1
    assert first.memory.updates["b"].started_at == NOW
    assert first.memory.updates["b"].before
    assert first.memory.updates["b"].before.errors == Errors(300, 1)
    assert second.memory == first.memory
