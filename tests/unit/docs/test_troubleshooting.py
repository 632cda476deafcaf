"""Whoever meets a reason finds it explained, and nothing is explained that cannot be met."""

from __future__ import annotations

import re
from collections import Counter

from tests.unit.docs.pages import DOCS, table_rows
from tests.unit.docs.reasons_in_code import condition_types, known_reasons

PAGE = DOCS / "troubleshooting.md"
COLUMNS = ("Condition", "Reason", "Meaning", "What to do")
OF_THE_COMMAND_LINE = "(plan)"


def rows() -> list[list[str]]:
    return table_rows(PAGE, *COLUMNS)


def explained() -> list[str]:
    return [cells[1].strip("`") for cells in rows()]


def test_the_code_is_found() -> None:
    """An oracle that finds nothing would agree with an empty page."""
    found = known_reasons()

    assert found["Serving"] == "api/reasons.py"
    assert found["DigestMismatch"] == "model/reasons.py"
    assert found["PoolNotFound"] == "planning/placement.py"
    assert found["NoNodes"] == "controllers/serving_pool.py"
    assert found["ModelUnknown"] == "cli/plan.py"
    assert "Ready" in condition_types()
    assert not condition_types() & set(found)


def test_every_reason_in_the_code_has_a_row() -> None:
    missing = {
        reason: where for reason, where in known_reasons().items() if reason not in explained()
    }

    assert missing == {}


def test_every_row_has_a_reason_in_the_code() -> None:
    assert [reason for reason in explained() if reason not in known_reasons()] == []


def test_no_reason_has_two_rows() -> None:
    assert [reason for reason, count in Counter(explained()).items() if count > 1] == []


def test_every_row_is_complete() -> None:
    for cells in rows():
        assert len(cells) == len(COLUMNS), cells
        assert all(cells), cells
        assert re.fullmatch(r"`[A-Za-z]+`", cells[1]), cells


def test_conditions_of_rows_exist() -> None:
    named = {name.strip() for cells in rows() for name in cells[0].split(",")}

    assert named - {OF_THE_COMMAND_LINE} <= condition_types()


def test_every_condition_is_explained() -> None:
    explained_types = {
        cells[0].strip("`")
        for cells in table_rows(DOCS / "concepts.md", "Condition", "Meaning", "Good")
    }

    assert explained_types == condition_types()
