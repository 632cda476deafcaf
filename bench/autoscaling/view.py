"""What a policy may look at."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.autoscaling.replicas import (
    AREA,
    ASIDE,
    BINS_PER_DOUBLING,
    COMPLETED,
    CREATED,
    DONE,
    FAILED,
    FRONT_LENGTH,
    IN_TIME,
    LATENCY_BINS,
    QUEUED,
    QUEUED_SECONDS,
    READY,
    READY_AT,
    SHORTEST_LATENCY,
    STARTING,
    STATE,
    Fleet,
)
from bench.autoscaling.setup import Setup

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Starts = dict[tuple[int, float], tuple[float, float]]
"""(place, created) to (ready at, seconds it took), of replicas that were not removed before."""
REMEMBERED_SECONDS = 60


class Change(NamedTuple):
    """What one pod did in so many seconds; `in_time` of `done` were within the objective."""

    seconds: float
    done: int
    failed: int
    in_time: int
    pending_before: int
    pending: int


class Scrape(NamedTuple):
    """The counters of every ready replica that told them, as of one moment.

    A place is the same pod only as long as it is ready since the same time. `front` are those whom
    no replica is ready for; a gateway would know them.
    """

    at: float
    places: Integers
    ready_at: Floats
    done: Integers
    failed: Integers
    in_time: Integers
    pending: Integers
    front: int

    def changes_since(self, earlier: Scrape) -> list[Change]:
        """What each pod did that told then and now.

        A pod that became ready since counts from zero, as does one whose counters fell. One that
        was there and did not report is left out: what it did may be of long before.
        """
        before = {
            int(place): row
            for place, *row in zip(
                earlier.places,
                earlier.ready_at,
                earlier.done,
                earlier.failed,
                earlier.in_time,
                earlier.pending,
                strict=True,
            )
        }
        changes = []
        for place, ready_at, done, failed, in_time, pending in zip(
            self.places,
            self.ready_at,
            self.done,
            self.failed,
            self.in_time,
            self.pending,
            strict=True,
        ):
            seconds = self.at - earlier.at
            then = before.get(int(place))
            if then is None or then[0] != ready_at:
                if ready_at < earlier.at:
                    continue
                seconds, then = self.at - ready_at, [ready_at, 0, 0, 0, 0]
            _, done_then, failed_then, in_time_then, pending_then = then
            changes.append(
                Change(
                    float(seconds),
                    int(done) - (int(done_then) if done >= done_then else 0),
                    int(failed) - (int(failed_then) if failed >= failed_then else 0),
                    int(in_time) - (int(in_time_then) if in_time >= in_time_then else 0),
                    int(pending_then),
                    int(pending),
                )
            )
        return changes

    def arrivals_since(self, earlier: Scrape) -> float:
        """What was answered or failed since, and by how much queues grew."""
        total = self.front - earlier.front
        for pod in self.changes_since(earlier):
            total += pod.done + pod.failed + pod.pending - pod.pending_before
        return max(0.0, float(total))


class View:
    """Counters as of now, and sums over the last seconds; None where there is no sample of them.

    Everything here could be had from Triton's metrics and from Kubernetes, except `percentile`,
    which is exact and so kinder than any histogram.
    """

    def __init__(self, setup: Setup, fleet: Fleet, starts: Starts) -> None:
        self.setup = setup
        self.fleet = fleet
        self.now = 0.0
        self._starts = starts
        self.areas: list[float] = [0.0]
        """Integral of held requests of the whole fleet, at each whole second."""
        self._front_area = 0.0
        self._marks: deque[tuple[Integers, Floats]] = deque(maxlen=REMEMBERED_SECONDS + 1)
        self._mark()

    def record(self) -> None:
        """Remember this second."""
        self._front_area += float(self.fleet.front_at[FRONT_LENGTH])
        self.areas.append(float(self.fleet.numbers[:, AREA].sum()) + self._front_area)
        self._mark()

    def _mark(self) -> None:
        queued = self.fleet.numbers[:, QUEUED_SECONDS].copy()
        self._marks.append((self.fleet.of(DONE).copy(), queued))

    @property
    def starts(self) -> list[float]:
        """Seconds from order to ready of each replica that became ready, the oldest first."""
        over = sorted(start for start in self._starts.values() if start[0] <= self.now)
        return [seconds for _, seconds in over]

    @property
    def ready(self) -> int:
        """Replicas that are ready, those that are put aside too."""
        return int(self._in_state(READY, ASIDE).sum())

    @property
    def ordered(self) -> int:
        """Replicas that are there or on their way, those that leave not counted."""
        return int(self._in_state(READY, ASIDE, STARTING).sum())

    @property
    def starting_seconds(self) -> tuple[float, ...]:
        """How long ago each replica that is not ready was ordered."""
        created = self.fleet.numbers[self.fleet.of(STATE) == STARTING, CREATED]
        return tuple((self.now - created).tolist())

    @property
    def answers(self) -> bool:
        """The metric source answers at all. If it has nothing to say, that is another matter."""
        return True

    @property
    def sampled_at(self) -> float:
        """When the newest sample was taken."""
        return self.now

    @property
    def age(self) -> float:
        """Seconds since then."""
        return self.now - self.sampled_at

    def _in_state(self, *states: int) -> NDArray[np.bool_]:
        """By place."""
        found: NDArray[np.bool_] = np.isin(self.fleet.of(STATE), states)
        return found

    def _reports(self) -> NDArray[np.bool_]:
        """By place: ready, and its metrics arrive (or did when metrics last arrived)."""
        return self._in_state(READY, ASIDE)

    @property
    def reporting(self) -> int:
        """Ready replicas whose metrics arrive."""
        return int(self._reports().sum()) if self.age == 0 else 0

    @property
    def scrape(self) -> Scrape:
        """The newest sample of each counter."""
        places = np.flatnonzero(self._reports())
        counts = self.fleet.counts[places]
        return Scrape(
            self.now,
            places,
            self.fleet.numbers[places, READY_AT],
            counts[:, DONE].copy(),
            counts[:, FAILED].copy(),
            counts[:, IN_TIME].copy(),
            counts[:, QUEUED].copy(),
            int(self.fleet.front_at[FRONT_LENGTH]),
        )

    @property
    def pending(self) -> int | None:
        """Requests that wait, those in front of all included."""
        if not self.reporting and self.age > 0:
            return None
        scrape = self.scrape
        return int(scrape.pending.sum()) + scrape.front

    def completions(self, seconds: int) -> float | None:
        """Completions per second of the replicas that report, over the last whole seconds."""
        if (window := self._window(seconds)) is None:
            return None
        first, last = window
        return self._share * float(self.fleet.by_second(COMPLETED)[first:last].mean())

    def held(self, seconds: int) -> float | None:
        """Mean number of requests in the replicas that report over the last whole seconds."""
        if (window := self._window(seconds)) is None:
            return None
        first, last = window
        return self._share * (self.areas[last] - self.areas[first]) / (last - first)

    def queue_seconds(self, seconds: int) -> float | None:
        """Mean over replicas of the mean wait of the requests that each finished.

        As Triton's chart has it, one request more is taken to have waited for nothing.
        """
        window, reports = self._window(seconds), self._reports()
        if window is None or self.age > 0 or not reports.any():
            return None
        back = min(window[1] - window[0], len(self._marks) - 1)
        (done, waited), (done_then, waited_then) = self._marks[-1], self._marks[-1 - back]
        # Less than before: a pod that started since.
        goes_on = done >= done_then
        means = (waited - goes_on * waited_then) / (1 + done - goes_on * done_then)
        return float(means[reports].mean())

    def percentile(self, share: float, seconds: int) -> float | None:
        """That percentile of latency over the last whole seconds; None under 20 answers."""
        if (window := self._window(seconds)) is None:
            return None
        bins = self.fleet.latencies[window[0] : window[1]].sum(axis=0)
        total = bins.sum()
        if total <= 20:
            return None
        place = int(np.searchsorted(np.cumsum(bins), share * total))
        return float(
            SHORTEST_LATENCY * 2 ** ((min(place, LATENCY_BINS - 1) + 0.5) / BINS_PER_DOUBLING)
        )

    @property
    def _share(self) -> float:
        return float(self._reports().sum()) / max(1, self.ready)

    def _window(self, seconds: int) -> tuple[int, int] | None:
        """What of the last seconds there are samples of."""
        first, last = max(0, int(self.now) - seconds), int(self.sampled_at)
        return (first, last) if last > first else None
