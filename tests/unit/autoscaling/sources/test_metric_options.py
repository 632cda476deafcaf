"""The source that options name."""

import asyncio

from tests.unit.autoscaling.prometheus_results import POD, pod
from tests.unit.autoscaling.sources.loopback import served
from tests.unit.autoscaling.sources.prometheus_api import Api, Clock, pods
from triton_operator.autoscaling.samples import Samples
from triton_operator.autoscaling.sources.metric_options import MetricOptions, metric_source
from triton_operator.autoscaling.sources.pod_requests import PodRequests
from triton_operator.autoscaling.sources.prometheus import PrometheusOptions
from triton_operator.autoscaling.sources.prometheus_connection import PrometheusAddress
from triton_operator.autoscaling.sources.scrape import Scraper


def test_pods_are_asked_where_no_prometheus_is_named() -> None:
    async def run() -> None:
        source = metric_source(MetricOptions(), PodRequests(), Clock())

        assert isinstance(source, Scraper)
        taken = await source.samples([])
        assert (taken.source, taken.taken) == ("pods", Clock.now)
        await source.close()

    asyncio.run(run())


def test_a_prometheus_is_asked_as_the_options_say() -> None:
    api = Api()
    api.result = pod({98: 7})

    async def run() -> Samples:
        async with served(api.answer) as port:
            options = MetricOptions(
                PrometheusAddress(f"http://127.0.0.1:{port}"),
                PrometheusOptions(matchers={"cluster": "prod"}),
            )
            source = metric_source(options, PodRequests(), Clock())
            try:
                return await source.samples(pods(POD["pod"]))
            finally:
                await source.close()

    taken = asyncio.run(run())

    assert taken.source == "prometheus"
    assert len(taken.pods) == 1
    assert 'cluster="prod"' in api.queries[1]
