"""Reads a pod's statistics of executed batches, for the service curve."""

import json
from collections.abc import Callable
from urllib.parse import quote

from triton_operator.autoscaling.batch_statistics import batch_totals
from triton_operator.autoscaling.curve_memory import BatchReading
from triton_operator.autoscaling.samples import PodTarget
from triton_operator.autoscaling.sources.pod_requests import PodRequests, Unanswered
from triton_operator.autoscaling.steps import Step, missing, steps_of
from triton_operator.triton.batch_statistics import NotStatistics
from triton_operator.triton.loaded_model import LoadedModel, NotConfig, loaded_model

HTTP_PORT = 8000
MAX_BYTES = 2**20
"""Of a model: a row per batch size, half a kilobyte each, or its config."""
MAX_BYTES_OF_ALL = 4 * MAX_BYTES
"""Of all models of a pod."""


class BatchReader:
    """Asks one pod at a time; `clock` and `requests` as for `Scraper`."""

    def __init__(
        self, requests: PodRequests, clock: Callable[[], float], port: int = HTTP_PORT
    ) -> None:
        self._requests = requests
        self._clock = clock
        self._port = port

    async def reading(
        self, target: PodTarget, before: BatchReading | None = None
    ) -> BatchReading | str:
        """What the pod has executed, or why that is not known.

        `before` is the last reading: while the same process runs, its models are not asked for
        again.
        """
        try:
            same = before is not None and before.instance == target.instance
            steps = before.steps if before is not None and same else await self._steps(target)
            models = [step.model for step in steps]
            if models == [target.model]:
                path, most = f"/v2/models/{quote(target.model, safe='')}/stats", MAX_BYTES
            else:
                path, most = "/v2/models/stats", MAX_BYTES_OF_ALL
            body = await self._requests.get(target.address, self._port, path, most)
            totals = batch_totals(body, models)
        except (Unanswered, NotStatistics, NotConfig) as error:
            return str(error)[:200]
        return BatchReading(target.instance, self._clock(), totals, steps)

    async def _steps(self, target: PodTarget) -> tuple[Step, ...]:
        """The models that requests of the target's model pass through.

        Raises:
            Unanswered, NotConfig: it does not tell.
        """
        loaded: dict[str, LoadedModel] = {}
        while (name := missing(target.model, loaded)) is not None:
            path = f"/v2/models/{quote(name, safe='')}/config"
            body = await self._requests.get(target.address, self._port, path, MAX_BYTES)
            try:
                config = json.loads(body)
            except (ValueError, RecursionError) as error:
                raise NotConfig(f"it does not answer with a config: {error!r}"[:200]) from error
            loaded[name] = loaded_model(config)
        return steps_of(target.model, loaded)
