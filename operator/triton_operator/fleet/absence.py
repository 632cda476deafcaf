"""When a service may be removed because its hub does not list its work any more.

A list that does not have it is evidence only if it comes from the hub that made it, and even then
an hour has to pass: a hub that was restored from a backup, or whose definitions were deleted by
mistake, lists nothing too. A work that somebody else than the hub has deleted counts as one that is
not listed. An error, a refusal or a listing that never came is no evidence at all.

The hour is one in which it was seen, look by look, by a clock that never steps: clocks of nodes are
put right by hours. So time without a connection, or without an agent, does not count.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from triton_operator.fleet.origin import Local

GRACE_SECONDS = 3600.0
MOST_BETWEEN_SECONDS = 60.0
"""Of one look to the next; what is beyond was not seen."""
NOTED_EVERY_SECONDS = 60
"""An agent that starts anew forgets no more than this."""


class Absence(StrEnum):
    """What to do with a service."""

    PRESENT = "Present"
    """Its work is there, or nothing says that it is not."""
    RETURNED = "Returned"
    """Its work is there, and was noted as absent: the note goes."""
    NOTE = "Note"
    """How long it has been absent is to be noted."""
    WAIT = "Wait"
    """It was noted, not long enough ago."""
    OVER = "Over"
    """It may be removed."""


@dataclass(frozen=True)
class Wait:
    """How long a work was seen to be absent: `seconds` at the look at `at`, `noted` of them on the
    service; None: nothing is."""

    seconds: float
    at: float
    noted: int | None


def absence(
    local: Local,
    *,
    mailbox: str,
    hub_id: str,
    listed: Collection[str],
    before: Wait | None,
    now: float,
    grace_seconds: float = GRACE_SECONDS,
) -> tuple[Absence, Wait | None]:
    """Of one service, after `mailbox` was listed in full: it has the works `listed`.

    `hub_id`: whose mailbox it is, empty where that is not known. `before`: the wait as of the look
    before, None: there is none, or another process had it; `now` by a clock that never steps. The
    wait as of this look goes with what is to be done.
    """
    if not hub_id or local.hub_id != hub_id or local.mailbox != mailbox:
        return Absence.PRESENT, before
    if local.work in listed:
        return Absence.PRESENT if local.absent_seconds is None else Absence.RETURNED, None
    if local.is_leaving or local.is_paused:
        return Absence.WAIT, None
    wait = _waited(before, local.absent_seconds, now)
    if wait.noted is None:
        return Absence.NOTE, wait
    if wait.seconds > grace_seconds:
        return Absence.OVER, wait
    due = wait.seconds - wait.noted >= NOTED_EVERY_SECONDS
    return Absence.NOTE if due else Absence.WAIT, wait


def _waited(before: Wait | None, noted: int | None, now: float) -> Wait:
    """A note that is not the one that was written last counts: a process before this one has
    written it, or somebody wants to begin anew."""
    if before is None or before.noted != noted:
        return Wait(float(noted or 0), now, noted)
    between = min(max(0.0, now - before.at), MOST_BETWEEN_SECONDS)
    return Wait(before.seconds + between, now, noted)
