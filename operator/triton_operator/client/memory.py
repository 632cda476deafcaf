"""What a client remembers of its endpoints: whether they answer, and how fast for which model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from triton_operator.client.breaker import DEFAULT, Breaker, BreakerSettings, BreakerState
from triton_operator.client.budget import Need
from triton_operator.client.endpoints import Endpoint
from triton_operator.client.outcome import Outcome
from triton_operator.client.usual_time import UsualTime, learned

Key = tuple[str, str, str]


class Memory:
    """For several threads. `chance` draws from [0, 1)."""

    def __init__(self, chance: Callable[[], float], settings: BreakerSettings = DEFAULT) -> None:
        self._chance = chance
        self._settings = settings
        self._lock = threading.Lock()
        self._breakers: dict[Key, Breaker] = {}
        self._times: dict[tuple[Key, str], UsualTime] = {}

    def admits(self, endpoint: Endpoint, now: float) -> bool:
        """Whether a request that could be asked elsewhere may be asked there."""
        with self._lock:
            return self._breaker(endpoint).admits(now)

    def state(self, endpoint: Endpoint, now: float) -> BreakerState:
        """Of its breaker."""
        with self._lock:
            return self._breaker(endpoint).state(now)

    def need(self, endpoint: Endpoint, model: str) -> Need:
        """What it needs for an answer of this model."""
        with self._lock:
            known = self._times.get((endpoint.key, model))
        way = endpoint.round_trip_milliseconds / 1000
        return Need(way, None if known is None else known.seconds)

    def begun(self, endpoint: Endpoint, now: float, budget_seconds: float) -> None:
        """A request was sent that has this long."""
        with self._lock:
            self._breakers[endpoint.key] = self._breaker(endpoint).begun(now, budget_seconds)

    def ended(
        self,
        endpoint: Endpoint,
        model: str,
        outcome: Outcome,
        now: float,
        *,
        took_seconds: float,
        budget_seconds: float,
    ) -> None:
        """This became of it."""
        need = self.need(endpoint, model)
        usual = need.round_trip + (need.service or 0.0)
        # A caller in more of a hurry than the endpoint ever was shows nothing.
        hurried = outcome is Outcome.TIMED_OUT and budget_seconds < usual
        with self._lock:
            breaker = self._breaker(endpoint)
            if not outcome.is_silence:
                breaker = breaker.answered()
            elif not hurried:
                breaker = breaker.silent(now, self._chance(), self._settings)
            self._breakers[endpoint.key] = breaker
            if outcome is Outcome.SERVED:
                key = endpoint.key, model
                service = max(0.0, took_seconds - need.round_trip)
                self._times[key] = learned(self._times.get(key), service)

    def keep(self, endpoints: Iterable[Endpoint]) -> None:
        """Forget all others."""
        keys = {one.key for one in endpoints}
        with self._lock:
            self._breakers = {key: row for key, row in self._breakers.items() if key in keys}
            self._times = {key: row for key, row in self._times.items() if key[0] in keys}

    def _breaker(self, endpoint: Endpoint) -> Breaker:
        return self._breakers.get(endpoint.key, _NEW)


_NEW = Breaker()
