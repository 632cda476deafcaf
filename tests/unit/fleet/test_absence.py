"""When a service may be removed because nobody lists its work."""

from dataclasses import replace
from typing import NamedTuple

import pytest

from triton_operator.fleet.absence import (
    GRACE_SECONDS,
    MOST_BETWEEN_SECONDS,
    NOTED_EVERY_SECONDS,
    Absence,
    Wait,
    absence,
)
from triton_operator.fleet.origin import ABSENT_SECONDS, Local, local_of

NOW = 5_000.0
LOCAL = Local("shop", "vision", "l", hub_id="hub-1", mailbox="fleet-a", work="shop.vision")
NOTED = replace(LOCAL, absent_seconds=3590)


def wait(seconds: float, noted: int | None = 3590, ago: float = 0.0) -> Wait:
    return Wait(seconds, NOW - ago, noted)


class Row(NamedTuple):
    name: str
    local: Local
    expected: Absence
    after: Wait | None = None
    before: Wait | None = None
    listed: tuple[str, ...] = ("shop.other",)
    hub_id: str = "hub-1"


OVER = wait(GRACE_SECONDS + 1)
ROWS = (
    Row("listed", LOCAL, Absence.PRESENT, listed=("shop.vision",)),
    Row("listed again", NOTED, Absence.RETURNED, before=OVER, listed=("shop.vision",)),
    Row("missing for the first time", LOCAL, Absence.NOTE, wait(0, None)),
    Row("missing from an empty mailbox", LOCAL, Absence.NOTE, wait(0, None), listed=()),
    Row("not noted, as that failed", LOCAL, Absence.NOTE, wait(15, None), wait(0, None, ago=15)),
    Row("missing for a while", NOTED, Absence.WAIT, wait(3600), wait(3590, ago=10)),
    Row("missing for long enough", NOTED, Absence.OVER, wait(3601), wait(3590, ago=11)),
    Row("missing for long before this process", NOTED, Absence.WAIT, wait(3590)),
    Row("noted long ago", replace(NOTED, absent_seconds=9), Absence.NOTE,
        wait(9 + NOTED_EVERY_SECONDS, 9), wait(9 + NOTED_EVERY_SECONDS - 15, 9, ago=15)),
    Row("somebody begins anew", replace(NOTED, absent_seconds=0), Absence.WAIT, wait(0, 0), OVER),
    Row("somebody took the note away", LOCAL, Absence.NOTE, wait(0, None), OVER),
    Row("not looked at for long", NOTED, Absence.WAIT, wait(100 + MOST_BETWEEN_SECONDS),
        wait(100, ago=5000)),
    Row("whose mailbox is not known", NOTED, Absence.PRESENT, OVER, OVER, hub_id=""),
    Row("another hub's mailbox", NOTED, Absence.PRESENT, OVER, OVER, hub_id="hub-2"),
    Row("of another mailbox", replace(NOTED, mailbox="fleet-b"), Absence.PRESENT, OVER, OVER),
    Row("of no hub", replace(NOTED, hub_id=""), Absence.PRESENT),
    Row("of no hub, whose mailbox is not known", replace(NOTED, hub_id=""), Absence.PRESENT,
        hub_id=""),
    Row("paused", replace(NOTED, is_paused=True), Absence.WAIT, None, OVER),
    Row("being deleted", replace(NOTED, is_leaving=True), Absence.WAIT, None, OVER),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_absences(row: Row) -> None:
    found = absence(
        row.local,
        mailbox="fleet-a",
        hub_id=row.hub_id,
        listed=row.listed,
        before=row.before,
        now=NOW,
    )

    assert found == (row.expected, row.after)


@pytest.mark.parametrize("text", ["", "-5", "1e9", "²", "9" * 17, "2026-11-28T00:00:00Z"])
def test_a_note_that_nobody_can_read_is_none(text: str) -> None:
    metadata = {"namespace": "shop", "name": "v", "uid": "u", "annotations": {ABSENT_SECONDS: text}}

    assert local_of({"metadata": metadata}).absent_seconds is None
