"""What is looked at after which change: nothing here decides, or writes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import INFERENCE_SERVICE, INFERENCE_WORK
from triton_operator.controllers.queue import KeyQueue
from triton_operator.fleet.mailbox import mailbox_cluster
from triton_operator.hub.clusters import Clusters
from triton_operator.hub.kinds import INFERENCE_CLUSTER
from triton_operator.hub.known import Known, is_of_fleet, service_key
from triton_operator.hub.news import is_news

logger = logging.getLogger(__name__)

Body = dict[str, Any]


class Events:
    """Changes become keys. Before this hub leads, they are only remembered by the mirrors."""

    def __init__(
        self,
        *,
        known: Known,
        clusters: Clusters,
        queue: KeyQueue[Key],
        leads: Callable[[], bool],
        debounce_seconds: float,
    ) -> None:
        self._known = known
        self._clusters = clusters
        self._queue = queue
        self._leads = leads
        self._debounce_seconds = debounce_seconds

    def cluster(self, before: Body | None, after: Body | None) -> None:
        """A cluster came, went, was edited, or is selected by other labels."""
        body = after or before
        assert body is not None
        if before and after and _wish(before) == _wish(after):
            return
        self._add(Key(INFERENCE_CLUSTER.kind, "", body["metadata"]["name"]))
        self.place_soon()

    def service(self, before: Body | None, after: Body | None) -> None:
        """A service came, went, or was edited."""
        body = after or before
        assert body is not None
        if not is_of_fleet(body) or (before and after and _wish(before) == _wish(after)):
            return
        metadata = body["metadata"]
        key = Key(INFERENCE_SERVICE.kind, metadata["namespace"], metadata["name"])
        if after is None:
            self._add(key)
        else:
            self._later(key)

    def work(self, before: Body | None, after: Body | None) -> None:
        """A work came or went, or its agent has reported."""
        self._known.index(before, after)
        body = after or before
        assert body is not None
        metadata = body["metadata"]
        if after is not None and metadata.get("deletionTimestamp"):
            self._add(Key(INFERENCE_WORK.kind, metadata["namespace"], metadata["name"]))
        if after is None:
            self._cluster_of(metadata["namespace"])
        key = service_key(body)
        if key is not None and (before is None or after is None or is_news(before, after)):
            self._later(key)

    def lease(self, before: Body | None, after: Body | None) -> None:
        """An agent has renewed its Lease."""
        self._clusters.beat(before, after)
        body = after or before
        assert body is not None
        self._cluster_of(body["metadata"]["namespace"], only_if_due=True)

    def moved(self, cluster: str) -> None:
        """A cluster's connection has changed."""
        self.place_soon()

    def answers(self, cluster: str) -> None:
        """A cluster's endpoint answers, or does not any more."""
        self._add(Key(INFERENCE_CLUSTER.kind, "", cluster))
        self.place_soon()

    def profile(self, cluster: str) -> None:
        """What a cluster's ClusterProfile says has changed: its status will say so."""
        self._add(Key(INFERENCE_CLUSTER.kind, "", cluster))

    def take_over(self) -> None:
        """This hub leads now: everything is looked at."""
        for name in self._cluster_names():
            self._queue.add(Key(INFERENCE_CLUSTER.kind, "", name))
        for namespace, name in self._known.works.objects:
            self._queue.add(Key(INFERENCE_WORK.kind, namespace, name))
        for key in self._known.fleet_services():
            self._queue.add_after(key, self._debounce_seconds)
        self.sweep()

    def look(self) -> None:
        """Silence is no event: clusters that time has changed."""
        for name in self._cluster_names():
            try:
                is_due = self._clusters.is_due(name)
            except Exception:
                # A bug with one cluster must not hide the silence of the others: it is looked at.
                logger.exception("A cluster cannot be looked at.", extra={"cluster": name})
                is_due = True
            if is_due:
                self._queue.add(Key(INFERENCE_CLUSTER.kind, "", name))

    def place_soon(self) -> None:
        """Every service, after a moment in which more may happen."""
        for key in self._known.fleet_services():
            self._later(key)

    def place_all(self) -> None:
        """Every service now."""
        for key in self._known.fleet_services():
            self._queue.add(key)

    def sweep(self) -> None:
        """What nobody looks after: works of services that are not seen or not the fleet's, and
        mailboxes of clusters that are not seen.

        Mailboxes are known by the Leases in them.
        """
        for namespace, _ in self._known.leases.objects:
            cluster = mailbox_cluster(namespace)
            if cluster is not None and self._known.clusters.get("", cluster) is None:
                self._queue.add(Key(INFERENCE_CLUSTER.kind, "", cluster))
        for (namespace, name), body in self._known.works.objects.items():
            if not self._known.is_ours(body):
                continue
            if body["metadata"].get("deletionTimestamp"):
                self._queue.add(Key(INFERENCE_WORK.kind, namespace, name))
            key = service_key(body)
            service = None if key is None else self._known.services.get(key.namespace, key.name)
            if key is not None and (service is None or not is_of_fleet(service)):
                self._queue.add(key)

    def _cluster_names(self) -> list[str]:
        return [name for _, name in self._known.clusters.objects]

    def _cluster_of(self, namespace: str, *, only_if_due: bool = False) -> None:
        cluster = mailbox_cluster(namespace)
        if cluster is not None and (not only_if_due or self._clusters.is_due(cluster)):
            self._add(Key(INFERENCE_CLUSTER.kind, "", cluster))

    def _add(self, key: Key) -> None:
        if self._leads():
            self._queue.add(key)

    def _later(self, key: Key) -> None:
        if self._leads():
            self._queue.add_after(key, self._debounce_seconds)


def _wish(body: Body) -> tuple[Any, ...]:
    """What somebody else than the hub says in an object, or by way of a ClusterProfile."""
    metadata = body["metadata"]
    return (
        metadata["uid"],
        metadata.get("generation"),
        metadata.get("labels"),
        metadata.get("deletionTimestamp"),
        (body.get("status") or {}).get("takenLabels"),
    )
