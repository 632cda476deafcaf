"""What the hub knows: its mirrors, and which objects belong together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from triton_operator.api.enums import ManagedBy
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import INFERENCE_SERVICE
from triton_operator.fleet.mailbox import mailbox_cluster
from triton_operator.fleet.origin import ORIGIN
from triton_operator.fleet.works import SERVICE
from triton_operator.hub.cluster_specs import ClusterSpecs
from triton_operator.hub.following import Following

Body = dict[str, Any]


@dataclass
class Known:
    """Mirrors by kind; `hub_id` is the UID of this cluster's namespace kube-system."""

    hub_id: str
    clusters: Following
    works: Following
    services: Following
    leases: Following
    specs: ClusterSpecs = field(default_factory=ClusterSpecs)
    _places: dict[str, set[str]] = field(default_factory=dict)

    def index(self, before: Body | None, after: Body | None) -> None:
        """To be told of every change of a work."""
        body = after or before
        assert body is not None
        name, namespace = body["metadata"]["name"], body["metadata"]["namespace"]
        places = self._places.setdefault(name, set())
        if after is not None:
            places.add(namespace)
        else:
            places.discard(namespace)
            if not places:
                del self._places[name]

    def works_named(self, name: str) -> Iterator[tuple[str, Body]]:
        """Works of this hub with that name, by the clusters in whose mailboxes they are."""
        for namespace in sorted(self._places.get(name, ())):
            cluster, body = mailbox_cluster(namespace), self.works.get(namespace, name)
            if cluster is not None and body is not None and self.is_ours(body):
                yield cluster, body

    def works_in(self, namespace: str) -> list[Body]:
        """Everything in a mailbox."""
        return [body for place, body in self.works.objects.items() if place[0] == namespace]

    def is_ours(self, work: Body) -> bool:
        """Whether this hub wrote it."""
        return bool((work["metadata"].get("labels") or {}).get(ORIGIN) == self.hub_id)

    def fleet_services(self) -> list[Key]:
        """Services that this hub places."""
        return [
            Key(INFERENCE_SERVICE.kind, *place)
            for place, body in self.services.objects.items()
            if is_of_fleet(body)
        ]


def is_of_fleet(service: Body) -> bool:
    """Whether a hub has to place it."""
    return bool(service["spec"].get("managedBy") == ManagedBy.FLEET)


def service_key(work: Body) -> Key | None:
    """The service that a work is part of; None: it does not say."""
    told = (work["metadata"].get("annotations") or {}).get(SERVICE, "")
    namespace, _, name = told.partition("/")
    return Key(INFERENCE_SERVICE.kind, namespace, name) if namespace and name else None
