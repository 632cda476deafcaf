"""A queue of keys with client-go's rules: no key in two workers, no wake-up lost, bursts collapse.

A key is *dirty* while somebody wants it reconciled and *processing* while a worker has it. Adding a
dirty key does nothing; adding one that is processing queues it again once the worker is done.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from enum import IntEnum
from typing import Generic, Protocol, TypeVar

K = TypeVar("K", bound=Hashable)
K_contra = TypeVar("K_contra", contravariant=True)


class Timings(Protocol[K_contra]):
    """Hears how long keys waited and were worked on, in seconds."""

    def waited(self, key: K_contra, seconds: float) -> None:
        """From the moment it was asked for until a worker took it; delays do not count."""

    def worked(self, key: K_contra, seconds: float) -> None:
        """While a worker had it."""


class Priority(IntEnum):
    """Live edits go before what a restart or a sweep brings."""

    USER = 0
    SWEEP = 1


class KeyQueue(Generic[K]):
    """Keys that wait to be reconciled, each at most once.

    `clock` gives seconds that never go back, `call_later(seconds, callback)` is the event loop's,
    `jitter` maps a delay to the delay to use. Backoff per key doubles from `base_seconds` up to
    `cap_seconds`. `timings` hears how long keys wait and are worked on.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        call_later: Callable[[float, Callable[[], None]], object],
        jitter: Callable[[float], float] = lambda seconds: seconds,
        base_seconds: float = 0.5,
        cap_seconds: float = 120.0,
        timings: Timings[K] | None = None,
    ) -> None:
        self._clock = clock
        self._call_later = call_later
        self._jitter = jitter
        self._base_seconds = base_seconds
        self._cap_seconds = cap_seconds
        self._ready: tuple[deque[K], deque[K]] = (deque(), deque())
        self._dirty: dict[K, Priority] = {}
        self._timings = timings
        self._since: dict[K, float] = {}
        self._processing: dict[K, float] = {}
        self._failures: dict[K, int] = {}
        self._deadlines: dict[K, float] = {}
        # One future per idle worker: an event of its own would wake all of them for each key.
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._closed = False
        self.adds = 0
        self.retries = 0

    def __len__(self) -> int:
        return len(self._dirty)

    @property
    def processing(self) -> int:
        """How many keys are in workers' hands."""
        return len(self._processing)

    def longest_running(self) -> float:
        """For how many seconds the slowest worker has had its key; 0 where none has one."""
        return self._clock() - min(self._processing.values(), default=self._clock())

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being worked on; delayed keys do not count."""
        return not self._dirty and not self._processing

    def add(self, key: K, priority: Priority = Priority.USER) -> None:
        """Ask for `key` to be reconciled; a live edit overtakes a sweep's entry."""
        if self._closed:
            return
        before = self._dirty.get(key)
        if before is not None and before <= priority:
            return
        self.adds += 1
        self._dirty[key] = priority
        self._since.setdefault(key, self._clock())
        if key not in self._processing:
            self._enqueue(key, priority)

    def add_after(self, key: K, seconds: float) -> None:
        """Ask for `key` after a delay; of several deadlines the earliest counts."""
        deadline = self._clock() + max(0.0, seconds)
        current = self._deadlines.get(key)
        if self._closed or (current is not None and current <= deadline):
            return
        self._deadlines[key] = deadline
        self._call_later(max(0.0, seconds), lambda: self._due(key, deadline))

    def retry(self, key: K, *, at_least: float = 0.0) -> float:
        """Ask for `key` after its backoff, in seconds, which grows with every failure in a row.

        `at_least`: what the server asked for; spread like the backoff, lest all come back at once.
        """
        self.retries += 1
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        # Capped exponent: 2.0 ** 1100 overflows after a day of failures.
        delay = min(self._cap_seconds, self._base_seconds * 2.0 ** min(failures, 30))
        delay = max(at_least, self._jitter(max(delay, at_least)))
        self.add_after(key, delay)
        return delay

    def forget(self, key: K) -> None:
        """A success: the next failure starts at the first backoff again."""
        self._failures.pop(key, None)

    async def get(self) -> K:
        """The next key, which is then being processed until `done`.

        Raises:
            QueueClosed: the queue was closed and nothing more will come.
        """
        while True:
            for ready, priority in zip(self._ready, Priority, strict=True):
                while ready:
                    key = ready.popleft()
                    # An entry left behind by an overtaking add is stale.
                    if key in self._processing or self._dirty.get(key) != priority:
                        continue
                    del self._dirty[key]
                    now = self._clock()
                    self._processing[key] = now
                    since = self._since.pop(key, now)
                    if self._timings:
                        self._timings.waited(key, now - since)
                    return key
            if self._closed:
                raise QueueClosed
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                # A wake-up given to a cancelled worker belongs to the next one.
                if waiter.done() and not waiter.cancelled():
                    self._wake()
                raise

    def done(self, key: K) -> None:
        """The worker has finished with `key`; if it became dirty meanwhile, it is queued again."""
        began = self._processing.pop(key, None)
        if began is not None and self._timings:
            self._timings.worked(key, self._clock() - began)
        priority = self._dirty.get(key)
        if priority is not None:
            self._enqueue(key, priority)

    def close(self) -> None:
        """Accept nothing more; workers end when they ask for the next key."""
        self._closed = True
        self._dirty.clear()
        self._since.clear()
        for ready in self._ready:
            ready.clear()
        while self._waiters:
            self._wake()

    def _enqueue(self, key: K, priority: Priority) -> None:
        self._ready[priority].append(key)
        self._wake()

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _due(self, key: K, deadline: float) -> None:
        if self._deadlines.get(key) == deadline:
            del self._deadlines[key]
            self.add(key)


class QueueClosed(Exception):
    """The queue accepts and gives nothing more."""
