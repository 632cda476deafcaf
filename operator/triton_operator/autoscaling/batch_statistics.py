"""Triton's statistics of executed batches, as a pod answers with them."""

import json
from collections.abc import Iterable

from triton_operator.triton import batch_statistics
from triton_operator.triton.batch_statistics import NotStatistics

BatchTotals = dict[int, tuple[float, float]]
"""Batch size → (executions, seconds in all), since the model was loaded."""


def batch_totals(body: bytes, models: Iterable[str]) -> dict[str, BatchTotals]:
    """What `GET /v2/models/MODEL/stats`, or `/v2/models/stats`, says of batches of these models.

    All versions together. Empty: nothing was executed yet.

    Raises:
        NotStatistics: the body is something else.
    """
    try:
        answer = json.loads(body)
        totals = {model: batch_statistics.batch_totals(answer, model) for model in models}
    except (ValueError, RecursionError) as error:
        # What is told names the error once, whether it is of the JSON or of what is in it.
        why = str(error) if isinstance(error, NotStatistics) else repr(error)
        raise NotStatistics(f"it does not answer with statistics: {why}"[:200]) from error
    return {
        model: {size: (float(total.executions), total.seconds) for size, total in rows.items()}
        for model, rows in totals.items()
    }
