"""Revisions of a hub that may know less than its members."""

import pytest

from triton_operator.api.fields import MOST_SEQUENCE
from triton_operator.fleet.revisions import (
    MOST_AHEAD,
    is_overtaken,
    next_revision,
    oddity,
    written_revision,
)


def test_what_was_written_is_the_highest_of_all_that_says_so() -> None:
    assert written_revision(0, []) == 0
    assert written_revision(7, [3, 9]) == 9
    assert written_revision(7, [3]) == 7


@pytest.mark.parametrize(
    ("told", "found"),
    [
        pytest.param([], 18, id="nobody has told anything"),
        pytest.param([None, 17, 3], 18, id="nobody knows more"),
        pytest.param([40, 35, None], 41, id="the hub was restored from a backup"),
        pytest.param([17 + MOST_AHEAD], 18 + MOST_AHEAD, id="long ago"),
        pytest.param([MOST_SEQUENCE, 40], 41, id="what cannot be is not believed"),
    ],
)
def test_the_next_one(told: list[int | None], found: int) -> None:
    assert next_revision(17, told) == found


def test_which_works_are_overtaken() -> None:
    assert is_overtaken(17, 40, 17)
    assert is_overtaken(17, 18, 20)
    assert not is_overtaken(17, 17, 17)
    assert not is_overtaken(17, None, 17)
    assert not is_overtaken(17, MOST_SEQUENCE, 17)


def test_who_is_not_believed_is_told_why() -> None:
    assert oddity(None, 0) == oddity(MOST_AHEAD, 0) == ""
    assert "appliedRevision is 1000001, and 0 is the highest here" in oddity(MOST_AHEAD + 1, 0)
