"""Reads a pod's statistics of executed batches, for the service curve."""

from collections.abc import Callable

from triton_operator.autoscaling.batch_statistics import batch_totals
from triton_operator.autoscaling.curve_memory import BatchReading
from triton_operator.autoscaling.samples import PodTarget
from triton_operator.autoscaling.sources.pod_requests import PodRequests, Unanswered
from triton_operator.triton.batch_statistics import NotStatistics

HTTP_PORT = 8000
MAX_BYTES = 2**20
"""A row per batch size, half a kilobyte each."""


class BatchReader:
    """Asks one pod at a time; `clock` and `requests` as for `Scraper`."""

    def __init__(
        self, requests: PodRequests, clock: Callable[[], float], port: int = HTTP_PORT
    ) -> None:
        self._requests = requests
        self._clock = clock
        self._port = port

    async def reading(self, target: PodTarget) -> BatchReading | str:
        """What the pod has executed, or why that is not known."""
        path = f"/v2/models/{target.model}/stats"
        try:
            body = await self._requests.get(target.address, self._port, path, MAX_BYTES)
            return BatchReading(target.instance, self._clock(), batch_totals(body, target.model))
        except (Unanswered, NotStatistics) as error:
            return str(error)[:200]
