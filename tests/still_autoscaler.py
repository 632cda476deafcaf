"""An autoscaler that is told what to follow, and never looks."""

import random
from collections.abc import Callable, Iterable

from triton_operator.autoscaling.sources.batch_reader import BatchReader
from triton_operator.autoscaling.sources.pod_requests import PodRequests
from triton_operator.autoscaling.sources.scrape import Scraper
from triton_operator.controllers.autoscaler import Autoscaler
from triton_operator.controllers.keys import Key
from triton_operator.controllers.store import Store


def still_autoscaler(store: Store, concern: Callable[[Iterable[Key]], None]) -> Autoscaler:
    """Its `run` is not called, so nobody is asked for metrics."""
    requests = PodRequests()
    return Autoscaler(
        store=store,
        source=Scraper(requests, lambda: 0.0),
        batches=BatchReader(requests, lambda: 0.0),
        concern=concern,
        now=lambda: 0.0,
        randomness=random.Random(1),
        every_seconds=1.0,
    )
