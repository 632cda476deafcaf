"""The hub's own metrics, read from its parts when somebody scrapes; see docs/fleet-hub.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from triton_operator import __version__
from triton_operator.api.enums import ConnectionState
from triton_operator.controllers.keys import Key
from triton_operator.controllers.queue import KeyQueue
from triton_operator.controllers.traffic import Traffic
from triton_operator.hub.contacts import Contacts
from triton_operator.hub.known import Known

PREFIX = "triton_operator"


# A registry keeps collectors by identity: equal fields would have to be hashable.
@dataclass(frozen=True, eq=False)
class HubCollector(Collector):
    """`now` gives seconds since the epoch, `leads` whether this process may write."""

    known: Known
    contacts: Contacts
    queue: KeyQueue[Key]
    traffic: Traffic
    leads: Callable[[], bool]
    now: Callable[[], float]

    def collect(self) -> Iterable[Metric]:
        """The metric families; those of clusters from the leader only, who listens."""
        yield _gauge("info", "Version of the hub.", {(__version__,): 1.0}, "version")
        yield _gauge("leader", "1 while this process may write, else 0.", {(): float(self.leads())})
        yield _gauge(
            "queue_keys", "Objects that wait to be looked at.", {(): float(len(self.queue))}
        )
        yield from self.traffic.collect()
        if self.leads():
            yield from self._clusters()
            yield from self._works()

    def _clusters(self) -> Iterable[Metric]:
        names = [name for _, name in self.known.clusters.objects]
        found = {name: one for name in names if (one := self.contacts.get(name)) is not None}
        states = Counter(one.state for one in found.values())
        yield _gauge(
            "fleet_clusters",
            "Clusters by what is known of them.",
            {(state.value,): float(states[state]) for state in ConnectionState},
            "state",
        )
        now = self.now()
        yield _gauge(
            "fleet_heartbeat_age_seconds",
            "Since a cluster was heard of last; absent: it never was.",
            {
                (name,): one.age_seconds(now)
                for name, one in found.items()
                if one.heard_at is not None
            },
            "cluster",
        )
        flaps = CounterMetricFamily(
            f"{PREFIX}_fleet_flaps",
            "How often contact with a cluster came back after a break.",
            labels=["cluster"],
        )
        for name, one in found.items():
            flaps.add_metric([name], one.flaps)
        yield flaps

    def _works(self) -> Iterable[Metric]:
        works = [body for body in self.known.works.objects.values() if self.known.is_ours(body)]
        leaving = sum("deletionTimestamp" in body["metadata"] for body in works)
        waiting = sum(
            (body.get("status") or {}).get("appliedRevision") != body["spec"]["revision"]
            for body in works
        )
        yield _gauge("fleet_works", "Works in all mailboxes.", {(): float(len(works))})
        yield _gauge(
            "fleet_unapplied_works",
            "Works whose revision is not in force in their cluster.",
            {(): float(waiting)},
        )
        yield _gauge(
            "fleet_pending_deletions",
            "Works that are deleted, and not let go by their agent yet.",
            {(): float(leaving)},
        )


def _gauge(
    name: str, meaning: str, values: dict[tuple[str, ...], float], *labels: str
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"{PREFIX}_{name}", meaning, labels=labels)
    for key, value in values.items():
        family.add_metric(list(key), value)
    return family
