"""How the API server answers: counts and times for metrics, and whether it answers at all."""

import time
from collections.abc import Callable, Iterable

from prometheus_client import Counter, Histogram
from prometheus_client.metrics_core import Metric

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Traffic:
    """Requests to one API server, watches aside. `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answered: float | None = None
        self._requests = Counter(
            "triton_operator_api_requests",
            "Requests to the API server by method and status code; code 0: no answer.",
            ["method", "code"],
            registry=None,
        )
        self._seconds = Histogram(
            "triton_operator_api_request_seconds",
            "How long requests to the API server took.",
            ["method"],
            buckets=BUCKETS,
            registry=None,
        )

    def ended(self, method: str, code: int, seconds: float) -> None:
        """A request ended with a status code, or without an answer (0)."""
        self._requests.labels(method, str(code)).inc()
        self._seconds.labels(method).observe(seconds)
        if code:
            self._answered = self._clock()

    def answer_age(self) -> float | None:
        """Seconds since the last answer, whatever it said; None before the first."""
        return None if self._answered is None else self._clock() - self._answered

    def collect(self) -> Iterable[Metric]:
        """The metric families."""
        yield from self._requests.collect()
        yield from self._seconds.collect()
