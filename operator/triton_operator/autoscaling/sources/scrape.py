"""Samples from the pods themselves: nothing else to install, and the newest there are."""

import asyncio
from collections.abc import Callable, Collection

from triton_operator.autoscaling.exposition import MAX_BYTES, NotMetrics, model_metrics
from triton_operator.autoscaling.history import Bin
from triton_operator.autoscaling.samples import PodSample, PodTarget, Samples
from triton_operator.autoscaling.sources.pod_requests import PodRequests, Unanswered

METRICS_PORT = 8002
NAME = "pods"


class Scraper:
    """A `MetricSource` that asks each pod's `/metrics`.

    `clock` gives seconds since the epoch, which starts of containers are compared with. `requests`
    is shared with whoever else asks pods, so that all together are bounded.
    """

    def __init__(
        self, requests: PodRequests, clock: Callable[[], float], port: int = METRICS_PORT
    ) -> None:
        self._requests = requests
        self._clock = clock
        self._port = port

    async def samples(self, targets: Collection[PodTarget]) -> Samples:
        """Ask all of them; each answer has its own time."""
        unique = {target.instance: target for target in targets}
        answers = await asyncio.gather(*map(self._sample, unique.values()))
        pods, problems = {}, {}
        for instance, answer in zip(unique, answers, strict=True):
            if isinstance(answer, PodSample):
                pods[instance] = answer
            else:
                problems[instance] = answer
        return Samples(NAME, self._clock(), pods, problems)

    async def history(
        self, targets: Collection[PodTarget], owners: Collection[str]
    ) -> tuple[Bin, ...]:
        """Nothing: pods count, and remember no times."""
        return ()

    async def close(self) -> None:
        """Nothing: the requests are somebody else's."""

    async def _sample(self, target: PodTarget) -> PodSample | str:
        try:
            body = await self._requests.get(target.address, self._port, "/metrics", MAX_BYTES)
            # As of now, not as of the question: that may have waited for its turn.
            time = self._clock()
            metrics = model_metrics(body.decode(), target.model, target.composing)
        except (Unanswered, NotMetrics, UnicodeDecodeError) as error:
            return str(error)[:200]
        if not metrics.complete:
            return f"it tells nothing of the arrivals of model {target.model}"
        return PodSample(time, metrics)
