"""What Triton's statistics say of executed batches: how many of each size, and how long they took.

Each execution is counted once there, unlike in the metrics, with what it took: reading inputs,
inference, and writing outputs. No client can see that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_BATCH_SIZE = 65536
_PHASES = ("compute_input", "compute_infer", "compute_output")


class NotStatistics(ValueError):
    """An answer is not that of Triton's statistics endpoint; it says why."""


@dataclass(frozen=True)
class BatchTotal:
    """Executions of one batch size and their nanoseconds together."""

    executions: int = 0
    nanoseconds: int = 0

    @property
    def seconds(self) -> float:
        """The time of all of them."""
        return self.nanoseconds / 1e9

    @property
    def seconds_each(self) -> float:
        """The mean time of one of them."""
        return self.nanoseconds / self.executions / 1e9


def batch_totals(answer: Any, model: str) -> dict[int, BatchTotal]:
    """By batch size, since the model was loaded, over all of its versions.

    `answer` is the JSON of `GET /v2/models/MODEL/stats`. Empty: nothing was executed yet.

    Raises:
        NotStatistics: it is something else.
    """
    totals: dict[int, BatchTotal] = {}
    try:
        rows = [
            row
            for version in answer["model_stats"]
            if version["name"] == model
            for row in version.get("batch_stats", ())
        ]
        for row in rows:
            size, executions, nanoseconds = _row(row)
            known = totals.get(size, BatchTotal())
            totals[size] = BatchTotal(
                known.executions + executions, known.nanoseconds + nanoseconds
            )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise NotStatistics(repr(error)) from error
    return totals


def _row(row: Mapping[str, Any]) -> tuple[int, int, int]:
    size, executions = int(row["batch_size"]), int(row["compute_infer"]["count"])
    nanoseconds = sum(int(row[phase]["ns"]) for phase in _PHASES)
    if not 1 <= size <= MAX_BATCH_SIZE or executions < 0 or nanoseconds < 0:
        raise ValueError(f"a row says {size}, {executions}, {nanoseconds}")
    return size, executions, nanoseconds
