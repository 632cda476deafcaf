"""A queue of keys with client-go's rules: no key in two workers, no wake-up lost, bursts collapse.

A key is *dirty* while somebody wants it reconciled and *processing* while a worker has it. Adding a
dirty key does nothing; adding one that is processing queues it again once the worker is done.

Two things keep edits quick: they go first (see `lines`), and some workers are kept for them.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, Protocol, TypeVar

from triton_operator.controllers.lines import Lines, Priority

__all__ = ["KeyQueue", "Priority", "QueueClosed", "Timings"]

K = TypeVar("K", bound=Hashable)
K_contra = TypeVar("K_contra", contravariant=True)


class Timings(Protocol[K_contra]):
    """Hears how long keys waited and were worked on, in seconds."""

    def waited(self, key: K_contra, seconds: float) -> None:
        """From the moment it was asked for until a worker took it; delays do not count."""

    def worked(self, key: K_contra, seconds: float) -> None:
        """While a worker had it."""


class Work(NamedTuple):
    """A key in a worker's hands: since when, by the queue's clock, and how urgent it was."""

    began: float
    priority: Priority


class KeyQueue(Generic[K]):
    """Keys that wait to be reconciled, each at most once.

    `clock` gives seconds that never go back, `call_later(seconds, callback)` is the event loop's,
    `jitter` maps a delay to the delay to use. Backoff per key doubles from `base_seconds` up to
    `cap_seconds`. `timings` hears how long keys wait and are worked on.

    `background`: so many keys below `Priority.USER` may be processed at once, so that the other
    workers are free for edits; None: any number.
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
        background: int | None = None,
    ) -> None:
        self._clock = clock
        self._call_later = call_later
        self._jitter = jitter
        self._base_seconds = base_seconds
        self._cap_seconds = cap_seconds
        self._background = background
        self._lines: Lines[K] = Lines(self._is_ready)
        self._dirty: dict[K, Priority] = {}
        self._timings = timings
        self._since: dict[K, float] = {}
        self._processing: dict[K, Work] = {}
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
        now = self._clock()
        return now - min((work.began for work in self._processing.values()), default=now)

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being worked on; delayed keys do not count."""
        return not self._dirty and not self._processing

    def add(self, key: K, priority: Priority = Priority.USER) -> None:
        """Ask for `key` to be reconciled; the more urgent of two entries counts."""
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

    def add_after(self, key: K, seconds: float, priority: Priority = Priority.CLUSTER) -> None:
        """Ask for `key` after a delay; of several deadlines the earliest counts."""
        deadline = self._clock() + max(0.0, seconds)
        current = self._deadlines.get(key)
        if self._closed or (current is not None and current <= deadline):
            return
        self._deadlines[key] = deadline
        self._call_later(max(0.0, seconds), lambda: self._due(key, deadline, priority))

    def retry(
        self, key: K, *, at_least: float = 0.0, priority: Priority = Priority.CLUSTER
    ) -> float:
        """Ask for `key` after its backoff, in seconds, which grows with every failure in a row.

        `at_least`: what the server asked for; spread like the backoff, lest all come back at once.
        """
        self.retries += 1
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        # Capped exponent: 2.0 ** 1100 overflows after a day of failures.
        delay = min(self._cap_seconds, self._base_seconds * 2.0 ** min(failures, 30))
        delay = max(at_least, self._jitter(max(delay, at_least)))
        self.add_after(key, delay, priority)
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
            if found := self._lines.take(self._open()):
                key, priority = found
                del self._dirty[key]
                now = self._clock()
                self._processing[key] = Work(now, priority)
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
        work = self._processing.pop(key, None)
        if work is not None and self._timings:
            self._timings.worked(key, self._clock() - work.began)
        priority = self._dirty.get(key)
        if priority is not None:
            self._enqueue(key, priority)
        if self._lines.has_any(self._open()):
            # The place that is free now may be what a key waited for beside idle workers.
            self._wake()

    def close(self) -> None:
        """Accept nothing more; workers end when they ask for the next key."""
        self._closed = True
        self._dirty.clear()
        self._since.clear()
        self._lines.clear()
        while self._waiters:
            self._wake()

    def _enqueue(self, key: K, priority: Priority) -> None:
        self._lines.put(key, priority)
        self._wake()

    def _is_ready(self, key: K, priority: Priority) -> bool:
        return key not in self._processing and self._dirty.get(key) == priority

    def _open(self) -> tuple[Priority, ...]:
        """The lines from which a key may be taken now."""
        below = sum(work.priority > Priority.USER for work in self._processing.values())
        if self._background is not None and below >= self._background:
            return (Priority.USER,)
        return tuple(Priority)

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _due(self, key: K, deadline: float, priority: Priority) -> None:
        if self._deadlines.get(key) == deadline:
            del self._deadlines[key]
            self.add(key, priority)


class QueueClosed(Exception):
    """The queue accepts and gives nothing more."""
