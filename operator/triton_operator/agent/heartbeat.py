"""The Lease by which a hub hears that the agent is there, and what it tells of the whole cluster.

The Lease remembers whose mailbox it is in: `hub-id`. A mailbox that lists nothing says of no hub,
so that without it another hub's empty mailbox would look as if everything had been deleted.
"""

import asyncio
import json
import random
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from triton_operator import __version__
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.kinds import LEASE
from triton_operator.controllers.times import micro_time, rfc3339
from triton_operator.fleet.agent_token import Life
from triton_operator.fleet.mailbox import FLEET

NAME = "fleet-agent"
AGENT_VERSION = f"{FLEET}/agent-version"
CAPACITY = f"{FLEET}/capacity"
NETWORK = f"{FLEET}/network"
HUB_ID = f"{FLEET}/hub-id"
TOKEN = f"{FLEET}/token"
ROUND_TRIPS = 64
MISSED_BEATS = 3
LEAST_PAUSE_SECONDS = 0.5


class Heartbeat:
    """Renews the Lease of one mailbox.

    `now` gives seconds since the epoch, `clock` seconds that never go back. `capacity` gives what
    the nodes offer, as rows of resource and amount; None: not known. `token` gives how long the
    agent's token holds; None: not known.

    `reach`, of an agent that runs at the hub: asks the member, and gives the seconds that took, or
    raises `ApiError`. There is no heartbeat of a member that does not answer: that this process
    lives says nothing of it.
    """

    def __init__(
        self,
        mailbox: str,
        *,
        every_seconds: float,
        now: Callable[[], float],
        randomness: random.Random,
        capacity: Callable[[], list[dict[str, str]] | None],
        clock: Callable[[], float],
        token: Callable[[], Life | None] = lambda: None,
        reach: Callable[[], Awaitable[float]] | None = None,
    ) -> None:
        self._mailbox = mailbox
        self._every_seconds = every_seconds
        self._now = now
        self._randomness = randomness
        self._capacity = capacity
        self._clock = clock
        self._token = token
        self._reach = reach
        self._round_trips: deque[float] = deque(maxlen=ROUND_TRIPS)
        self._claim = ""
        self._due = asyncio.Event()
        self.hub_id = ""
        """Whose mailbox it is, as the Lease says on the connection in use; empty: not known."""

    async def run(self, server: ApiServer, beaten: Callable[[], None]) -> None:
        """Beat, for ever; `beaten()` is called after each.

        Raises:
            ApiError: the hub does not answer, or does not take it.
        """
        # What another connection told says nothing of where this one leads to.
        self._claim = ""
        try:
            while True:
                self._due.clear()
                began = self._clock()
                if await self._reached():
                    await self._beat(server)
                    beaten()
                # A slow hub must not take what is late for a loss.
                spent = self._clock() - began
                pause = self._every_seconds * self._randomness.uniform(0.9, 1.0) - spent
                try:
                    async with asyncio.timeout(max(LEAST_PAUSE_SECONDS, pause)):
                        await self._due.wait()
                except TimeoutError:
                    pass
        finally:
            self.hub_id = ""

    def claim(self, hub_ids: Collection[str]) -> None:
        """Hear whose works the mailbox has on this connection; all of one hub: it is that one's."""
        if len(hub_ids) == 1 and (claim := next(iter(hub_ids))) != self._claim:
            self._claim = claim
            self._due.set()

    async def _reached(self) -> bool:
        if self._reach is None:
            return True
        try:
            self._round_trips.append(await self._reach())
        except ApiError:
            return False
        return True

    async def _beat(self, server: ApiServer) -> None:
        lease = await server.get(LEASE, self._mailbox, NAME)
        if self._reach is None:
            await self._measure(server)
        known = ((lease or {}).get("metadata", {}).get("annotations") or {}).get(HUB_ID, "")
        hub_id = self._claim or known
        await server.apply(LEASE, self._manifest(hub_id), force=True)
        self.hub_id = hub_id

    async def _measure(self, server: ApiServer) -> None:
        """The request before this one has opened the connection, which takes some round trips."""
        began = self._clock()
        await server.get(LEASE, self._mailbox, NAME)
        self._round_trips.append(self._clock() - began)

    def _manifest(self, hub_id: str) -> dict[str, Any]:
        now = self._now()
        capacity = self._capacity()
        annotations = {
            AGENT_VERSION: __version__,
            NETWORK: _json(
                {
                    "rttMilliseconds": round(1000 * _median(self._round_trips)),
                    "measuredAt": rfc3339(now),
                }
            ),
        }
        if capacity is not None:
            annotations[CAPACITY] = _json(capacity)
        if (life := self._token()) is not None:
            annotations[TOKEN] = _json(
                {"issuedAt": rfc3339(life.issued_at), "expiresAt": rfc3339(life.expires_at)}
            )
        if hub_id:
            annotations[HUB_ID] = hub_id
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": {
                "name": NAME,
                "namespace": self._mailbox,
                "annotations": annotations,
            },
            "spec": {
                "holderIdentity": f"{NAME}/{__version__}",
                "renewTime": micro_time(now),
                "leaseDurationSeconds": max(1, round(MISSED_BEATS * self._every_seconds)),
            },
        }


def _median(values: Collection[float]) -> float:
    return sorted(values)[len(values) // 2]


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
