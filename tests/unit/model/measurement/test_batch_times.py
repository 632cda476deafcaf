"""Triton's statistics: what was executed between two looks."""

from typing import Any

import pytest

from triton_operator.model.errors import WorkFailed
from triton_operator.model.measurement.batch_times import batch_totals, rows_executed, since
from triton_operator.triton.batch_statistics import BatchTotal


def row(size: int, count: int, ns: int) -> dict[str, Any]:
    part = {"count": count, "ns": ns}
    return {
        "batch_size": size,
        "compute_input": part,
        "compute_infer": part,
        "compute_output": part,
    }


def answer(*rows: dict[str, Any], name: str = "m") -> dict[str, Any]:
    return {"model_stats": [{"name": name, "version": "1", "batch_stats": list(rows)}]}


def test_every_phase_of_an_execution_counts() -> None:
    found = batch_totals(answer(row(1, 2, 1000), row(4, 1, 500)), "m")

    assert found == {1: BatchTotal(2, 3000), 4: BatchTotal(1, 1500)}
    assert found[1].seconds_each == pytest.approx(1.5e-6)
    assert rows_executed(found) == 6


def test_versions_of_a_model_are_one() -> None:
    both = {"model_stats": answer(row(1, 1, 10))["model_stats"] * 2}

    assert batch_totals(both, "m") == {1: BatchTotal(2, 60)}


def test_only_differences_count() -> None:
    before = {1: BatchTotal(5, 100), 2: BatchTotal(1, 10)}
    after = {1: BatchTotal(7, 160), 2: BatchTotal(1, 10), 4: BatchTotal(1, 30)}

    assert since(before, after) == {1: BatchTotal(2, 60), 4: BatchTotal(1, 30)}


def test_nothing_was_executed_yet() -> None:
    assert batch_totals({"model_stats": [{"name": "m"}]}, "m") == {}
    assert batch_totals(answer(row(1, 1, 1), name="other"), "m") == {}


@pytest.mark.parametrize(
    "said",
    [
        [],
        {},
        {"model_stats": None},
        {"model_stats": ["m"]},
        answer({"batch_size": 1}),
        answer(row(0, 1, 1)),
        answer(row(1, -1, 1)),
        answer(row(1, 1, -1)),
        {"model_stats": [{"name": "m", "batch_stats": [None]}]},
    ],
)
def test_something_else_is_no_statistics(said: object) -> None:
    with pytest.raises(WorkFailed, match="statistics of m"):
        batch_totals(said, "m")
