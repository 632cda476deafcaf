"""Verbs on objects: what each request does to the history, and what it answers."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from tests.faults.fake import apply as ssa
from tests.faults.fake import rules
from tests.faults.fake.answers import Answer, Refusal
from tests.faults.fake.history import Body, Fields, History, Place
from tests.faults.fake.kinds import GENERATIONS, SCALED, STATUSES, Target
from triton_operator.controllers.times import rfc3339

APPLY = "application/apply-patch+yaml"


class Requests:
    """`now` gives seconds since the epoch."""

    def __init__(self, history: History, now: Callable[[], float]) -> None:
        self._history = history
        self._now = now

    def handle(
        self, method: str, target: Target, query: Mapping[str, str], content: str, body: Any
    ) -> Answer:
        """The answer; a Refusal is one, too."""
        manager = query.get("fieldManager", "unknown")
        try:
            if method == "GET":
                return Answer(200, self.get(target))
            if method == "POST":
                return Answer(201, self.create(target, body, manager))
            if method == "PATCH" and content == APPLY:
                return self.apply(target, body, manager, force=query.get("force") == "true")
            if method == "PATCH":
                return Answer(200, self.merge(target, body, manager))
            if method == "DELETE":
                return Answer(200, self.delete(target, body or {}))
        except Refusal as refusal:
            return refusal.answer
        return Refusal(400, f"{method} is not served").answer

    def get(self, target: Target) -> Body:
        """An object; for `scale`, its Scale."""
        body = self._existing(target)
        return self._scale(target, body) if target.subresource == "scale" else body

    def create(self, target: Target, body: Body, manager: str) -> Body:
        """Raises Refusal: 409, the name is taken; 404 or 403, the namespace is not there."""
        place = self._place(target, body["metadata"]["name"])
        if place in self._history.objects:
            raise Refusal(409, f"{place[0]} {place[2]} already exists", "AlreadyExists")
        body = self._born(target, body)
        return self._write(place, body, ssa.updated(None, body, {}, f"{manager} Update"))

    def apply(self, target: Target, body: Body, manager: str, *, force: bool) -> Answer:
        """Server-side apply of the object or its status."""
        place = self._place(target)
        live = self._history.objects.get(place)
        if live is None:
            if target.subresource:
                raise _not_found(target)
            created, owners = ssa.apply(None, body, {}, f"{manager} Apply", force=force)
            return Answer(201, self._write(place, self._born(target, created), owners))
        # A real one looks at the uid of an object, and not at that of a status.
        part = {key: value for key, value in body.items() if self._writes(target, key)}
        if target.subresource:
            part["metadata"] = {}
        name = f"{manager} Apply {target.subresource}".strip()
        after, owners = ssa.apply(live, part, self._owners(place), name, force=force)
        return Answer(200, self._write(place, after, owners))

    def merge(self, target: Target, change: Body, manager: str) -> Body:
        """JSON merge patch of the object, its status, or its scale."""
        place = self._place(target)
        live = self._existing(target)
        if target.subresource == "scale":
            parent, field = SCALED[place[0]]
            change = {parent: {field: change["spec"]["replicas"]}}
        else:
            change = {key: value for key, value in change.items() if self._writes(target, key)}
        wanted = (change.get("metadata") or {}).get("resourceVersion")
        if wanted and wanted != live["metadata"]["resourceVersion"]:
            raise Refusal.conflict("the object has been modified")
        after = _merged(live, change)
        name = f"{manager} Update {target.subresource}".strip()
        owners = ssa.updated(live, after, self._owners(place), name)
        body = self._write(place, after, owners)
        if "deletionTimestamp" in body["metadata"] and not body["metadata"].get("finalizers"):
            self._history.remove(place)
        return self._scale(target, body) if target.subresource == "scale" else body

    def delete(self, target: Target, options: Body) -> Body:
        """Raises Refusal: 404; 409 where the uid differs."""
        place, live = self._place(target), self._existing(target)
        uid = (options.get("preconditions") or {}).get("uid")
        if uid and uid != live["metadata"]["uid"]:
            raise Refusal.conflict(f"Precondition failed: UID in precondition: {uid}")
        if place[0] == "Namespace":
            status = {"phase": "Terminating"}
            metadata = {**live["metadata"], "deletionTimestamp": rfc3339(self._now())}
            return self._history.write(place, {**live, "metadata": metadata, "status": status})
        if live["metadata"].get("finalizers"):
            metadata = {"deletionTimestamp": rfc3339(self._now()), **live["metadata"]}
            return self._history.write(place, {**live, "metadata": metadata})
        self._history.remove(place)
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}

    def _existing(self, target: Target) -> Body:
        body = self._history.objects.get(self._place(target))
        if body is None:
            raise _not_found(target)
        return body

    def _place(self, target: Target, name: str = "") -> Place:
        return (target.kind.kind, target.namespace, target.name or name)

    def _owners(self, place: Place) -> dict[str, Fields]:
        return self._history.owners.get(place, {})

    def _writes(self, target: Target, key: str) -> bool:
        """Whether a request writes a top-level field: a status is written by itself."""
        if target.subresource == "status":
            return key in ("status", "kind", "apiVersion")
        return key != "status" or target.kind.kind not in STATUSES

    def _born(self, target: Target, body: Body) -> Body:
        self._check_namespace(target, body)
        # A kubelet registers its Node with a status.
        kept = {key for key in body if target.kind.kind == "Node" or self._writes(target, key)}
        body = deepcopy({key: body[key] for key in body if key in kept})
        metadata = {
            **body["metadata"],
            "uid": self._history.new_uid(),
            "creationTimestamp": rfc3339(self._now()),
        }
        if target.kind.namespaced:
            metadata["namespace"] = target.namespace
        if target.kind.kind == "Deployment":
            body["spec"].setdefault("replicas", 1)
        if target.kind.kind == "Namespace":
            body["status"] = {"phase": "Active"}
        return {**body, "metadata": metadata}

    def _check_namespace(self, target: Target, body: Body) -> None:
        if not target.kind.namespaced:
            return
        namespace = self._history.objects.get(("Namespace", "", target.namespace))
        if namespace is None:
            raise Refusal(404, f'namespaces "{target.namespace}" not found')
        if "deletionTimestamp" in namespace["metadata"]:
            raise Refusal(
                403,
                f'{target.kind.plural} "{body["metadata"]["name"]}" is forbidden: unable to create '
                f"new content in namespace {target.namespace} because it is being terminated",
            )

    def _write(self, place: Place, body: Body, owners: dict[str, Fields]) -> Body:
        old = self._history.objects.get(place)
        rules.check(old, body)
        if place[0] in GENERATIONS:
            before = old["metadata"]["generation"] if old else 0
            grown = old is None or _wish(old) != _wish(body)
            body = {**body, "metadata": {**body["metadata"], "generation": before + grown}}
        self._history.owners[place] = owners
        return self._history.write(place, body)

    def _scale(self, target: Target, body: Body) -> Body:
        parent, field = SCALED[target.kind.kind]
        metadata = {
            key: body["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion")
        }
        return {
            "kind": "Scale",
            "apiVersion": "autoscaling/v1",
            "metadata": metadata,
            "spec": {"replicas": body[parent].get(field, 0)},
            "status": {"replicas": (body.get("status") or {}).get("replicas", 0)},
        }


def _wish(body: Body) -> Any:
    """What makes a generation; of Deployments, annotations too."""
    annotations = body["metadata"].get("annotations") or {}
    return body.get("spec"), annotations if body["kind"] == "Deployment" else {}


def _merged(live: Any, change: Any) -> Any:
    """RFC 7386."""
    if not isinstance(change, Mapping):
        return deepcopy(change)
    merged = dict(live) if isinstance(live, Mapping) else {}
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged


def _not_found(target: Target) -> Refusal:
    group = f".{target.kind.group}" if target.kind.group else ""
    return Refusal(404, f'{target.kind.plural}{group} "{target.name}" not found')
