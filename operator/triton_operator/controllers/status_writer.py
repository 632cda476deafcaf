"""Writes the status of a service where it differs, and tells its transitions."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from triton_operator.api import reasons
from triton_operator.controllers.announcer import Announcer
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiConflict, ApiNotFound
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import INFERENCE_SERVICE
from triton_operator.controllers.observed import Outcome
from triton_operator.controllers.store import Store
from triton_operator.controllers.views import ServiceView
from triton_operator.controllers.writer import Writes

logger = logging.getLogger(__name__)


class StatusWriter:
    """Puts each answer into the store; `concern` hears of edits that came with it."""

    def __init__(
        self,
        *,
        store: Store,
        server: ApiServer,
        writes: Writes,
        announcer: Announcer,
        concern: Callable[[Iterable[Key]], None],
    ) -> None:
        self._store = store
        self._server = server
        self._writes = writes
        self._announcer = announcer
        self._concern = concern

    async def write(self, service: ServiceView, outcome: Outcome) -> None:
        """Write the outcome's status and events, unless the status is as wanted.

        Raises:
            ApiError: it may go through later.
        """
        if outcome.status is None or _is_written(outcome.status, service.status):
            return
        try:
            body = await self._server.apply_status(
                INFERENCE_SERVICE, service.namespace, service.name, service.uid, outcome.status
            )
        except (ApiConflict, ApiNotFound):
            if await self._is_gone(service):
                return
            raise
        self._writes.count("Status", "status")
        _log_change(service, outcome.status)
        # The answer may carry an edit that came meanwhile; its own event would then be no news.
        self._concern(self._store.put(INFERENCE_SERVICE, body))
        if body["metadata"]["uid"] != service.uid:
            # Made anew meanwhile: the API server does not look at the uid of a status. The store
            # has the new one now, and its own reconcile replaces what was just written.
            return
        await self._announcer.announce(service, outcome.events)

    async def _is_gone(self, service: ServiceView) -> bool:
        """Whether a service was deleted unseen; then it is forgotten.

        Else it would be reconciled again whenever garbage collection takes one of its children.
        """
        live = await self._server.get(INFERENCE_SERVICE, service.namespace, service.name)
        if live is not None and live["metadata"]["uid"] == service.uid:
            return False
        self._store.remove(INFERENCE_SERVICE, service.namespace, service.name, service.uid)
        return True


def _is_written(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Whether the status is as wanted; rows that others added to the conditions are theirs."""
    types = {condition["type"] for condition in wanted.get("conditions") or ()}
    ours = [row for row in live.get("conditions") or () if row.get("type") in types]
    return {**live, "conditions": ours} == {"conditions": [], **wanted}


def _log_change(service: ServiceView, status: Mapping[str, Any]) -> None:
    """One line when Ready turns, or has another reason."""
    before, after = (_ready(one) for one in (service.status, status))
    if (before.get("status"), before.get("reason")) != (after.get("status"), after.get("reason")):
        logger.info(
            "Ready changed.",
            extra={
                "ready": after.get("status"),
                "reason": after.get("reason"),
                "why": after.get("message"),
            },
        )


def _ready(status: Mapping[str, Any]) -> Mapping[str, Any]:
    rows = status.get("conditions") or ()
    return next((row for row in rows if row.get("type") == reasons.READY), {})
