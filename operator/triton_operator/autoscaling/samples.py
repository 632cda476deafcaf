"""Per-pod samples, and what is remembered of them from one look at a service to the next.

Counters belong to a process, so differences are taken per container instance, each over the time
between its own two samples. Two samples of a pod are kept, not two sets of samples: where a source
has nothing new of a pod yet (Prometheus scrapes more seldom than we look), its last difference
still tells its rate, where the set alone would show no traffic now and twice as much later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from triton_operator.autoscaling.exposition import ModelMetrics

REMEMBERED_SECONDS = 600.0
"""For how long a pod that tells nothing is remembered, so that one that is not ready for a while
goes on from its old counters and not from zero."""
SLACK_SECONDS = 10.0
"""A clock that goes back by less was only told late, as a slow Prometheus does."""
NONE_YET = ModelMetrics(success=0.0, failures={}, pending=0.0)
"""What a server has told before its first request; what else it counts, it counts from zero too."""


@dataclass(frozen=True)
class PodTarget:
    """A serving pod, and what to ask it about.

    `restarts` are those of its Triton container, `started` when that container started, seconds
    since the epoch (None: not known). `composing` as in `exposition.MetricsBuilder`.
    """

    namespace: str
    pod: str
    restarts: int
    address: str
    model: str
    composing: tuple[str, ...] = ()
    started: float | None = None

    @property
    def instance(self) -> str:
        """The process whose counters these are."""
        return f"{self.namespace}/{self.pod}/{self.restarts}"


@dataclass(frozen=True)
class PodSample:
    """What one pod told, `time` in seconds of the source's clock."""

    time: float
    metrics: ModelMetrics


@dataclass(frozen=True)
class Samples:
    """One answer of a source: samples by instance, and why there is none of the others.

    `taken` is the end of the answer by the clock that dates the samples, so that their age is
    right however that clock goes. `source` names it: clocks of two sources are not compared.
    """

    source: str
    taken: float
    pods: Mapping[str, PodSample] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PodHistory:
    """The newest sample of an instance, and the one before it with another time."""

    latest: PodSample
    earlier: PodSample | None = None


@dataclass(frozen=True)
class Seen:
    """What is remembered of one service's pods; a value, replaced at each look.

    `since` is the first look, `taken` the last, `previous` the one before. `awaited` are instances
    that have not told anything yet, with the time of the last look at which they were not wanted.
    """

    source: str
    since: float
    taken: float
    previous: float | None = None
    pods: Mapping[str, PodHistory] = field(default_factory=dict)
    awaited: Mapping[str, float] = field(default_factory=dict)


def with_samples(seen: Seen | None, samples: Samples, targets: Iterable[PodTarget]) -> Seen:
    """What is remembered after one more look at `targets`, which are all that should have told.

    Another source, or a clock that was put back, begins anew. Targets of the same instance count
    once.
    """
    if seen is not None and (
        seen.source != samples.source or samples.taken < seen.taken - SLACK_SECONDS
    ):
        seen = None
    taken = max(samples.taken, seen.taken) if seen else samples.taken
    previous = seen.taken if seen else None
    if seen is not None and taken == seen.taken:
        previous = seen.previous
    pods = {
        instance: history
        for instance, history in (seen.pods if seen else {}).items()
        if taken - history.latest.time <= REMEMBERED_SECONDS
    }
    awaited: dict[str, float] = {}
    for target in targets:
        instance = target.instance
        new = samples.pods.get(instance)
        known = pods.get(instance)
        wanted_since = None
        if seen is not None and known is None:
            wanted_since = seen.awaited.get(instance, seen.taken)
        if new is None or not new.metrics.complete:
            if wanted_since is not None:
                awaited[instance] = wanted_since
        elif known is not None:
            pods[instance] = _continued(known, new)
        else:
            pods[instance] = PodHistory(new, _from_zero(seen, target, wanted_since))
    return Seen(
        source=samples.source,
        since=seen.since if seen else taken,
        taken=taken,
        previous=previous,
        pods=pods,
        awaited=awaited,
    )


def _continued(known: PodHistory, new: PodSample) -> PodHistory:
    # The same sample again, or an older one from a slower path: nothing new.
    return PodHistory(new, known.latest) if new.time > known.latest.time else known


def _from_zero(seen: Seen | None, target: PodTarget, wanted: float | None) -> PodSample | None:
    """The sample before the first one of a pod that started while we looked: nothing counted yet.

    It got no request before the last look at which it was not wanted. A pod that started before
    the first look may have counted for hours: it has no earlier sample.
    """
    if seen is None or wanted is None or target.started is None or target.started < seen.since:
        return None
    return PodSample(wanted, NONE_YET)
