"""What others read of a decision, beside the works: lists of endpoints, DNS records, decisions.

None of it can keep a work or a status from being written: each says in a condition how it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from triton_operator.api.conditions import Finding
from triton_operator.api.routing import RoutedEndpoint
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import CONFIG_MAP
from triton_operator.fleet.endpoint_lists import Fleet
from triton_operator.fleet.placement_findings import endpoints_finding
from triton_operator.fleet.placement_wish import placement_of
from triton_operator.hub.dns_names import DnsNames
from triton_operator.hub.known import Known
from triton_operator.hub.owned_objects import OwnedObjects, owned_metadata
from triton_operator.hub.placement_decisions import PlacementDecisions
from triton_operator.hub.scene import Scene
from triton_operator.hub.served_kinds import ServedKinds
from triton_operator.manifests import names
from triton_operator.manifests.endpoint_map import endpoint_map


class Publications:
    """`clock` gives seconds that never go back; `dns_domains`: in which services may have names."""

    def __init__(
        self,
        server: ApiServer,
        known: Known,
        kinds: ServedKinds,
        clock: Callable[[], float],
        dns_domains: Sequence[str],
    ) -> None:
        self._objects = OwnedObjects(server, clock)
        self._names = DnsNames(self._objects, kinds, known, dns_domains)
        self._decisions = PlacementDecisions(self._objects, kinds)

    def forget_all(self) -> None:
        """Another hub may have led."""
        self._objects.forget_all()
        self._decisions.forget_all()

    def forget(self, key: Key) -> None:
        """The service is gone, and what it owns goes with it."""
        self._objects.forget(key)
        self._decisions.forget(key)

    async def write(
        self, scene: Scene, fleet: Fleet, endpoints: Sequence[RoutedEndpoint]
    ) -> list[Finding]:
        """Have everything as it should be, and say what is."""
        body = scene.body
        metadata = owned_metadata(body, names.endpoint_map(scene.key.name))
        unlisted = await self._objects.write(CONFIG_MAP, body, endpoint_map(metadata, endpoints))
        name = await self._names.write(body, placement_of(scene.spec), endpoints)
        decision = await self._decisions.write(scene, fleet)
        return [
            endpoints_finding(endpoints, unlisted),
            *(one for one in (name, decision) if one is not None),
        ]
