"""What comes in now, and the memory of what came."""

from __future__ import annotations

import math
from dataclasses import replace

from triton_operator.autoscaling.observation import Traffic
from triton_operator.autoscaling.state import BIN_SECONDS, MEMORY_SECONDS, ScalingState

WINDOW_SECONDS = 15.0
"""At 100 requests/s, Poisson noise over it is 2.6 %."""
REMEMBERED_SECONDS = 60.0
JUMPS = ((1.0, 2.0, 6.0), (3.0, 1.15, 4.0))
"""(newest seconds, times the rate before, standard deviations of noise): any of them is a jump."""
BINS = int(MEMORY_SECONDS / BIN_SECONDS)
LONGEST_HORIZON_BINS = 120


def with_traffic(state: ScalingState, now: float, traffic: Traffic) -> ScalingState:
    """The state after one more look; `traffic.interval_seconds` ended `now`.

    A gap in the looks leaves pieces of time of which nothing is known.
    """
    seconds = max(1e-3, traffic.interval_seconds)
    rate = max(0.0, traffic.arrivals) / seconds
    kept = tuple(row for row in state.rates if row[0] > now - REMEMBERED_SECONDS)
    state = replace(state, rates=(*kept, (now, seconds, rate)))
    state = replace(state, jumped_at=_jumped_at(state, now))
    if state.open_since is None:
        state = replace(state, open_since=now - seconds)
    return _fill(state, now, seconds, rate)


def _fill(state: ScalingState, now: float, seconds: float, rate: float) -> ScalingState:
    """Put the look into the pieces of time that it covers."""
    since = state.open_since if state.open_since is not None else now - seconds
    bins, estimates = list(state.bins), list(state.estimates)
    known, arrivals = state.open_seconds, state.open_arrivals
    begin = max(now - seconds, since)
    if now - since > MEMORY_SECONDS:
        since, bins, estimates, known, arrivals = begin, [], [], 0.0, 0.0
    while now >= since + BIN_SECONDS:
        end = since + BIN_SECONDS
        part = max(0.0, end - begin)
        known, arrivals = known + part, arrivals + part * rate
        begin = max(begin, end)
        # Half a piece that was looked at stands for the whole.
        bins.append(arrivals / known if known >= BIN_SECONDS / 2 else math.nan)
        estimates.append(estimate(state) if known >= BIN_SECONDS / 2 else math.nan)
        since, known, arrivals = end, 0.0, 0.0
    part = max(0.0, now - begin)
    most = BINS + LONGEST_HORIZON_BINS
    return replace(
        state,
        bins=tuple(bins[-most:]),
        estimates=tuple(estimates[-most:]),
        open_since=since,
        open_seconds=known + part,
        open_arrivals=arrivals + part * rate,
    )


def estimate(state: ScalingState) -> float:
    """Requests/s now: the mean of the last looks, or of those since demand jumped up.

    Only upwards, since to believe a fall too late costs little.
    """
    if not state.rates:
        return 0.0
    now = state.rates[-1][0]
    return max(settled(state), _mean(state, max(state.jumped_at, now - WINDOW_SECONDS), now))


def _jumped_at(state: ScalingState, now: float) -> float:
    """When the newest jump began: an excess that the noise of the looks before does not explain."""
    since = max(now - WINDOW_SECONDS - BIN_SECONDS, state.jumped_at)
    for seconds, share, deviations in JUMPS:
        begin = now - max(seconds, state.rates[-1][1])
        before = [row for row in state.rates if since + 1e-9 < row[0] <= begin + 1e-9]
        length = sum(row[1] for row in before)
        if length < BIN_SECONDS:
            continue
        usual = sum(row[1] * row[2] for row in before) / length
        spread = sum(row[1] * (row[2] - usual) ** 2 for row in before) / length
        # Of a mean over these seconds: what Poisson arrivals have, or what was seen.
        noise = max(1.3 * max(usual, 1.0), spread * length / len(before)) / (now - begin)
        excess = _mean(state, begin, now) - usual
        if excess > (share - 1) * usual and excess > deviations * math.sqrt(noise):
            return begin
    return state.jumped_at


def settled(state: ScalingState) -> float:
    """Requests/s over the last looks, jumps not believed yet."""
    if not state.rates:
        return 0.0
    now = state.rates[-1][0]
    return _mean(state, now - WINDOW_SECONDS, now)


def _mean(state: ScalingState, since: float, until: float) -> float:
    """Requests/s over the looks that ended after `since`."""
    seconds = arrivals = 0.0
    for end, length, rate in reversed(state.rates):
        if end <= since + 1e-9:
            break
        if end <= until:
            seconds += length
            arrivals += length * rate
    return arrivals / seconds if seconds else 0.0
