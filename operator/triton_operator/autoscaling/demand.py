"""What comes in now, and the memory of what came."""

from __future__ import annotations

import math
from dataclasses import replace

from triton_operator.autoscaling.observation import Traffic
from triton_operator.autoscaling.state import BIN_SECONDS, MEMORY_SECONDS, ScalingState

WINDOW_SECONDS = 15.0
"""At 100 requests/s, Poisson noise over it is 2.6 %."""
NEWEST_SECONDS = 3.0
REMEMBERED_SECONDS = 60.0
JUMP_DEVIATIONS = 4.0
JUMP_SHARE = 1.15
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
    """Requests/s now: the mean of the last looks, or of the newest ones where they jump away.

    A jump is an excess that the noise of the looks before does not explain; only upwards, since
    to believe a fall too late costs little.
    """
    if not state.rates:
        return 0.0
    now = state.rates[-1][0]
    window = settled(state)
    newest = _mean(state, now - NEWEST_SECONDS, now)
    before = [
        row
        for row in state.rates
        if now - WINDOW_SECONDS - BIN_SECONDS < row[0] <= now - NEWEST_SECONDS
    ]
    seconds = sum(row[1] for row in before)
    if seconds < BIN_SECONDS:
        return max(window, newest) if len(state.rates) > 1 else window
    usual = sum(row[1] * row[2] for row in before) / seconds
    spread = sum(row[1] * (row[2] - usual) ** 2 for row in before) / seconds
    # Of a mean over the newest seconds: what Poisson arrivals have, or what was seen.
    length = seconds / len(before)
    deviation = math.sqrt(max(1.3 * max(usual, 1.0), spread * length) / NEWEST_SECONDS)
    if newest > JUMP_SHARE * usual and newest - usual > JUMP_DEVIATIONS * deviation:
        return max(window, newest)
    return window


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
