"""Triton's batch statistics, as its HTTP endpoint tells them."""

import json
from typing import Any

import pytest

from triton_operator.autoscaling.batch_statistics import batch_totals
from triton_operator.triton.batch_statistics import NotStatistics


def batches(size: Any, count: Any, ms: Any) -> dict[str, Any]:
    phase = {"count": count, "ns": ms * 1e6 if isinstance(ms, int | float) else ms}
    return {
        "batch_size": size,
        "compute_input": {"count": count, "ns": 1_000_000},
        "compute_infer": phase,
        "compute_output": {"count": count, "ns": 2_000_000},
    }


def answer(*versions: tuple[str, list[dict[str, Any]]]) -> bytes:
    stats = [
        {"name": name, "version": str(number), "inference_count": 9, "batch_stats": rows}
        for number, (name, rows) in enumerate(versions, 1)
    ]
    return json.dumps({"model_stats": stats}).encode()


@pytest.mark.parametrize(
    ("body", "expected", "why"),
    [
        (
            answer(("filetype", [batches(1, 10, 297), batches(8, 5, 497)])),
            {1: (10, 0.3), 8: (5, 0.5)},
            "input, inference and output together",
        ),
        (
            answer(("filetype", [batches(1, 10, 297)]), ("filetype", [batches(1, 20, 597)])),
            {1: (30, 0.9)},
            "all versions",
        ),
        (answer(("other", [batches(1, 10, 297)])), {}, "another model"),
        (answer(("filetype", [])), {}, "nothing executed yet"),
        (b'{"model_stats": [{"name": "filetype", "version": "1"}]}', {}, "an old release"),
    ],
)
def test_executions_and_seconds_by_batch_size(
    body: bytes, expected: dict[int, tuple[float, float]], why: str
) -> None:
    result = batch_totals(body, ["filetype"])["filetype"]

    assert result.keys() == expected.keys(), why
    for size, row in expected.items():
        assert result[size] == pytest.approx(row), why


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "nothing"),
        (b"<html>", "a web page"),
        (b"\xff", "no text"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "another shape"),
        (b'{"model_stats": 7}', "another shape"),
        (b'{"model_stats": [7]}', "another shape"),
        (b'{"error": "no such model"}', "Triton's error"),
        (answer(("filetype", [{"batch_size": 1}])), "a row without times"),
        (answer(("filetype", [batches(0, 1, 1)])), "no batch has nothing in it"),
        (answer(("filetype", [batches(10**9, 1, 1)])), "no batch is that large"),
        (answer(("filetype", [batches(1, -1, 1)])), "less than none"),
        (answer(("filetype", [batches(1, 1, -9)])), "less than no time"),
        (answer(("filetype", [batches(1, float("nan"), 1)])), "no number"),
        (answer(("filetype", [batches(1, 1, "1e999")])), "no end"),
        (answer(("filetype", [batches("many", 1, 1)])), "no size"),
    ],
)
def test_anything_else_is_refused_as_a_whole(body: bytes, why: str) -> None:
    with pytest.raises(NotStatistics):
        batch_totals(body, ["filetype"])
    assert why
