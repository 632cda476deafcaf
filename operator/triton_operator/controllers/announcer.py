"""Kubernetes Events for transitions, as `kubectl describe` shows them."""

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from triton_operator.api.conditions import shortened
from triton_operator.api.group import API_VERSION, GROUP
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.kinds import EVENT
from triton_operator.controllers.observed import EventDraft
from triton_operator.controllers.views import ServiceView

logger = logging.getLogger(__name__)
NOTE_BYTES = 1000
"""events.k8s.io allows 1,024 bytes."""


class Announcer:
    """Posts Events. One that cannot be posted is logged: news must not hold up the work."""

    def __init__(
        self,
        server: ApiServer,
        instance: str,
        clock: Callable[[], float],
        suffix: Callable[[], str],
    ) -> None:
        self._server = server
        self._instance = instance
        self._clock = clock
        self._suffix = suffix

    async def announce(self, service: ServiceView, drafts: Iterable[EventDraft]) -> None:
        """Post each draft about `service`."""
        for draft in drafts:
            time = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="microseconds")
            manifest = {
                "apiVersion": EVENT.api_version,
                "kind": EVENT.kind,
                "metadata": {
                    "name": f"{service.name}.{self._suffix()}",
                    "namespace": service.namespace,
                },
                "eventTime": time.replace("+00:00", "Z"),
                "reportingController": f"{GROUP}/controller",
                "reportingInstance": self._instance,
                "type": draft.type,
                "reason": draft.reason,
                "action": draft.action,
                "note": _note(draft.message),
                "regarding": {
                    "apiVersion": API_VERSION,
                    "kind": service.kind,
                    "namespace": service.namespace,
                    "name": service.name,
                    "uid": service.uid,
                },
            }
            try:
                await self._server.create(EVENT, service.namespace, manifest)
            except ApiError as error:
                logger.warning(
                    "An event could not be posted.",
                    extra={"event": draft.reason, "error": str(error)},
                )


def _note(message: str) -> str:
    """The message within the limit, which counts bytes."""
    limit = NOTE_BYTES
    while len((note := shortened(message, limit)).encode()) > NOTE_BYTES:
        limit -= 100
    return note
