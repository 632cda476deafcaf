"""When a service may be removed because its hub does not list its work any more.

A list that does not have it is evidence only if it comes from the hub that made it, and even then
an hour has to pass: a hub that was restored from a backup, or whose definitions were deleted by
mistake, lists nothing too. A work that somebody else than the hub has deleted counts as one that is
not listed. An error, a refusal or a listing that never came is no evidence at all.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from triton_operator.fleet.origin import Local

GRACE_SECONDS = 3600.0


class Absence(StrEnum):
    """What to do with a service."""

    PRESENT = "Present"
    """Its work is there, or nothing says that it is not."""
    RETURNED = "Returned"
    """Its work is there, and was noted as absent: the note goes."""
    NOTE = "Note"
    """Its absence is to be noted, with the time of now."""
    WAIT = "Wait"
    """It was noted, not long enough ago."""
    OVER = "Over"
    """It may be removed."""


def absence(
    local: Local,
    *,
    mailbox: str,
    hub_id: str,
    listed: Collection[str],
    since: float | None,
    now: float,
    grace_seconds: float = GRACE_SECONDS,
) -> Absence:
    """Of one service, after `mailbox` was listed in full: it has the works `listed`.

    `hub_id`: whose mailbox it is, empty where that is not known. `since` is when the absence was
    noted, None: it was not, or nobody can read it. A note from the future is made anew: a clock
    that was set back must not shorten the wait.
    """
    if not hub_id or local.hub_id != hub_id or local.mailbox != mailbox:
        return Absence.PRESENT
    if local.work in listed:
        return Absence.RETURNED if local.absent_since else Absence.PRESENT
    if local.is_leaving or local.is_paused:
        return Absence.WAIT
    if since is None or since > now:
        return Absence.NOTE
    return Absence.OVER if now - since > grace_seconds else Absence.WAIT
