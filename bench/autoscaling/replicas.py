"""Triton replicas behind a load balancer, as events: batches, queues, cold starts, counters.

Compiled, since a suite is some hundred million requests. Between two control steps replicas meet
only at the balancer, so each one is advanced alone, in the order of its own events, whenever the
balancer looks at it: there is no global list of events.

What is modelled: one queue per replica with greedy batches of up to B and no delay, as Triton does
without a queue policy; several instances that share it; service time S(b) with lognormal noise;
counters that move at completion, and the live number of waiting requests; requests that nobody is
ready for wait in front of all; draining replicas finish what they have.
What is not: the network, the 500 ms stall of queue policies, memory.

The state lies in few arrays with numbered columns, passed one by one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NOBODY, STARTING, READY, DRAINING, ASIDE = 0, 1, 2, 3, 4
"""`ASIDE` is ready and gets no new requests."""
RANDOM, TWO_CHOICES, LEAST = 0, 1, 2

STATE, HEAD, QUEUED, HELD, DONE, FAILED, EXECUTIONS, IN_TIME = range(8)
READY_AT, CREATED, REMOVED, AREA, AREA_AT, EXECUTED_SECONDS, SLOWNESS, QUEUED_SECONDS = range(8)
ARRIVED, COMPLETED, REJECTED, MISSED, ANSWERED = range(5)
BASE, SLOPE, LARGEST, INSTANCES, SIGMA, OBJECTIVE, REJECTS_AFTER = range(7)
FRONT_HEAD, FRONT_LENGTH = range(2)

LATENCY_BINS = 512
SHORTEST_LATENCY = 1e-3
BINS_PER_DOUBLING = 36.0
"""Edges grow by 2 %: a percentile read from the bins is within 1 % of the true one."""
RING = 1 << 13
FRONT_RING = 1 << 20


class Fleet(NamedTuple):
    """The state of all replicas and everything that was counted; arrays are changed in place."""

    counts: Integers
    """[replica, STATE…IN_TIME]; `HELD` is queued and executing, `IN_TIME` those of `DONE` that were
    within the objective, in whole milliseconds rounded down as in Triton's histogram."""
    numbers: Floats
    """[replica, READY_AT…QUEUED_SECONDS].

    `AREA` is the integral of `HELD` over time. `QUEUED_SECONDS` is the sum of all waits, counted
    when a batch starts: Triton counts it when the batch is done, at most one batch later.
    """
    waiting: Floats
    """[replica, place in a ring]: when it came."""
    busy_until: Floats
    """[replica, instance]; infinite: idle."""
    in_batch: Integers
    """[replica, instance]: the batch's size, and after all instances how many of it are in time."""
    front: Floats
    """A ring of those whom nobody is ready for."""
    front_at: Integers
    """[FRONT_HEAD, FRONT_LENGTH]."""
    seconds: Integers
    """[ARRIVED…ANSWERED, second]. Misses and answers are by the second of arrival."""
    latencies: Integers
    """[second of completion, bin]."""

    def of(self, column: int) -> Integers:
        """One count of every replica."""
        counts: Integers = self.counts[:, column]
        return counts

    def by_second(self, row: int) -> Integers:
        """One count by second."""
        seconds: Integers = self.seconds[row]
        return seconds


def new_fleet(most_replicas: int, seconds: int, instances: int) -> Fleet:
    """Nobody is there yet; counts have room for `seconds` and ten minutes."""
    n, length = most_replicas, seconds + 600
    numbers = np.zeros((n, 8))
    numbers[:, READY_AT] = np.inf
    numbers[:, REMOVED] = np.inf
    numbers[:, SLOWNESS] = 1.0
    return Fleet(
        counts=np.zeros((n, 8), np.int64),
        numbers=numbers,
        waiting=np.zeros((n, RING)),
        busy_until=np.full((n, instances), np.inf),
        in_batch=np.zeros((n, 2 * instances), np.int64),
        front=np.zeros(FRONT_RING),
        front_at=np.zeros(2, np.int64),
        seconds=np.zeros((5, length), np.int64),
        latencies=np.zeros((length, LATENCY_BINS), np.int64),
    )


# The option is one of numba's own tests, so its types do not know it.
compiled = njit(cache=True, _nrt=False)  # type: ignore[call-overload]
"""Without counting references: three times as fast. The caller holds every array, and nothing in
compiled code makes one."""


@njit(cache=True)
def seed(number: int) -> None:
    """Start the compiled code's own random numbers."""
    np.random.seed(number)


@compiled
def _hold(c, x, i, now, change):  # type: ignore[no-untyped-def]
    x[i, AREA] += c[i, HELD] * (now - x[i, AREA_AT])
    x[i, AREA_AT] = now
    c[i, HELD] += change


@compiled
def _start_batch(k, c, x, waiting, busy, in_batch, seconds, latencies, scratch, i, j, now):  # type: ignore[no-untyped-def]
    """Take what waits, up to the largest batch, at instance j; what is too late is rejected."""
    size = 0
    while size < k[LARGEST] and c[i, QUEUED] > 0:
        came = waiting[i, c[i, HEAD]]
        c[i, QUEUED] -= 1
        # An empty ring starts over: the part in use stays in the processor's cache.
        c[i, HEAD] = (c[i, HEAD] + 1) & (RING - 1) if c[i, QUEUED] > 0 else 0
        if now - came > k[REJECTS_AFTER]:
            c[i, FAILED] += 1
            seconds[REJECTED, int(now)] += 1
            seconds[MISSED, int(came)] += 1
            seconds[ANSWERED, int(came)] += 1
            _hold(c, x, i, now, -1)
            continue
        x[i, QUEUED_SECONDS] += now - came
        scratch[size] = came
        size += 1
    in_batch[i, j] = size
    in_time = busy.shape[1] + j
    in_batch[i, in_time] = 0
    if size == 0:
        busy[i, j] = np.inf
        return
    took = (k[BASE] + k[SLOPE] * size) * x[i, SLOWNESS]
    sigma = k[SIGMA]
    if sigma > 0:
        took *= np.exp(sigma * np.random.standard_normal() - sigma * sigma / 2)
    end = now + took
    busy[i, j] = end
    c[i, EXECUTIONS] += 1
    x[i, EXECUTED_SECONDS] += took
    for place in range(size):
        if np.floor(1000 * (end - scratch[place])) < np.round(1000 * k[OBJECTIVE]):
            in_batch[i, in_time] += 1
    second = int(end)
    if second < seconds.shape[1]:
        for place in range(size):
            latency = end - scratch[place]
            came_in = int(scratch[place])
            seconds[ANSWERED, came_in] += 1
            if latency > k[OBJECTIVE]:
                seconds[MISSED, came_in] += 1
            at = int(np.log2(max(latency, SHORTEST_LATENCY) / SHORTEST_LATENCY) * BINS_PER_DOUBLING)
            latencies[second, min(at, LATENCY_BINS - 1)] += 1


@compiled
def _advance(k, c, x, waiting, busy, in_batch, seconds, latencies, scratch, i, until):  # type: ignore[no-untyped-def]
    """Let replica i finish what it finishes until then."""
    while True:
        j = 0
        for other in range(1, busy.shape[1]):
            if busy[i, other] < busy[i, j]:
                j = other
        end = busy[i, j]
        if end > until:
            return
        size = in_batch[i, j]
        _hold(c, x, i, end, -size)
        c[i, DONE] += size
        c[i, IN_TIME] += in_batch[i, busy.shape[1] + j]
        if int(end) < seconds.shape[1]:
            seconds[COMPLETED, int(end)] += size
        _start_batch(k, c, x, waiting, busy, in_batch, seconds, latencies, scratch, i, j, end)


@compiled
def _take(k, c, x, waiting, busy, in_batch, seconds, latencies, scratch, i, came, now):  # type: ignore[no-untyped-def]
    """Give replica i a request that came then, now."""
    _advance(k, c, x, waiting, busy, in_batch, seconds, latencies, scratch, i, now)
    if c[i, QUEUED] >= RING:
        c[i, FAILED] += 1
        seconds[MISSED, int(came)] += 1
        seconds[ANSWERED, int(came)] += 1
        return
    _hold(c, x, i, now, 1)
    waiting[i, (c[i, HEAD] + c[i, QUEUED]) & (RING - 1)] = came
    c[i, QUEUED] += 1
    for j in range(busy.shape[1]):
        if busy[i, j] == np.inf:
            _start_batch(k, c, x, waiting, busy, in_batch, seconds, latencies, scratch, i, j, now)
            return


@compiled
def _pick(k, c, x, waiting, busy, in_batch, seconds, latencies, scratch, ready, n, how, now):  # type: ignore[no-untyped-def]
    """Which of the n ready replicas gets a request."""
    first = ready[int(np.random.random() * n)]
    if how == RANDOM or n == 1:
        return first
    best = first
    if how == TWO_CHOICES:
        second = ready[int(np.random.random() * n)]
        _advance(k, c, x, waiting, busy, in_batch, seconds, latencies, scratch, first, now)
        _advance(k, c, x, waiting, busy, in_batch, seconds, latencies, scratch, second, now)
        return second if c[second, HELD] < c[first, HELD] else first
    for place in range(n):
        i = ready[place]
        _advance(k, c, x, waiting, busy, in_batch, seconds, latencies, scratch, i, now)
        if c[i, HELD] < c[best, HELD]:
            best = i
    return best


@compiled
def _run(  # type: ignore[no-untyped-def]
    k,
    c,
    x,
    waiting,
    busy,
    in_batch,
    front,
    front_at,
    seconds,
    latencies,
    scratch,
    ready,
    arrivals,
    place,
    until,
    how,
):
    n = c.shape[0]
    while True:
        now = arrivals[place] if place < arrivals.shape[0] else np.inf
        # Who becomes ready before the next arrival?
        count = 0
        next_ready = np.inf
        for i in range(n):
            if c[i, STATE] == STARTING:
                next_ready = min(next_ready, x[i, READY_AT])
            elif c[i, STATE] == READY:
                ready[count] = i
                count += 1
        if next_ready <= min(now, until):
            for i in range(n):
                if c[i, STATE] == STARTING and x[i, READY_AT] <= next_ready:
                    c[i, STATE] = READY
                    x[i, AREA_AT] = next_ready
                    ready[count] = i
                    count += 1
            while front_at[FRONT_LENGTH] > 0:
                came = front[front_at[FRONT_HEAD]]
                front_at[FRONT_HEAD] = (front_at[FRONT_HEAD] + 1) & (FRONT_RING - 1)
                front_at[FRONT_LENGTH] -= 1
                i = _pick(
                    k,
                    c,
                    x,
                    waiting,
                    busy,
                    in_batch,
                    seconds,
                    latencies,
                    scratch,
                    ready,
                    count,
                    how,
                    next_ready,
                )
                _take(
                    k,
                    c,
                    x,
                    waiting,
                    busy,
                    in_batch,
                    seconds,
                    latencies,
                    scratch,
                    i,
                    came,
                    next_ready,
                )
            continue
        border = min(until, next_ready)
        while place < arrivals.shape[0] and arrivals[place] < border:
            now = arrivals[place]
            seconds[ARRIVED, int(now)] += 1
            if count == 0:
                if front_at[FRONT_LENGTH] < FRONT_RING:
                    front[(front_at[FRONT_HEAD] + front_at[FRONT_LENGTH]) & (FRONT_RING - 1)] = now
                    front_at[FRONT_LENGTH] += 1
            else:
                i = _pick(
                    k,
                    c,
                    x,
                    waiting,
                    busy,
                    in_batch,
                    seconds,
                    latencies,
                    scratch,
                    ready,
                    count,
                    how,
                    now,
                )
                _take(k, c, x, waiting, busy, in_batch, seconds, latencies, scratch, i, now, now)
            place += 1
        if border == until:
            break
    for i in range(n):
        if c[i, STATE] == READY or c[i, STATE] == ASIDE or c[i, STATE] == DRAINING:
            _advance(k, c, x, waiting, busy, in_batch, seconds, latencies, scratch, i, until)
            _hold(c, x, i, until, 0)
            if c[i, STATE] == DRAINING and c[i, HELD] == 0:
                c[i, STATE] = NOBODY
                x[i, REMOVED] = until
    return place


def run(
    fleet: Fleet, curve: Floats, arrivals: Floats, first: int, until: float, balancing: int
) -> int:
    """Let time go on until then; `arrivals[first:]` come. The place of the next one to come.

    `curve` has the columns BASE…REJECTS_AFTER.
    """
    return int(
        _run(
            curve,
            fleet.counts,
            fleet.numbers,
            fleet.waiting,
            fleet.busy_until,
            fleet.in_batch,
            fleet.front,
            fleet.front_at,
            fleet.seconds,
            fleet.latencies,
            np.empty(int(curve[LARGEST])),
            np.empty(len(fleet.counts), np.int64),
            arrivals,
            first,
            until,
            balancing,
        )
    )
