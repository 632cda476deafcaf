"""Metrics about the autoscaler itself and about what it sees; see docs/metrics.md."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from triton_operator.controllers.autoscaler import Autoscaler
from triton_operator.controllers.keys import Key
from triton_operator.controllers.scaling_answer import FRESH, ScalingAnswer

PREFIX = "triton_operator"
_BY_SERVICE: Mapping[str, tuple[str, Callable[[ScalingAnswer], float | None]]] = {
    "service_wanted_replicas": (
        "Replicas that the objective needs, within the bounds.",
        lambda answer: float(sum(answer.replicas.values())),
    ),
    "service_arrivals_per_second": (
        "Requests that come in, over all replicas.",
        lambda answer: answer.figures.rate,
    ),
    "service_waiting_requests": (
        "Requests that wait in all replicas.",
        lambda answer: answer.figures.waiting,
    ),
    "service_safe_rate_per_replica": (
        "Requests per second at which one replica keeps the objective.",
        lambda answer: answer.figures.safe_rate,
    ),
    "service_attainment_ratio": (
        "Share of the last five minutes' requests within the objective.",
        lambda answer: answer.figures.attainment,
    ),
    "service_failed_ratio": (
        "Share of the last five minutes' requests that failed.",
        lambda answer: answer.figures.failed_share,
    ),
    "service_cold_start_seconds": (
        "From an order to a ready replica, which nine of ten starts keep.",
        lambda answer: answer.figures.lead_seconds,
    ),
    "service_aside_replicas": (
        "Replicas that are to get no new requests until their queue is short.",
        lambda answer: None if answer.aside is None else float(len(answer.aside)),
    ),
    "service_metrics_fresh": (
        "1 while the replicas tell their metrics, else 0.",
        lambda answer: float(answer.freshness in FRESH),
    ),
}


def scaling_metrics(autoscaler: Autoscaler) -> Iterable[Metric]:
    """The metric families. What a service's answer does not say is left out, never 0."""
    yield GaugeMetricFamily(
        f"{PREFIX}_autoscaler_services", "Services that are looked at.", autoscaler.services
    )
    yield GaugeMetricFamily(
        f"{PREFIX}_autoscaler_tick_seconds",
        "Time between two looks at a service; longer than wanted while the process is busy.",
        autoscaler.pace.tick_seconds,
    )
    yield CounterMetricFamily(
        f"{PREFIX}_autoscaler_looks", "Looks that led to a decision.", autoscaler.looks
    )
    yield CounterMetricFamily(
        f"{PREFIX}_autoscaler_failures", "Looks that failed with a bug.", autoscaler.failures
    )
    answers = autoscaler.answers()
    for name, (text, value) in _BY_SERVICE.items():
        yield _by_service(f"{PREFIX}_{name}", text, answers, value)


def _by_service(
    name: str,
    text: str,
    answers: Mapping[Key, ScalingAnswer],
    value: Callable[[ScalingAnswer], float | None],
) -> Metric:
    family = GaugeMetricFamily(name, text, labels=["namespace", "service"])
    for key, answer in answers.items():
        number = value(answer)
        if number is not None:
            family.add_metric([key.namespace, key.name], number)
    return family
