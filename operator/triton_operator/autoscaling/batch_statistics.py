"""Triton's statistics of executed batches: how many of each size, and how long they took."""

import json
import math
from typing import Any

BatchTotals = dict[int, tuple[float, float]]
"""Batch size → (executions, seconds in all), since the model was loaded."""
MAX_BATCH_SIZE = 65536
_PHASES = ("compute_input", "compute_infer", "compute_output")


class NotStatistics(ValueError):
    """A body is no answer of Triton's statistics endpoint; it says why."""


def batch_totals(body: bytes, model: str) -> BatchTotals:
    """What `GET /v2/models/MODEL/stats` says of a model's batches, all versions together.

    Input, inference and output are counted once per execution here, unlike in the metrics.
    Empty: nothing was executed yet.

    Raises:
        NotStatistics: the body is something else.
    """
    try:
        answer = json.loads(body)
        rows = [
            row
            for version in answer["model_stats"]
            if version["name"] == model
            for row in version.get("batch_stats", ())
        ]
        totals: BatchTotals = {}
        for row in rows:
            size, executions, seconds = _row(row)
            known = totals.get(size, (0.0, 0.0))
            totals[size] = (known[0] + executions, known[1] + seconds)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise NotStatistics(f"it does not answer with statistics: {error!r}"[:200]) from error
    return totals


def _row(row: dict[str, Any]) -> tuple[int, float, float]:
    size = int(row["batch_size"])
    executions = float(row["compute_infer"]["count"])
    seconds = sum(float(row[phase]["ns"]) for phase in _PHASES) / 1e9
    plausible = 1 <= size <= MAX_BATCH_SIZE and executions >= 0 and seconds >= 0
    if not plausible or not math.isfinite(executions + seconds):
        raise ValueError(f"a row says {size}, {executions}, {seconds}")
    return size, executions, seconds
