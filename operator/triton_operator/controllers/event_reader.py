"""Reads the Events about single objects, and remembers them for a moment."""

import logging
from collections.abc import Callable, Iterable

from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.cluster_events import Events, EventView, event_view
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.kinds import EVENT
from triton_operator.controllers.views import ObjectView

logger = logging.getLogger(__name__)
FRESH_SECONDS = 1.5
KEPT_SECONDS = 120.0
"""Longer than the time between two looks at the same object."""


class EventReader:
    """`clock` gives seconds that never go back."""

    def __init__(self, server: ApiServer, clock: Callable[[], float]) -> None:
        self._server = server
        self._clock = clock
        self._read: dict[str, tuple[float, tuple[EventView, ...]]] = {}

    async def about(self, objects: Iterable[ObjectView]) -> Events:
        """The Events about each object, by its uid.

        Where they cannot be read, what was read last: they only explain what is known without.
        """
        found = {}
        for view in objects:
            found[view.uid] = await self._about(view)
        now = self._clock()
        for uid, (time, _) in list(self._read.items()):
            if now - time > KEPT_SECONDS:
                del self._read[uid]
        return found

    async def _about(self, view: ObjectView) -> tuple[EventView, ...]:
        time, known = self._read.get(view.uid, (float("-inf"), ()))
        if self._clock() - time < FRESH_SECONDS:
            return known
        try:
            bodies = await self._server.find(
                EVENT, view.namespace, field_selector=f"regarding.uid={view.uid}"
            )
        except ApiError as error:
            logger.warning(
                "The events of an object cannot be read.",
                extra={"of": f"{view.kind} {view.name}", "error": str(error)},
            )
            events = known
        else:
            events = tuple(event_view(body) for body in bodies)
        self._read[view.uid] = (self._clock(), events)
        return events
