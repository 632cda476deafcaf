"""Faults by chance: requests that fail, answers that get lost, watches that lie, kills."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

from tests.faults.fake.answers import Answer, Refusal
from tests.faults.fake.faults import AS_IT_SHOULD, Delivery, Faults, Incoming

ERRORS = {
    "conflict": Refusal(409, "the object has been modified").answer,
    "too many": Refusal(429, "too many requests", retry_after=2).answer,
    "too many, for no time": Refusal(429, "too many requests").answer,
    "internal": Refusal(500, "etcdserver: request timed out").answer,
    "unavailable": Refusal(503, "apiserver is shutting down").answer,
    "timeout": Refusal(504, "request did not complete within the allotted timeout").answer,
}
GONE = Refusal(410, "too old resource version").answer
DELIVERIES: tuple[tuple[Delivery, ...], ...] = (
    (Delivery(), Delivery()),
    (Delivery(), Delivery(after=3.0)),
    (Delivery(after=0.5),),
    (Delivery(after=5.0),),
    (Delivery(drop=True),),
    (Delivery(), Delivery(drop=True)),
    (Delivery(error=410),),
    (Delivery(error=500),),
)
OLDEST = 12
"""Versions by which a listing may be too old."""


class Storm(Faults):
    """Everything at once, each with some probability; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._world: Any = None
        # Some storms are strong in one thing and weak in others.
        self._refusals, self._losses, self._lies, self._kills, self._stale = (
            self._random.choice((0.0, 0.02, 0.1, 0.3)) for _ in range(5)
        )

    def begin(self, world: Any) -> None:
        self._world = world

    def end(self) -> None:
        self._world = None

    async def before(self, request: Incoming) -> Answer | None:
        if not self._happens(self._refusals):
            return None
        if self._happens(0.3):
            await asyncio.sleep(self._random.uniform(0, 5))
            return None
        if not request.writes and self._happens(0.2):
            return GONE
        names = [name for name in ERRORS if request.writes or name != "conflict"]
        return ERRORS[self._random.choice(names)]

    async def after(self, request: Incoming, answer: Answer) -> bool:
        if request.writes and self._happens(self._kills / 3):
            self._world.kill()
            return False
        return not self._happens(self._losses)

    def age(self, request: Incoming) -> int:
        # Not the operator's own listings: they say no version, so they show the newest.
        stale = not request.metadata and self._happens(self._stale)
        return self._random.randint(1, OLDEST) if stale else 0

    def deliveries(self, request: Incoming, event: dict[str, Any]) -> Sequence[Delivery]:
        return self._random.choice(DELIVERIES) if self._happens(self._lies) else AS_IT_SHOULD

    def _happens(self, probability: float) -> bool:
        return self._world is not None and self._random.random() < probability
