"""How long an endpoint usually takes for a model, as a client sees it, without the way there.

The estimate and its weights are those of TCP's retransmission timer (RFC 6298, 2.2 to 2.3): a
smoothed mean, and four times the smoothed deviation on top. It is learned from answers only: an
endpoint that hangs would otherwise be given more and more time.
"""

from __future__ import annotations

from dataclasses import dataclass

MEAN_WEIGHT = 1 / 8
DEVIATION_WEIGHT = 1 / 4
DEVIATIONS = 4


@dataclass(frozen=True)
class UsualTime:
    """In seconds."""

    mean: float
    deviation: float

    @property
    def seconds(self) -> float:
        """Most answers take no longer."""
        return self.mean + DEVIATIONS * self.deviation


def learned(known: UsualTime | None, took_seconds: float) -> UsualTime:
    """With one answer more."""
    if known is None:
        return UsualTime(took_seconds, took_seconds / 2)
    off = abs(known.mean - took_seconds)
    return UsualTime(
        (1 - MEAN_WEIGHT) * known.mean + MEAN_WEIGHT * took_seconds,
        (1 - DEVIATION_WEIGHT) * known.deviation + DEVIATION_WEIGHT * off,
    )
