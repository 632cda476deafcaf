"""How long requests wait in a replica that batches: the law of latency at a given rate.

The model is an embedded Markov chain (M/G[1,B]/1, observed when a batch is done). A load balancer
that picks replicas at random splits Poisson arrivals into independent streams, and Triton without
a queue delay takes what waits, up to B. State q is how many requests wait at that moment; the next
batch takes b = clamp(q, 1, B) of them and S(b) seconds, and N(rate * S(b)) more arrive meanwhile.

A request's latency follows from the state of the cycle in which it arrives, and from when in the
cycle: what waits before it fills whole batches first, and those who arrive until its own batch
starts may join that batch and slow it down. See `tail`.

Numbers to hold it to (S(b) = 20 + 10 b ms, B = 8): p99 of 84.1, 127.9, 210.4 and 325.8 ms at 20,
40, 60 and 70 requests per second, against 84.1, 128.6, 215.0 and 317 in a simulation of 60,000
arrivals with 5 % noise.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from triton_operator.planning.arrival_counts import count_laws, counts
from triton_operator.planning.service_curve import BatchTimes

Array = NDArray[np.float64]
QUADRATURE_POINTS = 16
"""Moments within a batch at which arrivals are looked at: p99 within about 1 %."""
EVERY_SIZE = 16
"""Up to so many waiting requests each number is a state of its own; then states lie wider apart."""
STATE_SPACING = 0.35
"""Times the root of the number. What arrives between two states is split between them, which adds
2 % to the variance of what arrives during a batch."""
SPACED_BATCH = 256
"""From this largest batch on states lie wider apart, by the root of the root: to 8 % at 4,096,
where what arrives during a batch varies so little that it does not matter."""
MANY_DEVIATIONS = 8.0
FAR_ABOVE = 30.0
"""Nothing (1e-13) of a law lies so many deviations off its mean; above, where the tail is a
geometric one, this many times the dispersion is added."""
LONGEST_QUEUE = 210
"""Beyond two batches, times the dispersion. At `STEADY_SHARE` of the capacity the queue's tail is
an exponential one with a mean of dispersion / (2 (1 - share)) = 17, so one in e^12 is longer."""
SMALLEST_GROUP = 0.04
"""Of all arrivals: those of neighbouring large batches are looked at together."""
NEGLIGIBLE = 1e-10
STEADY_SHARE = 0.97
"""Of the capacity; nearer to it the queue has no steady state worth the name."""
RATE_STEP = 0.002
"""A safe rate is told to such a part; the model itself is right to about 1 %."""
NEGLIGIBLE_TAIL = 1e-6
FIRST_GUESS = 0.8
"""Of the highest rate with a steady state."""


def tail(curve: BatchTimes, rate: float, seconds: float, dispersion: float = 1.0) -> float:
    """The share of requests that take longer than `seconds`, at `rate` requests/s per replica.

    `dispersion` is the variance of counts over their mean: 1 for Poisson arrivals, more where they
    come in bursts (a negative binomial law then). Instances are taken as so many replicas of a
    part of the rate each; sharing a queue, they are no worse than that. 1 at and above
    `STEADY_SHARE` of the capacity.
    """
    if seconds < curve.seconds(1):
        return 1.0
    rate = rate / curve.instances
    largest = curve.max_batch_size
    if rate * curve.seconds(largest) >= STEADY_SHARE * largest:
        return 1.0
    if rate <= 0:
        return 0.0
    # Who finds more than this before him is late in any case, so longer queues need no states.
    in_time = math.ceil(1.2 * seconds * curve.capacity / curve.instances)
    longest = 2 * largest + 2 + min(in_time, math.ceil(LONGEST_QUEUE * dispersion))
    return _Chain(curve, rate, longest, dispersion).tail(seconds)


@lru_cache(maxsize=512)
def tails(
    curve: BatchTimes, seconds: float, dispersion: float = 1.0, points: int = 17
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """`tail` over rates from 0 to the capacity: (rates, shares), both ascending, for interpolation.

    The rates are denser near the capacity, where the share rises.
    """
    parts = 1.0 - (1.0 - np.linspace(0.0, 1.0, points)) ** 1.7
    rates = [float(part) * STEADY_SHARE * curve.capacity for part in parts]
    shares = [tail(curve, rate, seconds, dispersion) for rate in rates]
    shares[-1] = 1.0
    return tuple(rates), tuple(np.maximum.accumulate(shares).tolist())


def safe_rate(
    curve: BatchTimes, seconds: float, percentile: float, dispersion: float = 1.0
) -> float:
    """The highest rate per replica at which that percentile (0.99) of latency keeps `seconds`.

    0 where even a lone request is too slow. Found by the Illinois method (a false position whose
    lasting end counts half) on the logarithm of the tail, which is nearly a line around there:
    some six tails. To `RATE_STEP` below.
    """
    allowed = 1.0 - percentile
    if curve.seconds(1) > seconds:
        return 0.0
    low, high = 0.0, STEADY_SHARE * curve.capacity
    below, above = math.log(NEGLIGIBLE_TAIL / allowed), -math.log(allowed)
    rate, lasting = FIRST_GUESS * high, ""
    while high - low > RATE_STEP * high:
        share = max(NEGLIGIBLE_TAIL, tail(curve, rate, seconds, dispersion))
        excess = math.log(share / allowed)
        if excess <= 0:
            low, below = rate, excess
            above = above / 2 if lasting == "high" else above
            lasting = "high"
        else:
            high, above = rate, excess
            below = below / 2 if lasting == "low" else below
            lasting = "low"
        # Not so near to an end that the other one would stay where it is.
        margin = min(0.9 * RATE_STEP * high, (high - low) / 2)
        crossing = (low * above - high * below) / (above - below)
        rate = min(max(crossing, low + margin), high - margin)
    return low


def percentile_seconds(
    curve: BatchTimes, rate: float, percentile: float, dispersion: float = 1.0
) -> float:
    """The percentile (0.99) of latency at `rate` requests/s per replica; infinite if overloaded."""
    low = high = curve.seconds(1)
    while tail(curve, rate, high, dispersion) > 1.0 - percentile:
        low, high = high, 2 * high
        if high > 60.0 + 1000 * curve.seconds(curve.max_batch_size):
            return math.inf
    for _ in range(12):
        middle = (low + high) / 2
        if tail(curve, rate, middle, dispersion) <= 1.0 - percentile:
            high = middle
        else:
            low = middle
    return high


def _states(longest: int, largest: int) -> NDArray[np.int64]:
    """Numbers of waiting requests from 0 to `longest` that are states; `largest` is one of them."""
    spacing = STATE_SPACING * max(1.0, (largest / SPACED_BATCH) ** 0.25)
    numbers = list(range(min(EVERY_SIZE, longest) + 1))
    while numbers[-1] < longest:
        here = numbers[-1]
        after = here + max(1, int(spacing * math.sqrt(min(here, largest))))
        numbers.append(min(after, longest if here >= largest else largest))
    return np.array(numbers)


class _Chain:
    """The chain of one instance at one rate, and its steady state.

    `longest` is the longest queue that is told apart from longer ones.
    """

    def __init__(self, curve: BatchTimes, rate: float, longest: int, dispersion: float) -> None:
        self._rate = rate
        self._dispersion = dispersion
        self._largest = curve.max_batch_size
        sizes = np.arange(self._largest + 1)
        self._seconds = np.array([curve.seconds(max(1, int(size))) for size in sizes])
        self._numbers = _states(longest, self._largest)
        self._steady = self._solve()

    def _solve(self) -> Array:
        numbers, largest = self._numbers, self._largest
        batches = np.clip(numbers, 1, largest)
        means = self._rate * self._seconds[batches]
        # Of each law only where it is not nothing: most of a row is, where batches are large.
        reach = MANY_DEVIATIONS * np.sqrt(self._dispersion * means)
        starts = np.maximum(0, np.floor(means - reach)).astype(np.int64)
        width = math.ceil(2 * float(reach.max()) + FAR_ABOVE * self._dispersion)
        width = min(width, int(numbers[-1])) + 1
        laws = count_laws(means, self._dispersion, width, starts)
        first_after = np.maximum(numbers - batches, 0) + starts
        # From every number to the states around it, so that the mean stays what it is.
        until = np.clip(numbers[1:] - first_after[:, None], 0, width)
        below = np.diff(_summed_until(laws, until), prepend=0.0)
        first = np.diff(_summed_until(laws * np.arange(width), until), prepend=0.0)
        first += first_after[:, None] * below
        upper = (first - numbers[:-1] * below) / np.diff(numbers)
        steps = np.zeros((len(numbers), len(numbers)))
        steps[:, :-1] = below - upper
        steps[:, 1:] += upper
        steps[:, -1] += np.maximum(0.0, 1.0 - steps.sum(axis=1))
        balance = steps.T - np.eye(len(numbers))
        balance[-1] = 1.0
        last = np.eye(1, len(numbers), len(numbers) - 1)[0]
        steady: Array = np.clip(np.linalg.solve(balance, last), 0, None)
        shares: Array = steady / steady.sum()
        return shares

    def tail(self, seconds: float) -> float:
        """The share of requests with a latency over `seconds`."""
        steady, numbers, largest = self._steady, self._numbers, self._largest
        idle = float(steady[0])
        in_time = idle if self._seconds[1] <= seconds else 0.0
        everybody = idle
        points = max(4, min(QUADRATURE_POINTS, 128 // largest))
        small = (numbers > 0) & (numbers < largest)
        weights = steady[small].copy()
        rest = np.zeros(int(numbers[-1]) - largest + 1)
        rest[numbers[numbers >= largest] - largest] = steady[numbers >= largest]
        if largest == 1:
            rest[0] += idle
        else:
            weights[0] += idle
        for weight, duration in _groups(weights, self._seconds[numbers[small]]):
            if weight * self._rate * duration > NEGLIGIBLE:
                everybody += weight * self._rate * duration
                in_time += self._arrived_during(duration, np.array([weight]), seconds, points)
        duration = float(self._seconds[largest])
        everybody += float(rest.sum()) * self._rate * duration
        in_time += self._arrived_during(duration, rest, seconds, points)
        return float(max(0.0, 1.0 - in_time / everybody))

    def _arrived_during(self, duration: float, rest: Array, seconds: float, points: int) -> float:
        """How many arrive during a batch of that duration, per cycle, and are done in time.

        `rest[k]` is the probability of k requests that wait already and are not in the batch.
        """
        total = 0.0
        for point in range(points):
            part = (point + 0.5) / points
            earlier = self._rate * duration * part
            length = math.ceil(earlier + 12 * math.sqrt(self._dispersion * earlier) + 12)
            ahead = np.convolve(rest, counts(earlier, self._dispersion, length))
            total += self._in_time(ahead, duration * (1 - part), seconds)
        return total * self._rate * duration / points

    def _in_time(self, ahead: Array, left: float, seconds: float) -> float:
        """The mass of requests done in time, by how many are ahead and when a batch may start."""
        largest = self._largest
        until = seconds - left + 1e-12
        if until < 0:
            return 0.0
        # Whoever rides in one of these is in time, however full it is; in the next one, where it
        # does not fill up too much until it starts; and in none after that.
        batches = int(until / self._seconds[largest])
        total = float(ahead[: batches * largest].sum())
        wait = left + batches * self._seconds[largest]
        fast_enough = int(
            np.searchsorted(self._seconds[1:], until - batches * self._seconds[largest], "right")
        )
        riding = ahead[batches * largest : batches * largest + min(fast_enough, largest)]
        if len(riding):
            joining = np.cumsum(counts(self._rate * wait, self._dispersion, fast_enough))
            total += float((riding * joining[::-1][: len(riding)]).sum())
        return total


def _summed_until(rows: Array, until: NDArray[np.int64]) -> Array:
    """Of each row the sums of its first `until[row, …]` numbers."""
    sums = np.zeros((len(rows), rows.shape[1] + 1))
    np.cumsum(rows, axis=1, out=sums[:, 1:])
    taken: Array = np.take_along_axis(sums, until, axis=1)
    return taken


def _groups(weights: Array, durations: Array) -> list[tuple[float, float]]:
    """(weight, mean duration) of batches with a size of their own, or of neighbours together."""
    if len(weights) < EVERY_SIZE:
        return list(zip(weights.tolist(), durations.tolist(), strict=True))
    shares = weights * durations
    places = np.cumsum(shares) / max(1e-300, float(shares.sum())) / SMALLEST_GROUP
    starts = np.flatnonzero(np.diff(np.floor(places), prepend=-1.0) > 0)
    sums = np.add.reduceat(weights, starts)
    means = np.add.reduceat(shares, starts) / np.maximum(sums, 1e-300)
    return list(zip(sums.tolist(), means.tolist(), strict=True))
