"""What leads requests to a service, and tells clients where else to ask."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.controllers.cluster import Cluster
from tests.unit.controllers.world import CPU, L4, absorb, edit, observed, serving, step, written
from triton_operator.api.conditions import known_conditions
from triton_operator.client.endpoints import endpoints_in
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.observed import Outcome
from triton_operator.fleet.origin import ROUTING

LIST = ("ConfigMap", "shop", "filetype-endpoints")
AWAY = {
    "cluster": "cloud-1",
    "protocol": "HTTP",
    "url": "https://cloud-1.example.com",
    "tier": "Cloud",
    "priority": 1,
    "weightPercent": 20,
    "roundTripMilliseconds": 38,
}
HERE = {"cluster": "store-1", "protocol": "HTTP", "weightPercent": 80, "local": True}
ROUTED = json.dumps({"endpoints": [HERE, AWAY]})


def noted(cluster: Cluster, routing: str | None) -> Cluster:
    """The fleet's agent, or somebody else, has written the annotation."""
    service = cluster.one("InferenceService")
    annotations = service["metadata"].setdefault("annotations", {})
    annotations.pop(ROUTING, None)
    if routing is not None:
        annotations[ROUTING] = routing
    cluster.put(service)
    return cluster


def routed(outcome: Outcome) -> str | None:
    """The condition."""
    assert outcome.status
    found = {one.type: one for one in known_conditions(outcome.status)}
    return f"{found['Routed'].status} {found['Routed'].reason}" if "Routed" in found else None


def clusters(cluster: Cluster) -> list[tuple[str, str, int, bool]]:
    """What the client reads in the ConfigMap."""
    read = endpoints_in(cluster.objects[LIST]["data"]["endpoints.json"])
    return [(one.cluster, one.url, one.weight_percent, one.local) for one in read]


def names(objects: Any) -> list[str]:
    return [f"{one['kind']}/{one['metadata']['name']}" for one in objects]


def test_a_service_in_no_fleet_has_no_list() -> None:
    outcome = reconcile(observed(serving()))

    assert routed(outcome) is None
    assert "ConfigMap/filetype-endpoints" not in names(outcome.apply)


def test_a_member_has_a_list_with_its_own_service_first() -> None:
    cluster = noted(serving(), ROUTED)

    outcome = step(cluster)

    assert clusters(cluster) == [
        ("store-1", "http://filetype.shop.svc:8000", 80, True),
        ("cloud-1", "https://cloud-1.example.com", 20, False),
    ]
    (owner,) = cluster.objects[LIST]["metadata"]["ownerReferences"]
    assert owner["uid"] == cluster.one("InferenceService")["metadata"]["uid"]
    assert routed(outcome) == "True RoutedAsAsked"
    again = reconcile(observed(cluster))
    assert (written(cluster, again), again.delete) == ([], ())


def test_a_list_follows_its_hub_where_the_new_spec_has_no_plan() -> None:
    """What serves goes on, and so do its clients."""
    cluster = noted(serving(), ROUTED)
    step(cluster)
    edit(hardware={"pools": ["nowhere"]})(cluster)
    noted(cluster, json.dumps({"endpoints": [{**HERE, "weightPercent": 100}, AWAY]}))

    outcome = step(cluster)

    assert outcome.status
    assert clusters(cluster)[0][2] == 100
    assert names(outcome.apply)[-1] == "ConfigMap/filetype-endpoints"


def test_what_nobody_can_read_takes_no_list_away() -> None:
    cluster = noted(serving(), ROUTED)
    step(cluster)
    before = clusters(cluster)

    for wrong in ("{", "[]", '{"endpoints": [{"cluster": "A b", "protocol": "HTTP"}]}'):
        outcome = step(noted(cluster, wrong))
        assert routed(outcome) == "False RoutingUnreadable"
        assert clusters(cluster) == before


def test_who_leaves_the_fleet_loses_the_list() -> None:
    cluster = noted(serving(), ROUTED)
    step(cluster)

    outcome = reconcile(observed(noted(cluster, None)))
    absorb(cluster, outcome)

    assert LIST not in cluster.objects
    assert routed(outcome) is None


def test_a_list_survives_a_move_to_another_pool() -> None:
    cluster = noted(serving(), ROUTED)
    step(cluster)
    edit(hardware={"pools": ["l4"]})(cluster)
    step(cluster, pools=(CPU, L4))

    assert clusters(cluster)[0][0] == "store-1"
