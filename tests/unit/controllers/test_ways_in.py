"""What leads requests to a service, and tells clients where else to ask."""

from __future__ import annotations

import asyncio
import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.controllers.cluster import Cluster, service_object
from tests.unit.controllers.shell import Shell
from tests.unit.controllers.world import (
    CPU,
    L4,
    absorb,
    edit,
    first_sight,
    observed,
    serving,
    step,
    written,
)
from tests.unit.planning.building import DIGEST, facts
from triton_operator.api.conditions import known_conditions
from triton_operator.client.endpoints import endpoints_in
from triton_operator.controllers.errors import ApiUnavailable
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.observed import Outcome
from triton_operator.fleet.origin import ROUTING
from triton_operator.manifests.desired_hash import with_desired_hash
from triton_operator.manifests.model_profile import profile_of_facts

LIST = ("ConfigMap", "shop", "filetype-endpoints")
AWAY = {
    "cluster": "cloud-1",
    "protocol": "HTTP",
    "url": "https://cloud-1.example.com",
    "grpcUrl": "http://grpc.cloud-1.example.com:8001",
    "tier": "Cloud",
    "priority": 1,
    "weightPercent": 20,
    "roundTripMilliseconds": 38,
}
HERE = {"cluster": "store-1", "protocol": "HTTP", "weightPercent": 80, "local": True}
ROUTED = json.dumps({"endpoints": [HERE, AWAY]})


def noted(cluster: Cluster, routing: str | None) -> Cluster:
    """The fleet's agent, or somebody else, has written the annotation."""
    service = deepcopy(cluster.one("InferenceService"))
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
    assert "ConfigMap/filetype-endpoints" not in names(outcome.ways)


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
    assert names(outcome.ways) == ["ConfigMap/filetype-endpoints"]


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


# Routes of the Gateway API.

KINDS = ("HTTPRoute", "GRPCRoute", "BackendTLSPolicy")
GATEWAY: dict[str, Any] = {
    "parentRefs": [{"name": "public"}],
    "grpcHostnames": ["grpc.example.com"],
    "toOtherClusters": "ExternalName",
}
ROUTES = ["HTTPRoute/filetype", "GRPCRoute/filetype"]
AWAY_OBJECTS = ["Service/filetype-to-cloud-1", "BackendTLSPolicy/filetype-to-cloud-1"]
AWAY_GRPC = "Service/filetype-grpc-to-cloud-1-a61fd0"


def opened(cluster: Cluster, **gateway: Any) -> Cluster:
    """Somebody asks for routes."""
    edit(ingress={"gateway": {**GATEWAY, **gateway}})(cluster)
    return cluster


def ways(outcome: Outcome) -> list[str]:
    """Which of the objects that lead to the service are wanted, in the order of writing."""
    wanted = (*ROUTES, *AWAY_OBJECTS, AWAY_GRPC)
    return [one for one in names(outcome.ways) if one in wanted]


def shares(outcome: Outcome, kind: str = "HTTPRoute") -> list[dict[str, int | None]]:
    """Backends of each rule of a route."""
    (route,) = [one for one in outcome.ways if one["kind"] == kind]
    return [
        {one["name"]: one.get("weight") for one in rule["backendRefs"]}
        for rule in route["spec"]["rules"]
    ]


def test_a_service_in_no_fleet_has_plain_routes_to_itself() -> None:
    cluster = opened(serving())

    outcome = step(cluster, optional_kinds=KINDS)

    assert ways(outcome) == ROUTES
    assert shares(outcome) == [{"filetype": None}]
    assert routed(outcome) == "True RoutedAsAsked"
    again = reconcile(observed(cluster, optional_kinds=KINDS))
    assert (written(cluster, again), again.delete) == ([], ())


def test_a_member_shares_and_what_a_route_names_is_written_before_it() -> None:
    outcome = step(opened(noted(serving(), ROUTED)), optional_kinds=KINDS)

    assert ways(outcome) == [*AWAY_OBJECTS, ROUTES[0], AWAY_GRPC, ROUTES[1]]
    assert shares(outcome) == [{"filetype": None}, {"filetype": 80, "filetype-to-cloud-1": 20}]
    assert shares(outcome, "GRPCRoute") == [
        {"filetype": None},
        {"filetype": 80, "filetype-grpc-to-cloud-1-a61fd0": 20},
    ]
    assert routed(outcome) == "True RoutedAsAsked"


def test_who_tells_no_address_for_grpc_gets_requests_of_http_alone() -> None:
    silent = {name: value for name, value in AWAY.items() if name != "grpcUrl"}
    told = json.dumps({"endpoints": [HERE, silent]})

    outcome = step(opened(noted(serving(), told)), optional_kinds=KINDS)

    assert ways(outcome) == [*AWAY_OBJECTS, *ROUTES]
    assert shares(outcome, "GRPCRoute") == [{"filetype": None}]
    assert routed(outcome) == "False ServedHere"
    assert "GRPCRoute: what should go to other clusters stays: cloud-1: nobody has said" in str(
        outcome.status
    )


def test_a_route_that_cannot_be_listed_does_not_hold_what_another_names() -> None:
    cluster = opened(noted(serving(), ROUTED))
    step(cluster, optional_kinds=KINDS)
    noted(cluster, json.dumps({"endpoints": [{**HERE, "weightPercent": 100}]}))
    seen = observed(cluster, optional_kinds=("HTTPRoute", "BackendTLSPolicy"))

    outcome = reconcile(seen)

    gone = {f"{one.kind}/{one.name}" for one in outcome.delete}
    assert gone == set(AWAY_OBJECTS)


def test_a_header_that_keeps_data_here_is_the_hubs() -> None:
    told = {"endpoints": [HERE, AWAY], "localOnly": {"header": "x-data-class", "values": ["pii"]}}

    outcome = step(opened(noted(serving(), json.dumps(told))), optional_kinds=KINDS)

    (route,) = [one for one in outcome.ways if one["kind"] == "HTTPRoute"]
    stays = route["spec"]["rules"][0]
    assert {"type": "Exact", "name": "x-data-class", "value": "pii"} in [
        header for match in stays["matches"] for header in match["headers"]
    ]
    assert [one["name"] for one in stays["backendRefs"]] == ["filetype"]


def test_never_keeps_all_at_the_gateway_and_not_at_clients() -> None:
    cluster = opened(noted(serving(), ROUTED), toOtherClusters="Never")

    outcome = step(cluster, optional_kinds=KINDS)

    assert shares(outcome) == shares(outcome, "GRPCRoute") == [{"filetype": None}]
    assert clusters(cluster)[1][2] == 20
    assert routed(outcome) == "True RoutedAsAsked"


def test_kinds_that_are_not_installed_are_said_and_the_others_are_made() -> None:
    cluster = opened(serving())

    none = step(cluster)
    assert (ways(none), routed(none)) == ([], "False RoutesNotInstalled")
    one = step(cluster, optional_kinds=("HTTPRoute",))
    assert (ways(one), routed(one)) == (ROUTES[:1], "False RoutesNotInstalled")
    without_grpc = step(opened(cluster, grpcHostnames=[]), optional_kinds=("HTTPRoute",))
    assert (ways(without_grpc), routed(without_grpc)) == (ROUTES[:1], "True RoutedAsAsked")


def test_what_cannot_be_listed_any_more_takes_away_nothing_that_it_names() -> None:
    """Routes may be there and not be seen, and a name without an object costs requests."""
    cluster = opened(noted(serving(), ROUTED))
    step(cluster, optional_kinds=KINDS)
    seen = observed(cluster)
    seen = replace(seen, children=tuple(one for one in seen.children if one.kind not in KINDS))

    outcome = reconcile(seen)

    assert "filetype-to-cloud-1" in {one.name for one in seen.children if one.kind == "Service"}
    assert outcome.delete == ()
    assert routed(outcome) == "False RoutesNotInstalled"


@pytest.mark.parametrize("length", [45, 46, 50])
def test_nor_does_it_where_names_are_so_long_that_they_are_cut(length: int) -> None:
    name = "f" * length
    cluster = Cluster()
    service = service_object(
        name,
        model={"uri": "pvc://models/magika/model.onnx", "digest": DIGEST},
        ingress={"gateway": GATEWAY},
    )
    told = {**AWAY, "cluster": "c" * 57, "grpcUrl": "https://grpc.example"}
    service["metadata"]["annotations"] = {ROUTING: json.dumps({"endpoints": [HERE, told]})}
    cluster.put(service)
    cluster.put(with_desired_hash(profile_of_facts("shop", DIGEST, facts())))
    absorb(cluster, reconcile(observed(cluster, name=name, optional_kinds=KINDS)))
    seen = observed(cluster, name=name)
    seen = replace(seen, children=tuple(one for one in seen.children if "Route" not in one.kind))
    remote = [one.name for one in seen.children if one.kind == "BackendTLSPolicy"]

    outcome = reconcile(seen)

    assert len(remote) == 2, "for HTTP and for gRPC"
    assert outcome.delete == ()
    assert routed(outcome) == "False RoutesNotInstalled"


def test_routes_wait_for_the_model_and_say_so() -> None:
    outcome = step(opened(noted(first_sight(), ROUTED)), optional_kinds=KINDS)

    assert ways(outcome) == []
    assert routed(outcome) == "Unknown WaitingForModel"


def test_a_share_that_cannot_be_sent_is_served_here_and_said() -> None:
    cluster = opened(noted(serving(), ROUTED))

    outcome = step(cluster, optional_kinds=("HTTPRoute", "GRPCRoute"))

    assert ways(outcome) == [ROUTES[0], AWAY_GRPC, ROUTES[1]]
    assert shares(outcome) == [{"filetype": None}]
    assert routed(outcome) == "False ServedHere"


def test_who_gets_nothing_any_more_is_removed_and_routes_that_nobody_wants_too() -> None:
    cluster = opened(noted(serving(), ROUTED))
    step(cluster, optional_kinds=KINDS)
    noted(cluster, json.dumps({"endpoints": [{**HERE, "weightPercent": 100}]}))
    outcome = step(cluster, optional_kinds=KINDS)
    assert sorted(f"{one.kind}/{one.name}" for one in outcome.delete) == sorted(
        [*AWAY_OBJECTS, AWAY_GRPC]
    )

    edit(ingress=None)(cluster)
    outcome = step(cluster, optional_kinds=KINDS)
    assert sorted(f"{one.kind}/{one.name}" for one in outcome.delete) == sorted(ROUTES)
    assert routed(outcome) == "True RoutedAsAsked", "of the list that clients have"


def test_what_nobody_can_read_takes_no_route_away() -> None:
    cluster = opened(noted(serving(), ROUTED))
    step(cluster, optional_kinds=KINDS)

    outcome = step(noted(cluster, "{"), optional_kinds=KINDS)

    assert outcome.delete == ()
    assert ways(outcome) == []
    assert routed(outcome) == "False RoutingUnreadable"


def test_a_list_of_somebody_elses_name_stops_neither_replicas_nor_routes() -> None:
    cluster = opened(noted(serving(), ROUTED))
    theirs = {"kind": "ConfigMap", "metadata": {"namespace": "shop", "name": LIST[2]}, "data": {}}
    cluster.put(theirs)
    shell = Shell(cluster)
    shell.controller.can_make(frozenset(KINDS))

    asyncio.run(shell.run())

    assert cluster.objects[LIST]["data"] == {}
    assert ("HTTPRoute", "shop", "filetype") in cluster.objects
    assert shell.condition("Routed") == "False NotOwned"
    assert "NotOwned" not in shell.condition("Ready") + shell.condition("Progressing")
    assert set(shell.controller.counts.reconciles) == {"ok"}


def test_no_route_leads_to_a_service_of_somebody_else_and_no_name_of_a_route_goes() -> None:
    cluster = opened(noted(serving(), ROUTED))
    shell = Shell(cluster)
    shell.controller.can_make(frozenset(KINDS))
    asyncio.run(shell.run())
    before = cluster.objects["HTTPRoute", "shop", "filetype"]

    name = "filetype-to-cloud-2"
    cluster.put({"kind": "Service", "metadata": {"namespace": "shop", "name": name}, "spec": {}})
    noted(cluster, json.dumps({"endpoints": [HERE, {**AWAY, "cluster": "cloud-2"}]}))
    asyncio.run(shell.run())

    assert cluster.objects["HTTPRoute", "shop", "filetype"] == before
    assert ("BackendTLSPolicy", "shop", "filetype-to-cloud-1") in cluster.objects
    assert shell.condition("Routed") == "False NotOwned"

    cluster.remove("Service", "shop", name)
    shell.watch()
    shell.clock.advance(60)
    asyncio.run(shell.run())
    assert ("BackendTLSPolicy", "shop", "filetype-to-cloud-1") not in cluster.objects
    assert shell.condition("Routed") == "True RoutedAsAsked"


def test_a_webhook_that_does_not_answer_stops_neither_replicas_nor_the_status() -> None:
    """Routes have other webhooks than Deployments; it is tried again within a minute."""
    cluster = opened(serving())
    shell = Shell(cluster)
    shell.controller.can_make(frozenset(KINDS))
    down = ApiUnavailable(500, "InternalError", "failed calling webhook")
    cluster.failures[("apply", "HTTPRoute")] = [down]

    asyncio.run(shell.run())

    generation = cluster.one("InferenceService")["metadata"]["generation"]
    assert shell.status()["observedGeneration"] == generation
    assert shell.condition("Routed") == "False ApplyRefused"
    assert "ApplyRefused" not in shell.condition("Ready") + shell.condition("Progressing")
    assert set(shell.controller.counts.reconciles) == {"ok"}

    shell.clock.advance(60)
    asyncio.run(shell.run())
    assert ("HTTPRoute", "shop", "filetype") in cluster.objects
    assert shell.condition("Routed") == "True RoutedAsAsked"
