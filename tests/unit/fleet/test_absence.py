"""When a service may be removed because nobody lists its work."""

from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from triton_operator.fleet.absence import GRACE_SECONDS, Absence, absence
from triton_operator.fleet.origin import Local

NOW = 1_000_000.0
LOCAL = Local("shop", "vision", "l", hub_id="hub-1", mailbox="fleet-a", work="shop.vision")
NOTED = replace(LOCAL, absent_since="2026-11-28T00:00:00Z")


class Row(NamedTuple):
    name: str
    local: Local
    expected: Absence
    since: float | None = None
    listed: tuple[str, ...] = ("shop.other",)
    hub_id: str = "hub-1"


ROWS = (
    Row("listed", LOCAL, Absence.PRESENT, listed=("shop.vision",)),
    Row("listed again", NOTED, Absence.RETURNED, since=NOW - 10, listed=("shop.vision",)),
    Row("missing for the first time", LOCAL, Absence.NOTE),
    Row("missing from an empty mailbox", LOCAL, Absence.NOTE, listed=()),
    Row("missing for a while", NOTED, Absence.WAIT, since=NOW - GRACE_SECONDS),
    Row("missing for long enough", NOTED, Absence.OVER, since=NOW - GRACE_SECONDS - 1),
    Row("noted in the future", NOTED, Absence.NOTE, since=NOW + 1),
    Row("noted unreadably", NOTED, Absence.NOTE, since=None),
    Row("whose mailbox is not known", NOTED, Absence.PRESENT, since=0.0, hub_id=""),
    Row("another hub's mailbox", NOTED, Absence.PRESENT, since=0.0, hub_id="hub-2"),
    Row("of another mailbox", replace(NOTED, mailbox="fleet-b"), Absence.PRESENT, since=0.0),
    Row("of no hub", replace(NOTED, hub_id=""), Absence.PRESENT, since=0.0),
    Row("of no hub, whose mailbox is not known", replace(NOTED, hub_id=""), Absence.PRESENT, 0.0,
        hub_id=""),
    Row("paused", replace(NOTED, is_paused=True), Absence.WAIT, since=0.0),
    Row("being deleted", replace(NOTED, is_leaving=True), Absence.WAIT, since=0.0),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_absences(row: Row) -> None:
    arguments: dict[str, Any] = {"since": row.since, "listed": row.listed, "hub_id": row.hub_id}

    assert absence(row.local, mailbox="fleet-a", now=NOW, **arguments) is row.expected
