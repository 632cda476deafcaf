"""What leads requests to a service beside its Service, and tells clients where else to ask.

Nothing here waits for a plan: where requests go is another matter than what is rolled out.
"""

from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

from triton_operator.api import reasons
from triton_operator.api.conditions import ConditionStatus, Finding, finding
from triton_operator.api.enums import OtherClusters, Protocol
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.ingress import GatewayIngress
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.routing import WorkRouting
from triton_operator.controllers.fleet_routing import UnreadableRouting, fleet_routing
from triton_operator.controllers.kinds import (
    BACKEND_TLS,
    CONFIG_MAP,
    GRPC_ROUTE,
    HTTP_ROUTE,
    SERVICE,
)
from triton_operator.controllers.observed import Observed
from triton_operator.manifests import names
from triton_operator.manifests.endpoint_map import endpoint_map, member_rows
from triton_operator.manifests.gateway_routes import grpc_route, http_route
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.remote_backends import Remote, remote_service, remote_tls, remotes
from triton_operator.manifests.service import http_address

Manifest = dict[str, Any]
ObjectName = tuple[str, str]
_ROUTE = {Protocol.HTTP: HTTP_ROUTE.kind, Protocol.GRPC: GRPC_ROUTE.kind}
_BEGIN = {
    Protocol.HTTP: names.remote_services_begin,
    Protocol.GRPC: names.remote_grpc_services_begin,
}
"""How the names of what stands for other clusters begin."""
MOST_NAMED = 5


@dataclass
class WaysIn:
    """Objects that are wanted, those (kind, name) that stay as they are where they exist, and what
    there is to say of them: done, and not done, with its reason."""

    objects: list[Manifest] = field(default_factory=list)
    kept: set[ObjectName] = field(default_factory=set)
    done: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    waits: bool = False

    @property
    def finding(self) -> Finding | None:
        """The condition; None: nobody asks for any way in. The first problem gives the reason."""
        if self.problems:
            said = "; ".join(text for _, text in self.problems)
            return finding(reasons.ROUTED, ConditionStatus.FALSE, self.problems[0][0], said)
        if self.waits:
            said = "; ".join([*self.done, "routes are made once the model is known"])
            return finding(reasons.ROUTED, ConditionStatus.UNKNOWN, reasons.WAITING_FOR_MODEL, said)
        if not self.done:
            return None
        said = "; ".join(self.done)
        return finding(reasons.ROUTED, ConditionStatus.TRUE, reasons.ROUTED_AS_ASKED, said)


def ways_in(
    observed: Observed, owner: Owner, spec: InferenceServiceSpec, facts: ModelFacts | None
) -> WaysIn:
    """Of one service; `facts` are those of its model, None: not known yet."""
    ways = WaysIn()
    if (refused := observed.routing_problem) is not None:
        ways.problems.append((refused.reason, refused.message))
    gateway = None if spec.ingress is None else spec.ingress.gateway
    try:
        routing = fleet_routing(observed.service.routing)
    except UnreadableRouting as error:
        # What was written before stays: clients go on with it, and what must not leave does not.
        ways.problems.append((reasons.ROUTING_UNREADABLE, str(error)))
        ways.kept.add((CONFIG_MAP.kind, names.endpoint_map(owner.name)))
        if gateway is not None:
            ways.kept |= _routes_there(observed, owner)
        return ways
    if routing is not None and (rows := member_rows(routing, http_address(owner))):
        metadata = owner.metadata(names.endpoint_map(owner.name))
        ways.objects.append(endpoint_map(metadata, rows))
        ways.done.append(f"ConfigMap {metadata['name']} has {len(rows)} endpoints")
    if gateway is not None:
        model = _model_name(observed, owner, facts)
        if model is None:
            ways.kept |= _routes_there(observed, owner)
            ways.waits = True
        else:
            ways.objects += _routes(ways, observed, owner, gateway, model, routing or WorkRouting())
    return ways


def _routes(
    ways: WaysIn,
    observed: Observed,
    owner: Owner,
    gateway: GatewayIngress,
    model: str,
    routing: WorkRouting,
) -> Iterator[Manifest]:
    known = observed.optional_kinds
    wanted = [Protocol.HTTP, *([Protocol.GRPC] if gateway.grpc_hostnames else [])]
    if missing := [one for one in wanted if _ROUTE[one] not in known]:
        kinds = " and no ".join(_ROUTE[one] for one in missing)
        ways.problems.append(
            (
                reasons.ROUTES_NOT_INSTALLED,
                f"the cluster knows no {kinds}, or this operator may not list "
                "them: install the Gateway API and a Gateway; it is noticed within minutes",
            )
        )
        # They may be there and not be seen: what they name stays.
        ways.kept |= _routes_there(observed, owner, missing)
    for protocol in wanted:
        if protocol in missing:
            continue
        away, here = yield from _backends(ways, owner, gateway, routing, known, protocol)
        if protocol is Protocol.HTTP:
            yield http_route(owner, gateway, model, here, away, routing.local_only)
        else:
            yield grpc_route(owner, gateway, here, away, routing.local_only)


def _backends(
    ways: WaysIn,
    owner: Owner,
    gateway: GatewayIngress,
    routing: WorkRouting,
    known: frozenset[str],
    protocol: Protocol,
) -> Generator[Manifest, None, tuple[list[Remote], int]]:
    """What a route names, which comes before it: a name without an object would cost requests. Then
    the other clusters that get a share of it, and how much stays, in percent."""
    route = _ROUTE[protocol]
    if gateway.to_other_clusters is OtherClusters.NEVER:
        ways.done.append(f"{route}: every request is served here")
        return [], 100
    away, here, refused = remotes(routing, knows_tls=BACKEND_TLS.kind in known, protocol=protocol)
    for one in away:
        yield remote_service(owner, one)
        if one.tls:
            yield remote_tls(owner, one)
    if refused:
        named = [f"{name}: {why}" for name, why in list(refused.items())[:MOST_NAMED]]
        more = len(refused) - len(named)
        said = "; ".join(named) + (f"; and {more} more" if more else "")
        ways.problems.append(
            (reasons.SERVED_HERE, f"{route}: what should go to other clusters stays: {said}")
        )
    ways.done.append(f"{route}: {here} % of the requests are served here")
    return away, here


def _model_name(observed: Observed, owner: Owner, facts: ModelFacts | None) -> str | None:
    if facts is not None:
        return names.triton_model(owner.name, facts)
    name = (observed.service.status.get("model") or {}).get("name")
    return name if isinstance(name, str) else None


def _routes_there(
    observed: Observed, owner: Owner, protocols: Collection[Protocol] = tuple(Protocol)
) -> set[ObjectName]:
    """Routes of these protocols, and what they name."""
    kinds = {_ROUTE[one] for one in protocols}
    prefixes = tuple(_BEGIN[one](owner.name) for one in protocols)
    return {
        (child.kind, child.name)
        for child in observed.children
        if child.kind in kinds
        or (child.kind in (SERVICE.kind, BACKEND_TLS.kind) and child.name.startswith(prefixes))
    }
