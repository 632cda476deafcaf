"""Who leads: one of several operator processes, agreed on by a Lease of the API server.

A leader renews the Lease every sixth of its duration. It may write for two thirds of the duration
after the beginning of the last renewal that was answered, and abandons requests that are under way
at nine tenths; a follower takes over only when it has seen no renewal for the whole duration.
Durations are measured on clocks that never go back. The times in the Lease are for people: nobody
compares one machine's wall clock with another's.
"""

import asyncio
import logging
import math
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from triton_operator.api.group import FIELD_MANAGER
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.errors import ApiConflict, ApiError
from triton_operator.controllers.kinds import LEASE
from triton_operator.controllers.times import micro_time
from triton_operator.controllers.traffic import Traffic

logger = logging.getLogger(__name__)
RENEW_SHARE = 1 / 6
LOOK_SHARE = 1 / 12
REQUEST_SHARE = 1 / 4
WRITE_SHARE = 2 / 3
ABANDON_SHARE = 9 / 10
BLIND_SHARE = 1 / 2
"""Shares of the Lease's duration: between renewals; between a follower's looks; for one request
about the Lease; in which a leader begins writes; until it has given up on their answers; without an
answer after which a follower counts anew."""

MOST_LOOK_SECONDS = 1.0
"""However long a Lease holds, one that was given back is soon taken."""


def steady_seconds() -> float:
    """Seconds that never go back and, where the system can tell, go on while it is suspended."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


@dataclass(frozen=True)
class LeaseOptions:
    """Which Lease decides, and for how long each renewal holds."""

    namespace: str
    name: str
    seconds: float = 12.0


class LeaseLost(Exception):
    """Another process leads, so this one must not write again."""


class Unopposed:
    """The election of a process that is told to be the only one."""

    def __init__(self) -> None:
        self.acquired = asyncio.Event()

    @property
    def leads(self) -> bool:
        """From the beginning to the end."""
        return self.acquired.is_set()

    def write_seconds(self) -> float:
        """No limit but that of requests."""
        return math.inf

    async def run(self, on_acquired: Callable[[], None]) -> None:
        """Lead, for ever."""
        on_acquired()
        self.acquired.set()
        await asyncio.Event().wait()

    async def release(self) -> None:
        """Nobody waits for it."""


class _Record(NamedTuple):
    """What a renewal changes in a Lease."""

    holder: str
    renewed: str
    transitions: int
    uid: str


_NOBODY = _Record("", "", 0, "")


class Election:
    """One candidate. `identity` is this process' alone: a restart is another candidate.

    `clock` gives seconds as `steady_seconds` does, `wall` seconds since the epoch.
    """

    def __init__(
        self,
        server: ApiServer,
        options: LeaseOptions,
        identity: str,
        *,
        clock: Callable[[], float] = steady_seconds,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._server = server
        self._options = options
        self._identity = identity
        self._clock = clock
        self._wall = wall
        self._sleep = sleep
        self._seen = _NOBODY
        self._seen_at = self._answered_at = clock()
        self._duration = options.seconds
        self._renewed_at: float | None = None
        self._released = False
        self._problem = ""
        self.acquired = asyncio.Event()
        """Set once this process leads. It stays set: a process that has lost the Lease ends."""

    @property
    def leads(self) -> bool:
        """Whether this process may begin a write now."""
        return self._left(WRITE_SHARE) > 0

    def write_seconds(self) -> float:
        """How long a write that begins now may take; 0 where none may begin."""
        return self._left(ABANDON_SHARE) if self.leads else 0.0

    async def run(self, on_acquired: Callable[[], None]) -> None:
        """Take the Lease when it is free, call `on_acquired` once, and renew it for ever.

        Raises:
            LeaseLost: this process led, and another one does now.
        """
        while True:
            try:
                await self._attempt()
                if self.leads and not self.acquired.is_set():
                    logger.info("This process leads.", extra=self._pairs())
                    on_acquired()
                    self.acquired.set()
                self._problem = ""
            except ApiError as error:
                self._complain(error)
            await self._sleep(self._pause())

    async def release(self) -> None:
        """Give the Lease back, so that a follower need not wait until it runs out.

        To be called when nothing is written any more; `leads` is False from now on.
        """
        held, self._released = self.leads, True
        if not held:
            return
        try:
            try:
                await self._give_back()
            except ApiConflict:
                # The last renewal was still under way.
                await self._give_back()
        except ApiError as error:
            logger.warning("The Lease could not be released.", extra=self._pairs(error))

    def _pause(self) -> float:
        """Seconds until the next renewal or, without a fresh one, the next look."""
        if self._left(2 * RENEW_SHARE) > 0:
            return self._options.seconds * RENEW_SHARE
        return min(self._options.seconds * LOOK_SHARE, MOST_LOOK_SECONDS)

    async def _give_back(self) -> None:
        lease = await self._look()
        if lease is not None and self._seen.holder == self._identity:
            await self._server.replace(LEASE, self._manifest(lease, holder=""))
            logger.info("The Lease is released.", extra=self._pairs())

    async def _attempt(self) -> None:
        lease = await self._look()
        if self.acquired.is_set():
            self._check_still_mine(lease)
        elif not self._is_free():
            return
        began = self._clock()
        manifest = self._manifest(lease, holder=self._identity)
        try:
            if lease is None:
                await self._server.create(LEASE, self._options.namespace, manifest)
            else:
                await self._server.replace(LEASE, manifest)
        except ApiConflict:
            # Somebody was faster, or only annotated it: the next look tells.
            return
        self._renewed_at = began

    async def _look(self) -> dict[str, Any] | None:
        """The Lease as it is; remembers when it was last seen to change."""
        lease = await self._server.get(LEASE, self._options.namespace, self._options.name)
        now = self._clock()
        record = self._seen if lease is None else _record(lease)
        # Who could not look has not seen a leader fail: it may have renewed all the time.
        was_blind = now - self._answered_at > self._options.seconds * BLIND_SHARE
        if record != self._seen or was_blind:
            if record.holder != self._seen.holder and record.holder not in ("", self._identity):
                logger.info("Another process leads.", extra={"holder": record.holder})
            self._seen, self._seen_at = record, now
        if lease is not None:
            promised = (lease.get("spec") or {}).get("leaseDurationSeconds")
            self._duration = float(promised or self._options.seconds)
        self._answered_at = now
        return lease

    def _is_free(self) -> bool:
        """A Lease that was deleted under its holder is still that holder's until it runs out."""
        if self._seen.holder in ("", self._identity):
            return True
        return self._clock() - self._seen_at >= self._duration

    def _check_still_mine(self, lease: Mapping[str, Any] | None) -> None:
        if lease is None and self.leads:
            return
        if lease is None or self._seen.holder != self._identity:
            self._released = True
            raise LeaseLost(f"the Lease is held by {self._seen.holder or 'nobody'}")

    def _left(self, share: float) -> float:
        """Seconds until this share of the duration is over, counted from the last renewal."""
        if self._renewed_at is None or self._released:
            return 0.0
        return max(0.0, self._renewed_at + self._options.seconds * share - self._clock())

    def _manifest(self, lease: Mapping[str, Any] | None, *, holder: str) -> dict[str, Any]:
        old = (lease or {}).get("spec") or {}
        now = micro_time(self._wall())
        if now == old.get("renewTime"):
            # A clock that stands still or was set back must not make a renewal look like none.
            now = micro_time(self._wall() + 1e-3)
        spec = {
            **old,
            "holderIdentity": holder,
            "renewTime": now,
            "leaseDurationSeconds": round(self._options.seconds) if holder else 1,
        }
        if holder and old.get("holderIdentity") != holder:
            spec["acquireTime"] = now
            spec["leaseTransitions"] = old.get("leaseTransitions", 0) + (1 if lease else 0)
        metadata = (lease or {}).get("metadata") or {
            "name": self._options.name,
            "namespace": self._options.namespace,
        }
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": metadata,
            "spec": spec,
        }

    def _complain(self, error: ApiError) -> None:
        """Once for each problem: every second of an outage brings the same one."""
        if self._problem != (problem := f"{error.status} {error.reason}"):
            self._problem = problem
            logger.warning("The Lease could not be renewed or read.", extra=self._pairs(error))

    def _pairs(self, error: ApiError | None = None) -> dict[str, str]:
        pairs = {
            "lease": f"{self._options.namespace}/{self._options.name}",
            "identity": self._identity,
        }
        return pairs | ({"error": str(error)} if error else {})


def _record(lease: Mapping[str, Any]) -> _Record:
    spec = lease.get("spec") or {}
    return _Record(
        spec.get("holderIdentity") or "",
        spec.get("renewTime") or "",
        spec.get("leaseTransitions") or 0,
        lease["metadata"].get("uid", ""),
    )


def election(
    lease: LeaseOptions | None,
    name: str,
    connection: Connection,
    traffic: Traffic,
    field_manager: str = FIELD_MANAGER,
) -> Election | Unopposed:
    """A process' part in the election, `name` being its pod's; None: it is the only one."""
    if lease is None:
        return Unopposed()
    server = ApiServer(
        connection,
        timeout_seconds=lease.seconds * REQUEST_SHARE,
        traffic=traffic,
        field_manager=field_manager,
    )
    # The pod's name alone would be that of the container before a restart, too.
    return Election(server, lease, identity=f"{name}_{secrets.token_hex(4)}")
