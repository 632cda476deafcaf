"""The operator's own metrics, read from its parts when somebody scrapes; see docs/metrics.md."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from triton_operator import __version__
from triton_operator.controllers.autoscaler import Autoscaler
from triton_operator.controllers.controller import Controller
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import WATCHED
from triton_operator.controllers.namespaces import Namespaces
from triton_operator.controllers.queue import KeyQueue
from triton_operator.controllers.scaling_telemetry import scaling_metrics
from triton_operator.controllers.store import Store
from triton_operator.controllers.traffic import Traffic
from triton_operator.controllers.watch_streams import WatchStreams
from triton_operator.controllers.writer import Writer

PREFIX = "triton_operator"
BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class QueueTimes:
    """How long keys waited and were worked on, as histograms by kind."""

    def __init__(self) -> None:
        self._waits = Histogram(
            f"{PREFIX}_queue_wait_seconds",
            "How long keys waited for a worker.",
            ["kind"],
            buckets=BUCKETS,
            registry=None,
        )
        self._works = Histogram(
            f"{PREFIX}_reconcile_seconds",
            "How long reconciles took.",
            ["kind"],
            buckets=BUCKETS,
            registry=None,
        )

    def waited(self, key: Key, seconds: float) -> None:
        """A worker took a key."""
        self._waits.labels(key.kind).observe(seconds)

    def worked(self, key: Key, seconds: float) -> None:
        """A worker is done with it."""
        self._works.labels(key.kind).observe(seconds)

    def collect(self) -> Iterable[Metric]:
        """The metric families."""
        yield from self._waits.collect()
        yield from self._works.collect()


@dataclass(frozen=True)
class OperatorCollector(Collector):
    """Everything that is measured. `leads` tells whether this process may write."""

    queue: KeyQueue[Key]
    times: QueueTimes
    controller: Controller
    autoscaler: Autoscaler
    writer: Writer
    store: Store
    streams: WatchStreams
    traffic: Traffic
    namespaces: Namespaces
    leads: Callable[[], bool]

    def collect(self) -> Iterable[Metric]:
        """The metric families."""
        build = GaugeMetricFamily(
            f"{PREFIX}_build_info", "Always 1; the version is a label.", labels=["version"]
        )
        build.add_metric([__version__], 1)
        yield build
        yield _gauge("leader", "1 while this process may write, else 0.", float(self.leads()))
        yield from self._reconciles()
        yield from self._writes()
        yield _by_kind("objects", "Objects that the operator knows, by kind.", self._objects())
        yield _by_kind(
            "watch_age_seconds",
            "Seconds since a kind's most silent watch stream was heard: an event, a bookmark, a "
            "connection.",
            self.streams.ages(),
        )
        served = GaugeMetricFamily(
            f"{PREFIX}_namespace_served",
            "By watched namespace: 1 while it is served, 0 while it cannot be read.",
            labels=["namespace"],
        )
        for name, is_served in self.namespaces.states().items():
            served.add_metric([name], float(is_served))
        yield served
        yield from self.traffic.collect()
        yield from scaling_metrics(self.autoscaler)

    def _reconciles(self) -> Iterable[Metric]:
        yield _gauge("queue_depth", "Keys that wait for a worker.", len(self.queue))
        yield _gauge("queue_processing", "Keys in workers' hands.", self.queue.processing)
        yield _gauge(
            "queue_longest_running_seconds",
            "For how long the slowest worker has had its key.",
            self.queue.longest_running(),
        )
        yield CounterMetricFamily(
            f"{PREFIX}_queue_adds", "Times a key was asked for.", self.queue.adds
        )
        yield CounterMetricFamily(
            f"{PREFIX}_queue_retries", "Times a key was tried again.", self.queue.retries
        )
        yield _counts(
            "reconciles",
            "Reconciles by result; all but `ok` are tried again.",
            "result",
            self.controller.counts.reconciles,
        )
        yield from self.times.collect()

    def _writes(self) -> Iterable[Metric]:
        writes = self.writer.writes
        yield _counts(
            "writes",
            "Writes that were done, by kind; Status, Scale and Delete count apart.",
            "kind",
            writes.done,
        )
        yield _counts(
            "writes_skipped", "Applies of objects that were as wanted.", "kind", writes.skipped
        )
        yield _counts(
            "writes_refused",
            "Applies that the API server refused, or whose object is somebody else's.",
            "kind",
            writes.refused,
        )

    def _objects(self) -> Mapping[str, int]:
        return {kind.kind: len(self.store.known(kind)) for kind in WATCHED}


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", text, value)


def _by_kind(name: str, text: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"{PREFIX}_{name}", text, labels=["kind"])
    for kind, value in sorted(values.items()):
        family.add_metric([kind], value)
    return family


def _counts(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"{PREFIX}_{name}", text, labels=[label])
    for word, count in sorted(values.items()):
        family.add_metric([word], count)
    return family
