"""Which source of samples an operator uses: the pods, unless a Prometheus is named."""

from collections.abc import Callable
from dataclasses import dataclass, field

from triton_operator.autoscaling.sources.metric_source import MetricSource
from triton_operator.autoscaling.sources.pod_requests import PodRequests
from triton_operator.autoscaling.sources.prometheus import Prometheus, PrometheusOptions
from triton_operator.autoscaling.sources.prometheus_connection import PrometheusAddress
from triton_operator.autoscaling.sources.scrape import Scraper


@dataclass(frozen=True)
class MetricOptions:
    """`prometheus` None: the pods are asked themselves. `options` say how it names them.

    `every_seconds` lie between two looks at a service.
    """

    prometheus: PrometheusAddress | None = None
    options: PrometheusOptions = field(default_factory=PrometheusOptions)
    every_seconds: float = 1.0


def metric_source(
    options: MetricOptions, requests: PodRequests, clock: Callable[[], float]
) -> MetricSource:
    """The source, to be closed at the end; `requests` stay the caller's. `clock` as in both."""
    if options.prometheus is None:
        return Scraper(requests, clock)
    return Prometheus(options.prometheus, clock, options.options)
