"""What leads requests to a service beside its Service, and tells clients where else to ask."""

from dataclasses import dataclass
from typing import Any

from triton_operator.api import reasons
from triton_operator.api.conditions import ConditionStatus, Finding, finding
from triton_operator.controllers.fleet_routing import UnreadableRouting, fleet_routing
from triton_operator.controllers.kinds import CONFIG_MAP
from triton_operator.controllers.observed import Observed
from triton_operator.manifests import names
from triton_operator.manifests.endpoint_map import endpoint_map, member_rows
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.service import http_address

ObjectName = tuple[str, str]


@dataclass(frozen=True)
class WaysIn:
    """Objects that are wanted, those (kind, name) that stay as they are where they exist, and the
    condition; None: nobody asks for any."""

    objects: tuple[dict[str, Any], ...] = ()
    kept: frozenset[ObjectName] = frozenset()
    finding: Finding | None = None


def ways_in(observed: Observed, owner: Owner) -> WaysIn:
    """They do not wait for a plan: where requests go is another matter than what is rolled out."""
    try:
        routing = fleet_routing(observed.service.routing)
    except UnreadableRouting as error:
        # What was written before stays: clients go on with it.
        kept = frozenset({(CONFIG_MAP.kind, names.endpoint_map(owner.name))})
        return WaysIn(kept=kept, finding=_routed(reasons.ROUTING_UNREADABLE, str(error)))
    rows = member_rows(routing, http_address(owner)) if routing else []
    if not rows:
        return WaysIn()
    metadata = owner.metadata(names.endpoint_map(owner.name))
    said = f"{len(rows)} endpoints are in ConfigMap {metadata['name']}"
    return WaysIn((endpoint_map(metadata, rows),), finding=_routed(reasons.ROUTED_AS_ASKED, said))


def _routed(reason: str, message: str) -> Finding:
    good = reason == reasons.ROUTED_AS_ASKED
    status = ConditionStatus.TRUE if good else ConditionStatus.FALSE
    return finding(reasons.ROUTED, status, reason, message)
