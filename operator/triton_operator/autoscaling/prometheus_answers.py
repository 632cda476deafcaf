"""What a Prometheus answers, judged: which series are of our pods, and what they say in samples.

A Prometheus may hold other clusters' data, the same pod several times over (two jobs, a pair of
replicas), old samples, and numbers that are none. A series is believed if its labels name one of
our pods, and its address is the pod's where it tells one.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from triton_operator.autoscaling.exposition import MetricsBuilder, NotMetrics
from triton_operator.autoscaling.samples import PodSample, PodTarget

_OF_TRITON = frozenset({"__name__", "model", "version", "gpu_uuid", "reason", "le", "quantile"})
Identity = tuple[tuple[str, str], ...]


class NotAnAnswer(ValueError):
    """An answer is not in the form of Prometheus' API; it says why."""


@dataclass(frozen=True)
class PodLabels:
    """By which labels a series names its pod; those of the Prometheus operator by default.

    `pod` empty: by the address in the label `instance` alone.
    """

    namespace: str = "namespace"
    pod: str = "pod"


@dataclass(frozen=True)
class Series:
    """One series: its labels, and its values by time in seconds, the newest last."""

    labels: Mapping[str, str]
    values: tuple[tuple[float, float], ...]

    @property
    def family(self) -> str:
        """The metric's name."""
        return self.labels.get("__name__", "")

    @property
    def scraped_as(self) -> Identity:
        """Its labels without Triton's own: the same for all that one scrape of a pod brought."""
        others = (
            (name, value)
            for name, value in self.labels.items()
            if name not in _OF_TRITON and not name.startswith("_")
        )
        return tuple(sorted(others))


def matrix(result: object) -> list[Series]:
    """The series in `data.result` of an answer with ranges.

    Raises:
        NotAnAnswer: it has another form.
    """
    try:
        if not isinstance(result, list):
            raise TypeError(f"{type(result).__name__} instead of a list")
        return [
            Series(
                {str(name): str(value) for name, value in row["metric"].items()},
                tuple((float(time), float(value)) for time, value in row["values"]),
            )
            for row in result
        ]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise NotAnAnswer(f"its answer is not what Prometheus answers: {error!r}"[:200]) from error


def pod_samples(
    series: Iterable[Series], targets: Collection[PodTarget], labels: PodLabels
) -> tuple[dict[str, PodSample], dict[str, str]]:
    """The newest sample of each target, by instance, and why others have none.

    Only what one scrape brought is put together: where a pod is scraped twice over, the newer one
    counts; series that this scrape had no more are gone.
    """
    found: dict[str, dict[Identity, list[Series]]] = defaultdict(lambda: defaultdict(list))
    targets_by_name = {(target.namespace, target.pod): target for target in targets}
    targets_by_address = {target.address: target for target in targets}
    for one in series:
        target = (
            targets_by_name.get((one.labels.get(labels.namespace, ""), one.labels[labels.pod]))
            if labels.pod and labels.pod in one.labels
            else targets_by_address.get(address_of(one) or "")
            if not labels.pod
            else None
        )
        if target is not None and one.values and is_at(one, target):
            found[target.instance][one.scraped_as].append(one)
    pods: dict[str, PodSample] = {}
    problems: dict[str, str] = {}
    for target in targets:
        sample = _sample(found.get(target.instance, {}), target)
        if isinstance(sample, PodSample):
            pods[target.instance] = sample
        else:
            problems[target.instance] = sample
    return pods, problems


def address_of(series: Series) -> str | None:
    """The IP address in the label `instance`; None: there is a name or nothing in it."""
    host = series.labels.get("instance", "").rpartition(":")[0].strip("[]")
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def is_at(series: Series, target: PodTarget) -> bool:
    """Whether the series can be of that pod: its address is, or none is told."""
    address = address_of(series)
    try:
        return address is None or address == str(ipaddress.ip_address(target.address))
    except ValueError:
        return False


def _sample(scrapes: Mapping[Identity, list[Series]], target: PodTarget) -> PodSample | str:
    if not scrapes:
        return "Prometheus has no samples of it"
    newest = {
        identity: max(one.values[-1][0] for one in group) for identity, group in scrapes.items()
    }
    time, identity = max((time, identity) for identity, time in newest.items())
    if target.started is not None and time < target.started:
        return "Prometheus has no samples of it since its container started"
    builder = MetricsBuilder(target.model, frozenset(target.composing))
    try:
        for one in scrapes[identity]:
            if one.values[-1][0] == time:
                builder.add(one.family, one.labels, one.values[-1][1])
    except NotMetrics as error:
        return str(error)
    metrics = builder.metrics()
    if not metrics.complete:
        return f"Prometheus tells nothing of the arrivals of model {target.model} on it"
    return PodSample(time, metrics)
