"""An autoscaler that is told what to follow, and never looks: a test says its answers."""

import random
from collections.abc import Callable, Iterable

from triton_operator.autoscaling.decision_log import DecisionLog
from triton_operator.autoscaling.sources.batch_reader import BatchReader
from triton_operator.autoscaling.sources.pod_requests import PodRequests
from triton_operator.autoscaling.sources.scrape import Scraper
from triton_operator.controllers.autoscaler import Autoscaler
from triton_operator.controllers.keys import Key
from triton_operator.controllers.scaling_answer import ScalingAnswer
from triton_operator.controllers.store import Store


class StillAutoscaler(Autoscaler):
    """Its `run` is not called, so nobody is asked for metrics."""

    def __init__(self, store: Store, concern: Callable[[Iterable[Key]], None]) -> None:
        requests = PodRequests()
        super().__init__(
            store=store,
            source=Scraper(requests, lambda: 0.0),
            batches=BatchReader(requests, lambda: 0.0),
            concern=concern,
            now=lambda: 0.0,
            randomness=random.Random(1),
            log=DecisionLog(),
            every_seconds=1.0,
        )
        self._concerns = concern
        self._said: dict[Key, ScalingAnswer] = {}

    def say(self, key: Key, answer: ScalingAnswer) -> None:
        """The news of a look."""
        self._said[key] = answer
        self._concerns([key])

    def answers(self) -> dict[Key, ScalingAnswer]:
        """The same, for metrics."""
        return dict(self._said)

    def known(self, key: Key) -> ScalingAnswer | None:
        """What the test has said."""
        return self._said.get(key)
