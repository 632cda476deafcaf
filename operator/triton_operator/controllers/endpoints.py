"""The operator's own HTTP endpoints: /metrics, /healthz and /readyz."""

from collections.abc import Callable, Iterable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from triton_operator.controllers.controller import Controller
from triton_operator.controllers.keys import Key
from triton_operator.controllers.queue import KeyQueue
from triton_operator.controllers.writer import Writer

PREFIX = "triton_operator"


class OperatorCollector(Collector):
    """Reads the counters of queue, workers and writer when somebody scrapes."""

    def __init__(
        self,
        queue: KeyQueue[Key],
        controller: Controller,
        writer: Writer,
        leads: Callable[[], bool],
    ) -> None:
        self._leads = leads
        self._queue = queue
        self._controller = controller
        self._writer = writer

    def collect(self) -> Iterable[Metric]:
        """The metric families."""
        yield GaugeMetricFamily(
            f"{PREFIX}_leader", "1 while this process may write, else 0.", float(self._leads())
        )
        yield GaugeMetricFamily(f"{PREFIX}_queue_depth", "Keys that wait.", len(self._queue))
        yield GaugeMetricFamily(
            f"{PREFIX}_queue_processing", "Keys in workers' hands.", self._queue.processing
        )
        yield CounterMetricFamily(f"{PREFIX}_queue_adds", "Keys added.", self._queue.adds)
        reconciles = CounterMetricFamily(
            f"{PREFIX}_reconciles", "Reconciles by result.", labels=["result"]
        )
        for result, count in sorted(self._controller.counts.reconciles.items()):
            reconciles.add_metric([result], count)
        yield reconciles
        writes = CounterMetricFamily(f"{PREFIX}_writes", "Writes by kind.", labels=["kind"])
        for kind, count in sorted(self._writer.writes.done.items()):
            writes.add_metric([kind], count)
        yield writes
        yield CounterMetricFamily(
            f"{PREFIX}_writes_skipped",
            "Objects that were as wanted.",
            self._writer.writes.skipped,
        )


def endpoints(
    collector: Collector, *, is_alive: Callable[[], bool], is_ready: Callable[[], bool]
) -> web.Application:
    """The application. Not alive: the process should be restarted; not ready: still listing."""
    registry = CollectorRegistry()
    registry.register(collector)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def health(_: web.Request) -> web.Response:
        return _answer(is_alive(), "alive", "nothing was seen or swept for too long")

    async def ready(_: web.Request) -> web.Response:
        return _answer(is_ready(), "ready", "the first listing is not complete")

    application = web.Application()
    application.router.add_get("/metrics", metrics)
    application.router.add_get("/healthz", health)
    application.router.add_get("/readyz", ready)
    return application


def _answer(good: bool, yes: str, no: str) -> web.Response:
    return web.Response(text=f"{yes if good else no}\n", status=200 if good else 503)
