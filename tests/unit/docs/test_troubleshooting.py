"""Whoever meets a reason finds it explained, and nothing is explained that cannot be met."""

from __future__ import annotations

import re
from collections import Counter

from tests.unit.docs.pages import DOCS, table_rows
from tests.unit.docs.reasons_in_code import (
    SOURCES,
    condition_types,
    documented_constants,
    known_reasons,
)
from triton_operator.api import reasons as api_reasons
from triton_operator.cli.next_steps import STEPS

PAGE = DOCS / "troubleshooting.md"
COLUMNS = ("Condition", "Reason", "Meaning", "What to do")
OF_THE_COMMAND_LINE = frozenset({"(plan)", "(model)"})


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
    rows_there = set(explained())

    missing = {
        reason: where for reason, where in known_reasons().items() if reason not in rows_there
    }

    assert missing == {}


def test_every_row_has_a_reason_in_the_code() -> None:
    known = known_reasons()

    assert [reason for reason in explained() if reason not in known] == []


def test_every_reason_of_the_api_is_given_somewhere() -> None:
    """A constant that nobody uses would be explained, and never met."""
    named = set(documented_constants(api_reasons)) - condition_types()
    used = " ".join(path.read_text() for path in SOURCES.rglob("*.py") if path.name != "reasons.py")
    constants = {value: name for name, value in vars(api_reasons).items() if isinstance(value, str)}

    assert [reason for reason in named if f"reasons.{constants[reason]}" not in used] == []


def test_what_pods_wait_for_has_commands_that_show_it() -> None:
    """`explain` prints them, and the page names one of them."""
    pages = {cells[1].strip("`"): cells[3] for cells in rows()}
    for reason in api_reasons.OF_WAITING_PODS:
        assert reason in STEPS, reason
        assert "kubectl" in pages[reason], reason


def test_no_reason_has_two_rows() -> None:
    assert [reason for reason, count in Counter(explained()).items() if count > 1] == []


def test_every_row_is_complete() -> None:
    for cells in rows():
        assert len(cells) == len(COLUMNS), cells
        assert all(cells), cells
        assert re.fullmatch(r"`[A-Za-z]+`", cells[1]), cells


def test_conditions_of_rows_exist() -> None:
    named = {name.strip() for cells in rows() for name in cells[0].split(",")}

    assert named - OF_THE_COMMAND_LINE <= condition_types()


def test_every_condition_is_explained() -> None:
    explained_types = {
        cells[0].strip("`")
        for cells in table_rows(DOCS / "concepts.md", "Condition", "Meaning", "Good")
    }

    assert explained_types == condition_types()
