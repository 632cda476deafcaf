"""How long one endpoint may take, so that the next one still can answer within the deadline."""

from __future__ import annotations

from dataclasses import dataclass

LEAST_SECONDS = 0.001
"""With less left than this nobody is asked any more."""

SLACK_SHARE = 0.1
"""Of what both do not need, the next one's part: what is usual is known from few answers at first,
and the last one of a request has nobody behind it."""

_ROUNDING = 1e-9
"""Seconds. Two guesses are together exactly what remains, but for how floats add up."""


@dataclass(frozen=True)
class Need:
    """What an endpoint needs for an answer, in seconds. `service`: None is not known yet."""

    round_trip: float
    service: float | None = None


def budget_seconds(remaining: float, own: Need, following: Need | None) -> float:
    """Of what remains: all but what the following one needs, and a tenth of what neither does.

    If it is not enough for both, the one that is asked first gets all: less than it usually needs
    would be lost, and what it leaves when it fails at once the next one gets anyway.
    A service time that is not known is taken to be like the other one's; if none is known, both get
    the same part of what remains without the ways there.
    """
    if following is None:
        return remaining
    ways = own.round_trip + following.round_trip
    known = [need.service for need in (own, following) if need.service is not None]
    guess = max(known) if known else max(0.0, (remaining - ways) / 2)
    own_seconds = own.round_trip + (guess if own.service is None else own.service)
    kept = following.round_trip + (guess if following.service is None else following.service)
    slack = remaining - own_seconds - kept
    if slack < -_ROUNDING:
        return remaining
    return own_seconds + (1 - SLACK_SHARE) * max(0.0, slack)
