"""Writes `status.placement` and the conditions of a service, where they differ."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from triton_operator.api.conditions import Finding, known_conditions, merge_conditions
from triton_operator.api.placement_status import PlacementStatus
from triton_operator.api.routing import RoutedEndpoint
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiConflict, ApiNotFound
from triton_operator.controllers.kinds import INFERENCE_SERVICE
from triton_operator.controllers.mirror import Mirror
from triton_operator.controllers.times import epoch_seconds, rfc3339
from triton_operator.fleet.placement import Placed
from triton_operator.fleet.placement_findings import (
    WorkState,
    amount,
    placement_findings,
    rows,
)
from triton_operator.fleet.placement_memory import PlacementMemory
from triton_operator.fleet.unheeded_offline import unheeded_offline
from triton_operator.hub.rollout_memory import written_down
from triton_operator.hub.rollouts import Templates
from triton_operator.hub.scene import Scene, reference_text

logger = logging.getLogger(__name__)
Body = dict[str, Any]
REFRESH_SECONDS = 30.0
"""What some report of hundreds of clusters always changes is written that often: a status with 500
rows takes the API server 0.3 s of CPU."""
_VOLATILE = ("ready", "need", "granted", "lastSpill")
_NUMBER = re.compile(r"\d+(\.\d+)?")


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
        its_templates: Templates,
        endpoints: Sequence[RoutedEndpoint],
        published: Sequence[Finding],
    ) -> None:
        """Write it unless only the time of the decision differs or, for `REFRESH_SECONDS`, only
        numbers of rows that no bound or weight follows. `memory` is that of the decision;
        `published`: how far others can read it.

        Raises:
            ApiError: it may go through later.
        """
        metadata, before = scene.body["metadata"], scene.body.get("status") or {}
        assert memory.decided_at is not None
        decided_at = rfc3339(memory.decided_at)
        conditions = merge_conditions(
            [
                *placement_findings(placed, works, scene.refused),
                *published,
                *([its_templates.finding] if its_templates.finding else []),
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
            clusters=rows(placed, scene.facts, memory, _remarks(scene)),
            rollout=(None if its_templates.memory is None else written_down(its_templates.memory)),
        )
        status = {
            "observedGeneration": metadata["generation"],
            "conditions": [one.wire() for one in conditions],
            "placement": placement.wire(),
            "endpoints": [one.wire() for one in endpoints],
        }
        if _without_time(status) == _without_time(before):
            return
        if _is_fresh(before, memory.decided_at) and _steady(status) == _steady(before):
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


def _remarks(scene: Scene) -> dict[str, str]:
    """What is said of a cluster whatever was decided."""
    unheeded = unheeded_offline(scene.spec.offline, scene.members.values())
    stays = {name: member.stays for name, member in scene.members.items()}
    return {name: "; ".join(filter(None, (why, unheeded.get(name)))) for name, why in stays.items()}


def _without_time(status: Mapping[str, Any]) -> dict[str, Any]:
    placement = dict(status.get("placement") or {})
    placement.pop("decidedAt", None)
    return {
        "observedGeneration": status.get("observedGeneration"),
        "conditions": status.get("conditions") or [],
        "placement": placement,
        "endpoints": status.get("endpoints") or [],
    }


def _is_fresh(before: Mapping[str, Any], now: float) -> bool:
    """A clock that was put back makes nothing fresh."""
    written = (before.get("placement") or {}).get("decidedAt")
    return written is not None and 0 <= now - epoch_seconds(written) < REFRESH_SECONDS


def _steady(status: Mapping[str, Any]) -> dict[str, Any]:
    """What is written at once; of numbers that come and go, that they are there. So with shares of
    endpoints, which follow what is ready: clients read them in the ConfigMap."""
    found = _without_time(status)
    clusters = [
        {
            **row,
            **{name: "" for name in _VOLATILE if name in row},
            "reason": _NUMBER.sub("", row.get("reason") or ""),
        }
        for row in found["placement"].get("clusters") or ()
    ]
    endpoints = [
        {**row, "weightPercent": bool(row.get("weightPercent"))} for row in found["endpoints"]
    ]
    placement = {**found["placement"], "clusters": clusters}
    return {**found, "placement": placement, "endpoints": endpoints}
