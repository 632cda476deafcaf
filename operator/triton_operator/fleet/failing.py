"""Whether more requests of a cluster fail with a change than without it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

MARGIN = 0.01
"""A percentage point, as of the share within the objective."""
DEVIATIONS = 3.0
"""Standard deviations of the number of failures among so many requests: less is chance."""
LEAST_REQUESTS = 10
"""Fewer say nothing of a share."""


@dataclass(frozen=True)
class Errors:
    """Requests of the last minutes, and how many of them failed."""

    requests: int
    failed: int

    @property
    def share(self) -> float:
        """0 to 1; 0 without requests."""
        return self.failed / self.requests if self.requests else 0.0

    @property
    def is_enough(self) -> bool:
        """Whether a share can be told from it."""
        return self.requests >= LEAST_REQUESTS


def failing(
    now: Errors | None, before: Errors | None, others: Sequence[Errors], promised: float
) -> str:
    """By how much more requests fail, in words with numbers; empty: by no more than is taken.

    `others` are clusters without the change, of this moment: what they have in common with this one
    is no harm of the change. `promised`: share of requests within the objective, 0 to 1, which
    alone decides where neither is known.

    More is `failed > n p + 3 sqrt(n p (1 - p))` of n requests: beyond what chance makes of a share
    p, three standard deviations of a binomial distribution. p is a percentage point above the
    larger of what was before and the median of the others. Before counts as if one more had
    failed: a few requests without a failure do not prove that there are none.
    """
    if now is None or not now.is_enough:
        return ""
    known, told = [], ""
    if before is not None and before.is_enough:
        known.append((before.failed + 1) / (before.requests + 1))
        told += f", {_percent(before.share)} of {before.requests} before"
    shares = sorted(one.share for one in others if one.is_enough)
    if shares:
        # The lower one of two: half of the others cannot hide what the change does.
        known.append(shares[(len(shares) - 1) // 2])
        told += f", {_percent(known[-1])} in the middle of {len(shares)} clusters without it"
    taken = max(known) + MARGIN if known else max(MARGIN, 1.0 - promised)
    mean = now.requests * min(1.0, taken)
    most = mean + DEVIATIONS * math.sqrt(mean * (1.0 - min(1.0, taken)))
    if now.failed <= most:
        return ""
    return (
        f"{_percent(now.share)} of {now.requests} requests fail{told}; "
        f"up to {_percent(most / now.requests)} of so many would be taken"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
