"""What was executed between two looks at Triton's statistics."""

from collections.abc import Mapping

from triton_operator.model import reasons
from triton_operator.model.errors import WorkFailed
from triton_operator.triton import batch_statistics
from triton_operator.triton.batch_statistics import BatchTotal, NotStatistics


def batch_totals(answer: object, model: str) -> dict[int, BatchTotal]:
    """By batch size, since the model was loaded, over all of its versions.

    Raises:
        WorkFailed: `answer` is not that of the statistics endpoint.
    """
    try:
        return batch_statistics.batch_totals(answer, model)
    except NotStatistics as error:
        raise WorkFailed(
            reasons.TRITON_MISBEHAVES, f"the statistics of {model} cannot be read: {error}"
        ) from error


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
