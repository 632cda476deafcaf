"""The `DNSEndpoint` beside a service: written where external-dns can read it, and taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from triton_operator.api.conditions import Finding
from triton_operator.api.placement import Placement
from triton_operator.api.placement_dns import PlacementDns
from triton_operator.api.reasons import NAME_PUBLISHED
from triton_operator.api.routing import RoutedEndpoint
from triton_operator.controllers.errors import ApiError
from triton_operator.fleet import status_reasons as reasons
from triton_operator.fleet.dns_finding import (
    dns_refusal,
    name_published,
    not_installed,
    not_published,
)
from triton_operator.fleet.dns_records import dns_records
from triton_operator.hub.kinds import DNS_ENDPOINT
from triton_operator.hub.known import Known
from triton_operator.hub.owned_objects import MOST_QUOTED, OwnedObjects, owned_metadata
from triton_operator.hub.served_kinds import ServedKinds

Body = dict[str, Any]
WITHDRAWN = frozenset({reasons.STAYS_LOCAL, reasons.NAME_TAKEN})
"""Reasons for which a record that is there must go. Without the administrator's domain, the hub has
no right to delete one."""


class DnsNames:
    """`domains`: in which services may have names."""

    def __init__(
        self, objects: OwnedObjects, kinds: ServedKinds, known: Known, domains: Sequence[str]
    ) -> None:
        self._objects = objects
        self._kinds = kinds
        self._known = known
        self._domains = domains

    async def write(
        self, service: Body, placement: Placement, rows: Sequence[RoutedEndpoint]
    ) -> Finding | None:
        """Have the records as they should be, and say whether they are; None: nobody asks for any,
        and none are left."""
        try:
            if placement.dns is None:
                if _is_told(service) and await self._kinds.serves(DNS_ENDPOINT):
                    await self._withdraw(service)
                return None
            if refusal := dns_refusal(service, placement, self._domains, self._services()):
                if refusal.reason in WITHDRAWN and await self._kinds.serves(DNS_ENDPOINT):
                    await self._withdraw(service)
                return refusal
            if not await self._kinds.serves(DNS_ENDPOINT):
                return not_installed()
            return await self._publish(service, placement.dns, rows)
        except ApiError as error:
            return not_published(f"the DNSEndpoint is not as it should be: {error}"[:MOST_QUOTED])

    async def _publish(
        self, service: Body, wish: PlacementDns, rows: Sequence[RoutedEndpoint]
    ) -> Finding:
        name = service["metadata"]["name"]
        known = await self._objects.known(DNS_ENDPOINT, service, name)
        before = ((known or {}).get("spec") or {}).get("endpoints") or ()
        records = dns_records(rows, wish, before)
        if records.endpoints:
            wanted = {
                "apiVersion": DNS_ENDPOINT.api_version,
                "kind": DNS_ENDPOINT.kind,
                "metadata": owned_metadata(service, name),
                "spec": {"endpoints": list(records.endpoints)},
            }
            if why := await self._objects.write(DNS_ENDPOINT, service, wanted):
                return not_published(why)
        return name_published(wish, records)

    def _services(self) -> list[Body]:
        places = [(key.namespace, key.name) for key in self._known.fleet_services()]
        return [found for place in places if (found := self._known.services.get(*place))]

    async def _withdraw(self, service: Body) -> None:
        await self._objects.remove(DNS_ENDPOINT, service, service["metadata"]["name"])


def _is_told(service: Body) -> bool:
    """Whether its status says anything of a name: a record may be there only then."""
    rows = (service.get("status") or {}).get("conditions") or ()
    return any(row.get("type") == NAME_PUBLISHED for row in rows)
