"""A cluster in memory: what the API server keeps, and what others do in it.

It has the methods of `ApiServer` that the operator's writes go through, so that the real writer and
controller run against it, and the moves of everybody else: a Job ends, pods become ready, a person
edits. Behaviour that decisions depend on is as in Kubernetes: generations grow with the spec only,
versions with every change, replicas stay with whoever wrote them, a Job's template cannot change,
an unforced apply on somebody else's object is a conflict.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from triton_operator.api import labels
from triton_operator.api.group import API_VERSION
from triton_operator.controllers.api_server import Identity
from triton_operator.controllers.errors import (
    ApiConflict,
    ApiNotFound,
    ApiRefused,
)
from triton_operator.controllers.kinds import BY_NAME, Kind

Body = dict[str, Any]
Place = tuple[str, str, str]
WITHOUT_GENERATION = frozenset({"Service", "ConfigMap", "Pod", "Node", "Event"})


@dataclass
class Cluster:
    """Objects by kind, namespace and name. `requests` are those of the operator, in order.

    `events` are the operator's, `told` those of others.

    `failures`: what the next requests of a verb on a kind raise, such as
    `{("apply", "Deployment"): [ApiUnavailable(...)]}`.
    """

    objects: dict[Place, Body] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    events: list[Body] = field(default_factory=list)
    told: list[Body] = field(default_factory=list)
    failures: dict[tuple[str, str], list[Exception]] = field(default_factory=dict)
    version: int = 100
    denied: set[str] = field(default_factory=set)
    """Namespaces in which the operator has no rights."""
    served: set[str] = field(default_factory=set)
    """Kinds that not every API server knows."""

    # What the operator asks for.

    async def apply(self, kind: Kind, manifest: Mapping[str, Any], *, force: bool) -> Body:
        metadata = manifest["metadata"]
        place = (kind.kind, metadata.get("namespace", ""), metadata["name"])
        self._requested("apply", kind, metadata["name"])
        old = self.objects.get(place)
        if old is not None:
            ours = old["metadata"].get("labels", {}).get(labels.MANAGED_BY) == labels.MANAGER
            if not force and not ours:
                raise ApiConflict(409, "Conflict", "conflicts with another manager")
            _check_immutable(old, manifest)
        return deepcopy(self.put(_merged(old, manifest)))

    async def apply_status(
        self, kind: Kind, namespace: str, name: str, uid: str, status: Mapping[str, Any]
    ) -> Body:
        self._requested("status", kind, name)
        old = self._existing((kind.kind, namespace, name))
        if old["metadata"]["uid"] != uid:
            raise ApiConflict(409, "Conflict", "the uid in the precondition differs")
        return deepcopy(self.put({**old, "status": deepcopy(dict(status))}))

    async def merge(self, kind: Kind, namespace: str, name: str, change: Mapping[str, Any]) -> Body:
        self._requested("merge", kind, name)
        if annotations := change.get("metadata", {}).get("annotations"):
            self._note((kind.kind, namespace, name), "annotations", annotations)
        if given := change.get("metadata", {}).get("labels"):
            self._note((kind.kind, namespace, name), "labels", given)
        return deepcopy(self.edit(kind.kind, namespace, name, **change.get("spec", {})))

    async def scale(self, kind: Kind, namespace: str, name: str, replicas: int) -> Body:
        self._requested("scale", kind, name)
        self.edit(kind.kind, namespace, name, replicas=replicas)
        return {"spec": {"replicas": replicas}}

    async def get(
        self, kind: Kind, namespace: str, name: str, *, cached: bool = False
    ) -> Body | None:
        self._requested("get", kind, name)
        return deepcopy(self.objects.get((kind.kind, namespace, name)))

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        self._requested("delete", kind, name)
        old = self.objects.get((kind.kind, namespace, name))
        if old is None:
            return
        if old["metadata"]["uid"] != uid:
            raise ApiConflict(409, "Conflict", "the uid in the precondition differs")
        self.remove(kind.kind, namespace, name)

    async def create(self, kind: Kind, namespace: str, manifest: Mapping[str, Any]) -> None:
        self._requested("create", kind, manifest["reason"])
        self.events.append(deepcopy(dict(manifest)))

    async def find(
        self, kind: Kind, namespace: str | None, *, field_selector: str = ""
    ) -> list[Body]:
        self._requested("find", kind, field_selector)
        key, _, uid = field_selector.partition("=")
        assert (kind.kind, key) == ("Event", "regarding.uid")
        return [deepcopy(event) for event in self.told if event["regarding"]["uid"] == uid]

    async def serves(self, kind: Kind) -> bool:
        self._requested("serves", kind, "")
        return kind.kind in self.served

    async def may_list(self, kind: Kind, namespace: str | None) -> bool:
        self._requested("may list", kind, namespace or "")
        return namespace not in self.denied

    async def metadata(
        self, kind: Kind, namespace: str | None, label_selector: str
    ) -> AsyncIterator[Body]:
        async for found in self.identities(kind, namespace, label_selector):
            body = self.objects[kind.kind, found.namespace, found.name]
            yield {"metadata": deepcopy(body["metadata"])}

    async def identities(
        self, kind: Kind, namespace: str | None, label_selector: str
    ) -> AsyncIterator[Identity]:
        self._requested("list", kind, "")
        key, _, value = label_selector.partition("=")
        for (name_of_kind, place, name), body in list(self.objects.items()):
            metadata = body["metadata"]
            if name_of_kind != kind.kind or (namespace and place != namespace):
                continue
            if key and metadata.get("labels", {}).get(key) != value:
                continue
            yield Identity(
                place,
                name,
                metadata["uid"],
                metadata.get("generation", 0),
                metadata["resourceVersion"],
            )

    # What others do.

    def put(self, body: Body) -> Body:
        """Create or replace an object; versions are the cluster's business."""
        body = deepcopy(body)
        metadata = body["metadata"]
        place = (body["kind"], metadata.get("namespace", ""), metadata["name"])
        old = self.objects.get(place)
        if old is not None and _without_version(old) == _without_version(body):
            return old
        self.version += 1
        metadata["resourceVersion"] = str(self.version)
        metadata.setdefault("uid", old["metadata"]["uid"] if old else f"uid-{self.version}")
        if body["kind"] not in WITHOUT_GENERATION:
            before = old["metadata"]["generation"] if old else 0
            changed = old is None or old.get("spec") != body.get("spec")
            metadata["generation"] = before + 1 if changed else before
        self.objects[place] = body
        return body

    def edit(self, kind: str, namespace: str, name: str, **spec: Any) -> Body:
        """Change fields of an object's spec."""
        old = self._existing((kind, namespace, name))
        return self.put({**old, "spec": {**old["spec"], **spec}})

    def observe(self, kind: str, namespace: str, name: str, **status: Any) -> Body:
        """Change fields of an object's status, as its controller does."""
        old = self._existing((kind, namespace, name))
        return self.put({**old, "status": {**(old.get("status") or {}), **status}})

    def remove(self, kind: str, namespace: str, name: str) -> Body:
        """Take an object away, and with it the pods of a Job or Deployment."""
        gone = self.objects.pop((kind, namespace, name))
        for place, body in list(self.objects.items()):
            if place[0] == "Pod" and body["metadata"].get("owner") == f"{kind}/{name}":
                del self.objects[place]
        return gone

    def one(self, kind: str, name: str = "") -> Body:
        """The only object of a kind, or the one whose name begins with `name`."""
        (found,) = [
            body for (k, _, n), body in self.objects.items() if k == kind and n.startswith(name)
        ]
        return found

    def of_kind(self, kind: str) -> Iterator[Body]:
        """Every object of a kind."""
        return iter([body for (k, _, _), body in self.objects.items() if k == kind])

    def roll_out(self, name: str, *, ready: int | None = None) -> None:
        """The Deployment's pods follow its newest template; `ready` of them, else all, are."""
        body = self._existing(("Deployment", "shop", name))
        replicas = body["spec"]["replicas"]
        count = replicas if ready is None else ready
        self.observe(
            "Deployment",
            "shop",
            name,
            observedGeneration=body["metadata"]["generation"],
            replicas=replicas,
            updatedReplicas=replicas,
            readyReplicas=count,
            availableReplicas=count,
            conditions=[],
        )

    def end_job(self, message: str, *, at: str, failed: bool = False, exit_code: int = 0) -> None:
        """The only Job ends with this termination message of its pod; empty: without a pod."""
        job = self.one("Job")
        name = job["metadata"]["name"]
        if message:
            state = {"terminated": {"exitCode": exit_code, "message": message}}
            self.put_pod(
                f"{name}-x",
                job=name,
                phase="Failed" if failed else "Succeeded",
                containers=[{"name": "inspect", "state": state}],
            )
        end: Body = {"type": "Complete", "status": "True", "lastTransitionTime": at}
        if failed:
            end = {**end, "type": "Failed", "reason": "PodFailurePolicy", "message": "it failed"}
        self.observe("Job", "shop", name, conditions=[end])

    def put_pod(
        self,
        name: str,
        *,
        job: str = "",
        created: str = "2026-11-20T10:00:00Z",
        phase: str = "Running",
        containers: list[Body] | None = None,
        init_containers: list[Body] | None = None,
        unschedulable: str = "",
        pool: str = "",
        node: str = "",
        traffic: str = labels.OPEN,
        ready: bool = False,
        role: str = "",
    ) -> Body:
        """A pod of the only service: of a Job, or else one that serves.

        `traffic` is empty for a pod from before there was that label.
        """
        service = self.one("InferenceService")
        pod_labels = {
            labels.MANAGED_BY: labels.MANAGER,
            labels.SERVICE: service["metadata"]["name"],
            labels.OWNER_UID: service["metadata"]["uid"],
            labels.ROLE: role or (labels.INSPECT if job else labels.SERVE),
        }
        if traffic and not job:
            pod_labels[labels.TRAFFIC] = traffic
        if pool:
            pod_labels[labels.POOL] = pool
        if job:
            pod_labels["batch.kubernetes.io/job-name"] = job
        conditions = (
            [{"type": "PodScheduled", "status": "False", "message": unschedulable}]
            if unschedulable
            else []
        )
        if ready:
            conditions.append(
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-20T10:01:00Z"}
            )
        return self.put(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": name,
                    "namespace": "shop",
                    "labels": pod_labels,
                    "creationTimestamp": created,
                    "owner": f"Job/{job}" if job else "",
                },
                "spec": {"nodeName": node} if node else {},
                "status": {
                    "phase": phase,
                    "conditions": conditions,
                    "containerStatuses": containers or [],
                    "initContainerStatuses": init_containers or [],
                },
            }
        )

    def tell(self, about: Body, reason: str, note: str, *, at: str) -> None:
        """Somebody else's Event about an object."""
        self.told.append(
            {
                "metadata": {"resourceVersion": str(len(self.told) + 1)},
                "eventTime": at,
                "reason": reason,
                "note": note,
                "regarding": {"uid": about["metadata"]["uid"]},
            }
        )

    def put_autoscaler(self, name: str, deployment: str) -> Body:
        """An HPA on a Deployment."""
        return self.put(
            {
                "apiVersion": "autoscaling/v2",
                "kind": "HorizontalPodAutoscaler",
                "metadata": {"name": name, "namespace": "shop"},
                "spec": {"scaleTargetRef": {"kind": "Deployment", "name": deployment}},
            }
        )

    def _requested(self, verb: str, kind: Kind, name: str) -> None:
        assert kind == BY_NAME[kind.kind]
        self.requests.append(f"{verb} {kind.kind}/{name}" if name else f"{verb} {kind.kind}")
        waiting = self.failures.get((verb, kind.kind))
        if waiting:
            raise waiting.pop(0)

    def _note(self, place: Place, part: str, values: Mapping[str, str]) -> None:
        old = self._existing(place)
        metadata = old["metadata"]
        self.put({**old, "metadata": {**metadata, part: {**metadata.get(part, {}), **values}}})

    def _existing(self, place: Place) -> Body:
        if place not in self.objects:
            raise ApiNotFound(404, "NotFound", f"{place[0]} {place[2]} not found")
        return deepcopy(self.objects[place])


def service_object(name: str = "filetype", **spec: Any) -> Body:
    """An InferenceService as it was applied; `spec` as on the wire."""
    return {
        "apiVersion": API_VERSION,
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"model": {"uri": "pvc://models/magika/model.onnx"}, **spec},
    }


def _merged(old: Body | None, manifest: Mapping[str, Any]) -> Body:
    """Server-side apply, as far as the operator's objects need it."""
    body: Body = deepcopy(old) if old else {}
    for part, value in deepcopy(dict(manifest)).items():
        if part in ("metadata", "spec"):
            body[part] = {**body.get(part, {}), **value}
        else:
            body[part] = value
    if body["kind"] == "Deployment":
        body["spec"].setdefault("replicas", 1)
    return body


def _check_immutable(old: Body, manifest: Mapping[str, Any]) -> None:
    data = ("data",) if old.get("immutable") else ()
    frozen = {"Job": ("spec",), "ConfigMap": data}.get(old["kind"], ())
    for part in frozen:
        wanted = manifest[part]
        kept = {key: old[part].get(key) for key in wanted}
        if kept != wanted:
            raise ApiRefused(422, "Invalid", f"{part}: field is immutable")


def _without_version(body: Body) -> Body:
    hidden = ("resourceVersion", "generation", "uid")
    metadata = {key: value for key, value in body["metadata"].items() if key not in hidden}
    return {**body, "metadata": metadata}
