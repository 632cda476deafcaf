"""The operator's memory of the cluster: views of every watched object, and who depends on whom.

Filled by watch events and by the answers to the operator's own writes, and corrected by listings:
an object that vanishes while a watch is broken gives no DELETED event (see `resync`).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from triton_operator.api import labels
from triton_operator.controllers.candidate_digests import candidate_digests
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import Kind
from triton_operator.controllers.profiles import digests_of
from triton_operator.controllers.views import (
    AutoscalerView,
    DeploymentView,
    ObjectView,
    PodView,
    ServiceView,
    SpecView,
    view_of,
)
from triton_operator.planning.nodes import NodeFacts, node_facts

Listener = Callable[[Iterable[Key]], None]
ObjectId = tuple[str, str, str]
ENDED = ("Succeeded", "Failed")
"""Phases of pods that hold nothing any more."""


class Store:
    """Views by kind, namespace and name. `put` and `remove` return the keys that they concern."""

    def __init__(self) -> None:
        self._objects: dict[str, dict[tuple[str, str], ObjectView]] = defaultdict(dict)
        self._nodes: dict[str, tuple[str, NodeFacts]] = {}
        self._children: dict[tuple[str, str], dict[ObjectId, ObjectView]] = defaultdict(dict)
        self._profiles: dict[tuple[str, str], dict[str, SpecView]] = defaultdict(dict)
        self._autoscalers: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._devices: dict[str, Counter[str]] = defaultdict(Counter)
        self._newest: dict[str, int] = defaultdict(int)
        self.pools_version = 0
        """Grows with every change that can change the set of pools."""

    def put(self, kind: Kind, body: Mapping[str, Any]) -> list[Key]:
        """Take in an object as the API server showed it; an older version changes nothing."""
        version = body["metadata"].get("resourceVersion", "")
        if version.isdigit():
            self._newest[kind.kind] = max(self._newest[kind.kind], int(version))
        if kind.kind == "Node":
            return self._put_node(body)
        new = view_of(kind.kind, body)
        place = (new.namespace, new.name)
        old = self._objects[kind.kind].get(place)
        if old is not None and not _newer(new, old):
            return []
        if old is not None:
            self._unlink(old)
            new = new.after(old) if isinstance(new, DeploymentView) else new
        self._objects[kind.kind][place] = new
        self._link(new)
        if kind.kind == "ServingPool" and not (
            isinstance(old, SpecView) and isinstance(new, SpecView) and old.spec == new.spec
        ):
            self.pools_version += 1
        return self._concerned(new, old)

    def remove(self, kind: Kind, namespace: str, name: str, uid: str = "") -> list[Key]:
        """Forget an object; with `uid`, only if it is still that one."""
        if kind.kind == "Node":
            if self._nodes.pop(name, None):
                self.pools_version += 1
            return []
        old = self._objects[kind.kind].get((namespace, name))
        if old is None or (uid and old.uid != uid):
            return []
        del self._objects[kind.kind][(namespace, name)]
        self._unlink(old)
        if kind.kind == "ServingPool":
            self.pools_version += 1
        return self._concerned(old, None)

    def get(self, kind: str, namespace: str, name: str) -> ObjectView | None:
        """The view of one object."""
        return self._objects[kind].get((namespace, name))

    def service(self, namespace: str, name: str) -> ServiceView | None:
        """One InferenceService."""
        view = self.get("InferenceService", namespace, name)
        return view if isinstance(view, ServiceView) else None

    def every(self, kind: str) -> Iterator[ObjectView]:
        """All views of a kind."""
        return iter(list(self._objects[kind].values()))

    def children(self, namespace: str, owner_uid: str) -> list[ObjectView]:
        """Everything that carries the label of an owner: Deployments, Jobs, pods and the rest."""
        return list(self._children.get((namespace, owner_uid), {}).values())

    def profiles(self, namespace: str, digest: str) -> list[SpecView]:
        """The ModelProfiles about a digest, by name."""
        found = self._profiles.get((namespace, digest), {})
        return [found[name] for name in sorted(found)]

    def autoscaler_of(self, namespace: str, deployment: str) -> str | None:
        """The name of an HPA that scales a Deployment; of several, the first."""
        return min(self._autoscalers.get((namespace, deployment), ()), default=None)

    def nodes(self) -> list[NodeFacts]:
        """Every node."""
        return [facts for _, facts in self._nodes.values()]

    def devices_taken(self) -> Mapping[str, Mapping[str, int]]:
        """Node → extended resource → how many of it the operator's own pods hold there for good."""
        return self._devices

    def known(self, kind: Kind) -> dict[tuple[str, str], str]:
        """The uid of every object of a kind, by namespace and name."""
        if kind.kind == "Node":
            return {("", name): uid for name, (uid, _) in self._nodes.items()}
        return {place: view.uid for place, view in self._objects[kind.kind].items()}

    def newest(self, kind: Kind) -> int:
        """The greatest resource version seen of a kind; 0 where none was a number."""
        return self._newest[kind.kind]

    def _put_node(self, body: Mapping[str, Any]) -> list[Key]:
        facts = node_facts(body)
        uid = body["metadata"].get("uid", "")
        # A heartbeat leaves the facts as they are: nothing to plan anew.
        if self._nodes.get(facts.name) != (uid, facts):
            self._nodes[facts.name] = (uid, facts)
            self.pools_version += 1
        return []

    def _count_devices(self, view: ObjectView, sign: int) -> None:
        if not isinstance(view, PodView) or not view.node or view.phase in ENDED:
            return
        if view.role == labels.MEASURE:
            # It ends by itself: a rollout waits for what it holds, and ends nothing for it.
            return
        for resource, count in view.devices:
            self._devices[view.node][resource] += sign * count
        if not any(self._devices[view.node].values()):
            del self._devices[view.node]

    def _link(self, view: ObjectView) -> None:
        self._count_devices(view, 1)
        if view.owner_uid:
            self._children[(view.namespace, view.owner_uid)][_id(view)] = view
        if view.kind == "ModelProfile" and isinstance(view, SpecView):
            for digest in digests_of(view):
                self._profiles[(view.namespace, digest)][view.name] = view
        if isinstance(view, AutoscalerView) and view.target_kind == "Deployment":
            self._autoscalers[(view.namespace, view.target_name)].add(view.name)

    def _unlink(self, view: ObjectView) -> None:
        self._count_devices(view, -1)
        if view.owner_uid:
            children = self._children.get((view.namespace, view.owner_uid), {})
            children.pop(_id(view), None)
            if not children:
                self._children.pop((view.namespace, view.owner_uid), None)
        if view.kind == "ModelProfile" and isinstance(view, SpecView):
            for digest in digests_of(view):
                found = self._profiles.get((view.namespace, digest), {})
                found.pop(view.name, None)
                if not found:
                    self._profiles.pop((view.namespace, digest), None)
        if isinstance(view, AutoscalerView):
            place = (view.namespace, view.target_name)
            self._autoscalers.get(place, set()).discard(view.name)
            if not self._autoscalers.get(place):
                self._autoscalers.pop(place, None)

    def _concerned(self, view: ObjectView, old: ObjectView | None) -> list[Key]:
        match view.kind:
            case "InferenceService":
                if old is not None and _asks_the_same(view, old):
                    return []
                return [Key(view.kind, view.namespace, view.name)]
            case "ServingPool":
                return [Key(view.kind, "", view.name)]
            case "ModelProfile":
                return self._services_of_profile(view, old)
            case "HorizontalPodAutoscaler":
                return self._services_scaled_by(view, old)
            case _:
                if old is not None and _says_the_same(view, old):
                    return []
                # The label may just have been taken away: the service it had is concerned too.
                services = {seen.service for seen in (view, old) if seen and seen.service}
                return [Key("InferenceService", view.namespace, name) for name in services]

    def _services_of_profile(self, view: ObjectView, old: ObjectView | None) -> list[Key]:
        # The spec may just have got another digest: who waited for the old one is concerned too.
        seen = [one for one in (view, old) if isinstance(one, SpecView)]
        digests = frozenset(digest for profile in seen for digest in digests_of(profile))
        return [
            Key(service.kind, service.namespace, service.name)
            for service in self.every("InferenceService")
            if isinstance(service, ServiceView)
            and service.namespace == view.namespace
            and digests.intersection(candidate_digests(service))
        ]

    def _services_scaled_by(self, view: ObjectView, old: ObjectView | None) -> list[Key]:
        targets = {
            autoscaler.target_name
            for autoscaler in (view, old)
            if isinstance(autoscaler, AutoscalerView)
        }
        found = [self.get("Deployment", view.namespace, name) for name in targets]
        return [
            Key("InferenceService", view.namespace, child.service)
            for child in found
            if child is not None and child.service
        ]


def _asks_the_same(new: ObjectView, old: ObjectView) -> bool:
    """Whether only the status changed, which is the operator's own doing.

    A fleet's routing and link are annotations, of which no generation tells.
    """
    return _asked(new) == _asked(old)


def _asked(view: ObjectView) -> tuple[object, ...]:
    noted = (view.routing, view.link) if isinstance(view, ServiceView) else ()
    return view.uid, view.generation, view.deleting, *noted


def _says_the_same(new: ObjectView, old: ObjectView) -> bool:
    """Whether nothing that decisions read has changed, such as in a budget's own status.

    Without a generation the version tells of every change, and each may have to be undone.
    """
    return new.generation > 0 and replace(new, resource_version=old.resource_version) == old


def _id(view: ObjectView) -> ObjectId:
    return (view.kind, view.namespace, view.name)


def _newer(new: ObjectView, old: ObjectView) -> bool:
    """Whether `new` is a later version; versions that are no numbers are taken in when they differ.

    Kubernetes 1.35 and later promise that resource versions compare as numbers (KEP-5504).
    """
    if new.resource_version.isdigit() and old.resource_version.isdigit():
        return int(new.resource_version) > int(old.resource_version)
    return new.resource_version != old.resource_version
