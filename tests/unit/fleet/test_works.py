"""Works: their names, the bounds in them, where requests go, and when a cluster is out."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.fleet.clusters import Hub, cloud, edge
from triton_operator.api.enums import ConnectionState, TaintEffect
from triton_operator.fleet.containment import contains
from triton_operator.fleet.mailbox import mailbox, mailbox_cluster, mailbox_namespace
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.fleet.work import most_replicas
from triton_operator.fleet.works import (
    MOST_REPLICAS,
    ceiling_of,
    is_out,
    template,
    work_name,
)

SPEC = {
    "managedBy": "serving.triton-operator.io/fleet",
    "placement": {"clusterNames": ["a"]},
    "model": {"uri": "https://models.example/m.onnx"},
    "scaling": {"mode": "Auto", "minReplicas": 2, "maxReplicas": 8},
}


def test_names_are_label_values_and_differ() -> None:
    assert work_name("shop", "vision") == "shop.vision"
    long = [work_name("n" * 63, f"{'s' * 48}{end}") for end in "ab"]

    assert all(len(name) <= 63 for name in long)
    assert len(set(long)) == 2
    assert work_name("a", "b-c") != work_name("a-b", "c")


@pytest.mark.parametrize(
    ("floor", "ceiling", "bounds"),
    [
        pytest.param(0, 8, (2, 8), id="no floor: the service's own minimum"),
        pytest.param(5, 8, (5, 8), id="a floor"),
        pytest.param(5, 4, (4, 4), id="a ceiling below the floor wins"),
        pytest.param(5, 1, (1, 1), id="and below the service's own minimum"),
        pytest.param(1, MOST_REPLICAS, (2, 8), id="never above the service's own maximum"),
        pytest.param(0, 0, (1, 1), id="0 is no maximum"),
    ],
)
def test_bounds(floor: int, ceiling: int, bounds: tuple[int, int]) -> None:
    made = template(SPEC, floor, ceiling)

    assert (made["scaling"]["minReplicas"], made["scaling"]["maxReplicas"]) == bounds
    assert made["scaling"]["mode"] == "Auto"
    assert made["model"] == SPEC["model"]
    assert made.keys() == {"model", "scaling"}


def test_a_service_without_bounds_has_the_apis_own() -> None:
    assert template({"model": {}}, 0, MOST_REPLICAS)["scaling"] == {
        "minReplicas": 1,
        "maxReplicas": 10,
    }


def test_who_fixes_replicas_has_fixed_them_everywhere() -> None:
    scaling = {"mode": "Fixed", "minReplicas": 3}

    assert template({**SPEC, "scaling": scaling}, 7, 9)["scaling"] == scaling


@pytest.mark.parametrize("more", [{}, {"maxReplicas": 3}])
def test_a_maximum_over_clusters_bounds_a_fixed_number_too(more: dict[str, int]) -> None:
    scaling = {"mode": "Fixed", "minReplicas": 3, **more}

    made = [template({**SPEC, "scaling": scaling}, 0, ceiling)["scaling"] for ceiling in (2, 0)]

    assert made == [
        {"mode": "Fixed", "minReplicas": least, **dict.fromkeys(more, least)} for least in (2, 1)
    ]
    assert [most_replicas({"scaling": one}) for one in made] == [2, 1]


VARIANTS = [{"name": "small", "accuracy": "0.7", "model": {"uri": "https://models.example/s.onnx"}}]


@pytest.mark.parametrize(
    ("offline", "made"),
    [
        pytest.param(
            {"policy": "FallbackVariant", "fallbackVariant": "small"},
            {"policy": "FallbackVariant", "fallbackVariant": "small"},
            id="as it is",
        ),
        pytest.param(
            {"policy": "LocalMax", "afterSeconds": 120},
            {"policy": "LocalMax", "afterSeconds": 120, "maxReplicas": 8},
            id="LocalMax: with the maximum of the service itself",
        ),
        pytest.param(
            {"policy": "LocalMax", "maxReplicas": 12},
            {"policy": "LocalMax", "maxReplicas": 12},
            id="LocalMax: unless it says another one",
        ),
    ],
)
def test_what_a_member_does_alone_goes_with_the_work(offline: Any, made: Any) -> None:
    parts = {"variants": VARIANTS, "variantPolicy": {"mode": "Slo"}, "offline": offline}

    found = template({**SPEC, **parts}, 0, 3)

    assert found["scaling"]["maxReplicas"] == 3
    assert found["offline"] == made
    assert {name: found[name] for name in ("variants", "variantPolicy")} == {
        name: parts[name] for name in ("variants", "variantPolicy")
    }


def test_a_ceiling_follows_capacity_only_where_there_is_a_maximum() -> None:
    site = Hub().place(edge()).sites["edge"]
    free, bound = PlacementSettings(), PlacementSettings(most=9)
    of_clouds = PlacementSettings(tier_most={"Cloud": 9})

    assert site.ceiling == 4
    assert ceiling_of(site, edge(), free, None) == MOST_REPLICAS
    assert ceiling_of(site, edge(), bound, None) == 4
    assert ceiling_of(site, edge(), of_clouds, None) == MOST_REPLICAS
    assert ceiling_of(site, edge(taints=(TaintEffect.NO_SELECT,)), free, None) == 4


@pytest.mark.parametrize(
    "facts",
    [edge(paused=True), *(replace(edge(), state=state) for state in list(ConnectionState)[1:])],
)
def test_a_ceiling_stays_where_nothing_can_be_changed(facts: Any) -> None:
    site = Hub().place(edge()).sites["edge"]
    written = {"template": {"scaling": {"maxReplicas": 7}}}

    assert ceiling_of(site, facts, PlacementSettings(), written) == 7
    assert ceiling_of(site, facts, PlacementSettings(most=3), written) == 7


def test_a_drained_cluster_keeps_its_ceiling_while_its_requests_cannot_go() -> None:
    drained = edge(taints=(TaintEffect.NO_SELECT,))
    site = Hub().place(drained, cloud()).sites["edge"]
    written = {"template": {"scaling": {"maxReplicas": 7}}}

    assert ceiling_of(site, drained, PlacementSettings(most=3), written, keeps=True) == 7
    assert ceiling_of(site, drained, PlacementSettings(most=3), written) == site.ceiling
    assert ceiling_of(site, edge(), PlacementSettings(most=9), written, keeps=True) == site.ceiling


def test_out_is_who_must_not_have_it_and_not_who_has_no_room() -> None:
    zones = Hub(zones=("eu",))
    placed = zones.place(edge(zones=("us",)), cloud(zones=("eu",)))
    no_room = Hub().place(edge(capacity=0, ready=0))
    no_money = Hub(most=1).place(edge(need=1.0), cloud())
    drained = Hub().place(edge(need=0.0, taints=(TaintEffect.NO_SELECT,)), cloud())

    assert is_out(placed.sites["edge"])
    assert not is_out(placed.sites["cloud"])
    assert not is_out(no_room.sites["edge"])
    assert not is_out(no_money.sites["cloud"])
    assert is_out(drained.sites["edge"])


@pytest.mark.parametrize(
    ("live", "wanted", "found"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": [1, 2]}, {"a": [1]}, False),
        ({"a": [{"b": 1, "c": 2}]}, {"a": [{"b": 1}]}, True),
        (None, {"a": 1}, False),
    ],
)
def test_what_is_wanted_is_there(live: Any, wanted: Any, found: bool) -> None:
    assert contains(live, wanted) is found


def test_an_account_has_the_least_rights() -> None:
    namespace, account, role, binding = mailbox("store")

    assert namespace["metadata"]["name"] == mailbox_namespace("store") == "fleet-store"
    assert mailbox_cluster("fleet-store") == "store"
    assert mailbox_cluster("kube-system") is None
    assert {
        (resource, verb, tuple(rule.get("resourceNames", ())))
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    } == {
        ("inferenceworks", "get", ()),
        ("inferenceworks", "list", ()),
        ("inferenceworks", "watch", ()),
        ("inferenceworks/status", "patch", ()),
        ("leases", "create", ("fleet-agent",)),
        ("leases", "get", ("fleet-agent",)),
        ("leases", "patch", ("fleet-agent",)),
        ("serviceaccounts/token", "create", ("fleet-agent",)),
    }
    assert role["kind"] == "Role"
    assert binding["roleRef"]["kind"] == "Role"
    assert [one["metadata"]["namespace"] for one in (account, role, binding)] == 3 * ["fleet-store"]
