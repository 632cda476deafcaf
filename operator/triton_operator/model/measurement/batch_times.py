"""What Triton's statistics say of executed batches, and the difference between two looks at them.

Each execution is counted once there, with what it took: reading inputs, inference, and writing
outputs. No client can see that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from triton_operator.model import reasons
from triton_operator.model.errors import WorkFailed

_PHASES = ("compute_input", "compute_infer", "compute_output")


@dataclass(frozen=True)
class BatchTotal:
    """Executions of one batch size and their nanoseconds together."""

    executions: int = 0
    nanoseconds: int = 0

    @property
    def seconds_each(self) -> float:
        """The mean time of one of them."""
        return self.nanoseconds / self.executions / 1e9


def batch_totals(answer: object, model: str) -> dict[int, BatchTotal]:
    """By batch size, since the model was loaded, over all of its versions.

    `answer` is what `GET /v2/models/MODEL/stats` gives.

    Raises:
        WorkFailed: it is something else.
    """
    totals: dict[int, BatchTotal] = {}
    try:
        for version in _rows(answer, "model_stats"):
            if version["name"] != model:
                continue
            for row in version.get("batch_stats") or ():
                size, executions, nanoseconds = _row(row)
                known = totals.get(size, BatchTotal())
                totals[size] = BatchTotal(
                    known.executions + executions, known.nanoseconds + nanoseconds
                )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WorkFailed(
            reasons.TRITON_MISBEHAVES, f"the statistics of {model} cannot be read: {error!r}"
        ) from error
    return totals


def since(
    before: Mapping[int, BatchTotal], after: Mapping[int, BatchTotal]
) -> dict[int, BatchTotal]:
    """What was executed between two looks, without sizes of which nothing was."""
    changes = {
        size: BatchTotal(
            total.executions - before.get(size, BatchTotal()).executions,
            total.nanoseconds - before.get(size, BatchTotal()).nanoseconds,
        )
        for size, total in after.items()
    }
    return {size: change for size, change in changes.items() if change.executions > 0}


def rows_executed(totals: Mapping[int, BatchTotal]) -> int:
    """Rows in all batches together."""
    return sum(size * total.executions for size, total in totals.items())


def _rows(answer: object, key: str) -> list[dict[str, Any]]:
    if not isinstance(answer, Mapping):
        raise TypeError(f"not an object: {answer!r:.100}")
    return list(answer[key])


def _row(row: Mapping[str, Any]) -> tuple[int, int, int]:
    size, executions = int(row["batch_size"]), int(row["compute_infer"]["count"])
    nanoseconds = sum(int(row[phase]["ns"]) for phase in _PHASES)
    if size < 1 or executions < 0 or nanoseconds < 0:
        raise ValueError(f"a row says {size}, {executions}, {nanoseconds}")
    return size, executions, nanoseconds
