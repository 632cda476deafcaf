"""Writes `status.placement` and the conditions of a service, where they differ."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from triton_operator.api.conditions import known_conditions, merge_conditions
from triton_operator.api.placement_status import PlacementStatus
from triton_operator.api.routing import RoutedEndpoint
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiConflict, ApiNotFound
from triton_operator.controllers.kinds import INFERENCE_SERVICE
from triton_operator.controllers.times import rfc3339
from triton_operator.fleet.placement import Placed
from triton_operator.fleet.placement_findings import (
    WorkState,
    amount,
    endpoints_finding,
    placement_findings,
    rows,
)
from triton_operator.fleet.placement_memory import PlacementMemory
from triton_operator.hub.mirror import Mirror
from triton_operator.hub.scene import Scene, reference_text

logger = logging.getLogger(__name__)
Body = dict[str, Any]


class ServiceStatusWriter:
    """Answers go into the mirror."""

    def __init__(self, server: ApiServer, services: Mirror) -> None:
        self._server = server
        self._services = services

    async def write(
        self,
        scene: Scene,
        placed: Placed,
        memory: PlacementMemory,
        works: Mapping[str, WorkState],
        revision: int,
        endpoints: Sequence[RoutedEndpoint],
        unlisted: str,
    ) -> None:
        """Write it unless only the time of the decision differs. `memory` is that of the decision;
        `unlisted`: why the ConfigMap with the endpoints is not written.

        Raises:
            ApiError: it may go through later.
        """
        metadata, before = scene.body["metadata"], scene.body.get("status") or {}
        assert memory.decided_at is not None
        decided_at = rfc3339(memory.decided_at)
        conditions = merge_conditions(
            [
                *placement_findings(placed, works, scene.refused),
                endpoints_finding(endpoints, unlisted),
            ],
            known_conditions(before),
            metadata["generation"],
            decided_at,
        )
        placement = PlacementStatus(
            revision=revision,
            decided_at=decided_at,
            unplaced=amount(placed.unplaced),
            reference_rate=None if scene.reference is None else reference_text(scene.reference),
            clusters=rows(placed, scene.facts, memory),
        )
        status = {
            "observedGeneration": metadata["generation"],
            "conditions": [one.wire() for one in conditions],
            "placement": placement.wire(),
            "endpoints": [one.wire() for one in endpoints],
        }
        if _without_time(status) == _without_time(before):
            return
        namespace, name = metadata["namespace"], metadata["name"]
        try:
            body = await self._server.apply_status(
                INFERENCE_SERVICE, namespace, name, metadata["uid"], status
            )
        except (ApiConflict, ApiNotFound):
            # Gone, or made anew: the watch tells.
            return
        self._services.put(body)


def _without_time(status: Mapping[str, Any]) -> dict[str, Any]:
    placement = dict(status.get("placement") or {})
    placement.pop("decidedAt", None)
    return {
        "observedGeneration": status.get("observedGeneration"),
        "conditions": status.get("conditions") or [],
        "placement": placement,
        "endpoints": status.get("endpoints") or [],
    }
