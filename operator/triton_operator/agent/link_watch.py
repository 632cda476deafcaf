"""Whether the hub answers, told to the member's operator: annotations of services that ask for it.

A hub that is silent is judged as it judges its clusters (see `fleet.connection`), with the time
after which it counts as lost from each service's `spec.offline`. Annotations are written where the
state changes. They outlive this process, and a node that is started again while the link is cut.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Any, Protocol

from triton_operator.api.conditions import Finding
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.times import epoch_seconds, rfc3339
from triton_operator.fleet.connection import Connection, Heartbeat, heard, observed
from triton_operator.fleet.link_state import LinkState, link_state
from triton_operator.fleet.origin import Local, local_of
from triton_operator.fleet.own_link import begun, heartbeat_of, word

logger = logging.getLogger(__name__)
Body = dict[str, Any]
TICK_SECONDS = 5.0
AWAY_TICKS = 6
"""Whoever looks so much later than planned could not hear meanwhile either."""
AFTER_SECONDS = 300
"""Of an older definition, which knows no `spec.offline.afterSeconds`."""


class Services(Protocol):
    """The member's side, as far as it is needed here (see `agent.member`)."""

    def unable(self) -> Finding | None:
        """Why nothing can be done there; None: it can."""

    def services(self) -> list[Body]:
        """Those that came from a hub."""

    async def note_link(self, local: Local, state: LinkState | None) -> None:
        """Write the state onto a service; None: take it off."""


class LinkWatch:
    """Of one mailbox: what came from another one is for its own agent to tell. `now` gives seconds
    since the epoch, `clock` seconds that never go back."""

    def __init__(
        self,
        mailbox: str,
        member: Services,
        *,
        every_seconds: float,
        now: Callable[[], float],
        clock: Callable[[], float],
        tick_seconds: float = TICK_SECONDS,
    ) -> None:
        self._mailbox = mailbox
        self._member = member
        self._every_seconds = every_seconds
        self._now = now
        self._clock = clock
        self._tick_seconds = tick_seconds
        self._quiet_since = self._awake_at = clock()
        self._listening_since = -math.inf
        self._ways: dict[int, Connection] = {}
        """By the seconds after which silence is a loss."""

    def heard(self) -> None:
        """The hub has just answered."""
        self._quiet_since = now = self._awake()
        for after, way in self._ways.items():
            self._ways[after] = heard(way, now, self._heartbeat(after), self._listening_since)

    async def run(self) -> None:
        """Look again and again, whether the hub answers or not."""
        while True:
            await self.look()
            await asyncio.sleep(self._tick_seconds)

    async def look(self) -> None:
        """At every service that came from this mailbox; what is to be written is written."""
        now = self._awake()
        if self._member.unable() is not None:
            return
        services = [body for body in self._member.services() if self._is_ours(body)]
        for after in sorted({one for body in services if (one := _after(body)) is not None}):
            way = self._ways.get(after) or begun(
                self._quiet_since, self._lost_since(services, after)
            )
            self._ways[after] = observed(way, now, self._heartbeat(after), self._listening_since)
        for body in services:
            await self._tell(body)

    def _is_ours(self, body: Body) -> bool:
        local = local_of(body)
        return local.mailbox == self._mailbox and not local.is_leaving

    def _awake(self) -> float:
        """The time, and whether this process stood still until now, as a node that is suspended."""
        now = self._clock()
        if now - self._awake_at > AWAY_TICKS * self._tick_seconds:
            self._listening_since = now
        self._awake_at = now
        return now

    async def _tell(self, body: Body) -> None:
        before, after = link_state(body["metadata"].get("annotations")), _after(body)
        wanted = None if after is None else self._wanted(before, self._ways[after])
        if wanted == before:
            return
        local = local_of(body)
        pairs = {"service": f"{local.namespace}/{local.name}", "link": wanted and wanted.state}
        try:
            await self._member.note_link(local, wanted)
        except ApiError as error:
            extra = pairs | {"error": str(error)}
            logger.warning("The link's state cannot be told; it is tried again.", extra=extra)
            return
        logger.info("The link's state is another.", extra=pairs)

    def _wanted(self, before: LinkState | None, way: Connection) -> LinkState | None:
        """What is to be written; the time stays as it is as long as the word does."""
        made = LinkState(word(way), self._time(way.lost_since))
        if before is None:
            return made if made.is_cut else None
        if before.state == made.state:
            return before
        if made.is_cut and before.is_cut:
            return LinkState(made.state, before.since)
        return made if made.is_cut else LinkState(made.state, self._time(None))

    def _time(self, seconds: float | None) -> str:
        """A time by `clock` as it is written; None: now."""
        passed = 0.0 if seconds is None else self._clock() - seconds
        return rfc3339(self._now() - passed)

    def _lost_since(self, services: list[Body], after: int) -> float | None:
        """Since when the link is cut, as a process before this one has written it; by `clock`."""
        found = []
        for body in services:
            said = link_state(body["metadata"].get("annotations"))
            if said is not None and said.is_cut and _after(body) == after:
                found.append(self._by_clock(said.since))
        return min(found, default=None)

    def _by_clock(self, since: str) -> float:
        try:
            passed = self._now() - epoch_seconds(since)
        except (ValueError, OverflowError):
            passed = 0.0
        return self._clock() - max(0.0, passed)

    def _heartbeat(self, after: int) -> Heartbeat:
        return heartbeat_of(self._every_seconds, after)


def _after(body: Body) -> int | None:
    """Seconds of silence after which a service asks for something; None: it asks for nothing."""
    offline = (body.get("spec") or {}).get("offline")
    if not isinstance(offline, dict):
        return None
    after = offline.get("afterSeconds", AFTER_SECONDS)
    return after if isinstance(after, int) else AFTER_SECONDS
