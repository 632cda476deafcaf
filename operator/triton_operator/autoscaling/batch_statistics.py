"""Triton's statistics of executed batches, as a pod answers with them."""

import json

from triton_operator.triton import batch_statistics
from triton_operator.triton.batch_statistics import NotStatistics

BatchTotals = dict[int, tuple[float, float]]
"""Batch size → (executions, seconds in all), since the model was loaded."""


def batch_totals(body: bytes, model: str) -> BatchTotals:
    """What `GET /v2/models/MODEL/stats` says of a model's batches, all versions together.

    Empty: nothing was executed yet.

    Raises:
        NotStatistics: the body is something else.
    """
    try:
        totals = batch_statistics.batch_totals(json.loads(body), model)
    except (ValueError, RecursionError) as error:
        # What is told names the error once, whether it is of the JSON or of what is in it.
        why = str(error) if isinstance(error, NotStatistics) else repr(error)
        raise NotStatistics(f"it does not answer with statistics: {why}"[:200]) from error
    return {size: (float(total.executions), total.seconds) for size, total in totals.items()}
