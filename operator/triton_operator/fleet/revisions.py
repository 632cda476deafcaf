"""Which revision the next change of a service's works gets: higher than any that a member has seen.

A hub that was restored from a backup counts from where the backup ends, and members refuse what is
lower than what they have applied. They tell what that is, of works of this hub only, so the hub
goes on above it. What they tell is not trusted: one that names the highest number there is would
leave none for all the others.
"""

from __future__ import annotations

from collections.abc import Iterable

MOST_AHEAD = 1_000_000
"""A hub writes one revision in two seconds at most: this is what it writes in three weeks."""


def written_revision(status: int, works: Iterable[int]) -> int:
    """The highest that this hub knows to have written: of a service's status and of its works."""
    return max([status, *works])


def oddity(told: int | None, written: int) -> str:
    """Why a revision that a member says is in force is not believed; empty: it is."""
    if told is None or told <= written + MOST_AHEAD:
        return ""
    return (
        f"appliedRevision is {told}, and {written} is the highest here: {MOST_AHEAD} more at most "
        "are believed"
    )


def next_revision(written: int, told: Iterable[int | None]) -> int:
    """Higher than all of them, but for those that are not believed."""
    return 1 + max(written, *(one for one in told if one and not oddity(one, written)), 0)


def is_overtaken(revision: int, told: int | None, written: int) -> bool:
    """Whether a member has applied a higher revision than its work has, and so refuses that."""
    return told is not None and told > revision and not oddity(told, written)
