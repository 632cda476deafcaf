"""What is kept of each watched object: the few fields that decisions read.

Whole bodies of thousands of objects would fill the operator's memory; these are small.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from triton_operator.api import labels
from triton_operator.api.enums import ManagedBy
from triton_operator.api.group import GROUP
from triton_operator.controllers.deployed_pod import copy_digest, fetch_image, serving_memory
from triton_operator.controllers.kinds import CHILDREN
from triton_operator.controllers.pod_devices import extended_resources
from triton_operator.controllers.pod_readiness import was_ready
from triton_operator.fleet.link_state import LinkState, link_state
from triton_operator.fleet.origin import ROUTING

MARKED = frozenset(kind.kind for kind in CHILDREN)
"""Pods have no mark: the operator writes none, and theirs are most of all events."""


@dataclass(frozen=True)
class ObjectView:
    """Identity and version of any object, and the service it belongs to."""

    kind: str
    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    owner_uid: str = ""
    service: str = ""
    desired_hash: str = ""
    deleting: bool = False
    metadata_mark: int = 0
    """A checksum of the labels and owners that the operator gives, see `metadata_mark`."""

    @property
    def version(self) -> str:
        """What changes whenever somebody changes what the operator wrote.

        A generation grows with the spec only: not with the status, but not with labels either.
        """
        if self.generation:
            return f"{self.generation}/{self.metadata_mark:08x}"
        return self.resource_version


@dataclass(frozen=True)
class ServiceView(ObjectView):
    """An InferenceService: spec and status as on the wire; `routing`: a fleet's annotation."""

    spec: Mapping[str, Any] = field(default_factory=dict)
    status: Mapping[str, Any] = field(default_factory=dict)
    link: LinkState | None = None
    routing: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether this operator makes something of it: `spec.managedBy`, as of a Job."""
        return bool(self.spec.get("managedBy", ManagedBy.OPERATOR) == ManagedBy.OPERATOR)


@dataclass(frozen=True)
class SpecView(ObjectView):
    """A ServingPool or a ModelProfile."""

    spec: Mapping[str, Any] = field(default_factory=dict)
    status: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DeploymentView(ObjectView):
    """A Deployment's replicas, wanted and present."""

    pool: str = ""
    replicas: int = 1
    observed_generation: int = 0
    existing: int = 0
    updated: int = 0
    ready: int = 0
    available: int = 0
    stuck_message: str = ""
    refused_message: str = ""
    fetch_image: str = ""
    """Image of the container that fetches the model; empty where there is none."""
    memory: str = ""
    """Limit of the container that serves, a quantity; empty where there is none."""
    drains_first: bool = False
    """Whether a rollout ends an old pod before it starts a new one."""
    rolled_hash: str = ""
    """The desired hash whose template Kubernetes has taken note of; empty: not known."""

    def after(self, before: ObjectView) -> "DeploymentView":
        """With what the view before it knew.

        A new number of replicas makes a new generation, as a new template does. Kubernetes takes
        note of it a moment later, and in that moment the template is no less rolled out.
        """
        if self.rolled_hash or not isinstance(before, DeploymentView) or self.uid != before.uid:
            return self
        return replace(self, rolled_hash=before.rolled_hash)

    def follows(self, wanted_hash: str | None) -> bool:
        """Whether every replica runs what is wanted, and none of an older template is left.

        The hash tells a Deployment that still has to be written from one that is rolled out.
        """
        return (
            self.has_no_other_template(wanted_hash)
            and self.observed_generation >= self.generation
            and self.updated >= self.replicas
            and self.available >= self.updated
        )

    def has_no_other_template(self, wanted_hash: str | None) -> bool:
        """Whether every replica that exists runs what is wanted, however many there should be."""
        if self.desired_hash != wanted_hash:
            return False
        if not self.existing and not self.rolled_hash:
            # Just made: Kubernetes has not taken note of its only template yet.
            return True
        return self.rolled_hash == wanted_hash and self.existing <= self.updated


@dataclass(frozen=True)
class JobView(ObjectView):
    """A Job and how it ended: times are RFC 3339, `finished` is empty while it runs."""

    created: str = ""
    succeeded: bool = False
    failed: bool = False
    finished: str = ""
    reason: str = ""
    message: str = ""
    measures: str = ""
    """What it measures, see `manifests.measurement_job`; empty where it does something else."""


@dataclass(frozen=True)
class ContainerView:
    """The state of one container, in Kubernetes' own words; times are RFC 3339.

    `started`: its startup probe has passed. `running_since` is empty unless it runs.
    """

    name: str
    waiting_reason: str = ""
    waiting_message: str = ""
    exit_code: int | None = None
    terminated_reason: str = ""
    terminated_message: str = ""
    last_exit_code: int | None = None
    last_reason: str = ""
    last_message: str = ""
    last_finished: str = ""
    ready: bool = False
    started: bool = False
    running_since: str = ""
    restarts: int = 0
    memory_limit: str = ""


@dataclass(frozen=True)
class PodView(ObjectView):
    """A pod that serves, inspects or measures.

    `lost`: why the node or the cluster took it away, in words; empty while it is where it was.
    `lost_since`: when, if that is known (RFC 3339).
    """

    role: str = ""
    pool: str = ""
    traffic: str = ""
    """Whether Services send it new requests: `labels.OPEN` or `ASIDE`; empty: it does not say."""
    job: str = ""
    phase: str = ""
    created: str = ""
    unschedulable: str = ""
    node: str = ""
    address: str = ""
    devices: tuple[tuple[str, int], ...] = ()
    """What of a node's extended resources the pod holds while it is there."""
    lost: str = ""
    lost_since: str = ""
    ready_since: str = ""
    """Since when it gets requests (RFC 3339); empty while it gets none."""
    was_ready: bool = False
    containers: tuple[ContainerView, ...] = ()
    copy_digest: str = ""
    """Of the copy of the model that it makes; empty: it takes the model as it is stored."""
    goes_first: bool = False
    """Whether it is marked to be removed before others."""


@dataclass(frozen=True)
class AutoscalerView(ObjectView):
    """An HPA: what it scales."""

    target_kind: str = ""
    target_name: str = ""


def metadata_mark(metadata: Mapping[str, Any]) -> int:
    """A checksum over an object's owners and those of its labels that the operator gives.

    Labels of others come and go as they like.
    """
    ours = {
        key: value
        for key, value in (metadata.get("labels") or {}).items()
        if key.partition("/")[0] in (GROUP, "app.kubernetes.io")
    }
    text = json.dumps([ours, metadata.get("ownerReferences") or []], sort_keys=True)
    return zlib.crc32(text.encode())


def view_of(kind: str, body: Mapping[str, Any]) -> ObjectView:
    """The view of an object of a watched kind other than Node."""
    metadata = body["metadata"]
    object_labels = metadata.get("labels") or {}
    common: dict[str, Any] = {
        "kind": kind,
        "namespace": metadata.get("namespace", ""),
        "name": metadata["name"],
        "uid": metadata.get("uid", ""),
        "resource_version": metadata.get("resourceVersion", ""),
        "generation": metadata.get("generation", 0),
        "owner_uid": object_labels.get(labels.OWNER_UID, ""),
        "service": object_labels.get(labels.SERVICE, ""),
        "desired_hash": (metadata.get("annotations") or {}).get(labels.DESIRED_HASH, ""),
        "deleting": "deletionTimestamp" in metadata,
        "metadata_mark": metadata_mark(metadata) if kind in MARKED else 0,
    }
    spec = body.get("spec") or {}
    status = body.get("status") or {}
    match kind:
        case "InferenceService":
            annotations = metadata.get("annotations") or {}
            link, routing = link_state(annotations), annotations.get(ROUTING, "")
            return ServiceView(**common, spec=spec, status=status, link=link, routing=routing)
        case "ServingPool" | "ModelProfile":
            return SpecView(**common, spec=spec, status=status)
        case "Deployment":
            return _deployment(common, object_labels, spec, status)
        case "Job":
            return _job(common, object_labels, metadata, status)
        case "Pod":
            return _pod(common, object_labels, metadata, spec, status)
        case "HorizontalPodAutoscaler":
            target = spec.get("scaleTargetRef") or {}
            return AutoscalerView(
                **common,
                target_kind=target.get("kind", ""),
                target_name=target.get("name", ""),
            )
        case _:
            return ObjectView(**common)


def _deployment(
    common: dict[str, Any],
    object_labels: Mapping[str, str],
    spec: Mapping[str, Any],
    status: Mapping[str, Any],
) -> DeploymentView:
    observed = status.get("observedGeneration", 0)
    pod = (spec.get("template") or {}).get("spec") or {}
    return DeploymentView(
        **common,
        pool=object_labels.get(labels.POOL, ""),
        replicas=spec.get("replicas", 1),
        observed_generation=observed,
        existing=status.get("replicas", 0),
        updated=status.get("updatedReplicas", 0),
        ready=status.get("readyReplicas", 0),
        available=status.get("availableReplicas", 0),
        stuck_message=_message_of(status, "Progressing", "False"),
        refused_message=_message_of(status, "ReplicaFailure", "True"),
        fetch_image=fetch_image(pod),
        memory=serving_memory(pod),
        drains_first=(spec.get("strategy") or {}).get("rollingUpdate", {}).get("maxSurge") == 0,
        rolled_hash=common["desired_hash"] if observed >= common["generation"] else "",
    )


def _job(
    common: dict[str, Any],
    object_labels: Mapping[str, str],
    metadata: Mapping[str, Any],
    status: Mapping[str, Any],
) -> JobView:
    ended = {
        condition["type"]: condition
        for condition in status.get("conditions") or ()
        if condition.get("status") == "True" and condition.get("type") in ("Complete", "Failed")
    }
    end = ended.get("Failed") or ended.get("Complete") or {}
    return JobView(
        **common,
        created=metadata.get("creationTimestamp", ""),
        succeeded="Complete" in ended,
        failed="Failed" in ended,
        finished=end.get("lastTransitionTime", ""),
        reason=end.get("reason", ""),
        message=end.get("message", ""),
        measures=object_labels.get(labels.MEASURES, ""),
    )


def _pod(
    common: dict[str, Any],
    object_labels: Mapping[str, str],
    metadata: Mapping[str, Any],
    spec: Mapping[str, Any],
    status: Mapping[str, Any],
) -> PodView:
    states = [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]
    limits = {
        container.get("name", ""): str(
            ((container.get("resources") or {}).get("limits") or {}).get("memory", "")
        )
        for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))
    }
    containers = tuple(_container(state, limits) for state in states)
    return PodView(
        **common,
        role=object_labels.get(labels.ROLE, ""),
        pool=object_labels.get(labels.POOL, ""),
        traffic=object_labels.get(labels.TRAFFIC, ""),
        job=object_labels.get("batch.kubernetes.io/job-name", ""),
        phase=status.get("phase", ""),
        created=metadata.get("creationTimestamp", ""),
        unschedulable=_message_of(status, "PodScheduled", "False"),
        node=spec.get("nodeName", ""),
        address=status.get("podIP", ""),
        devices=extended_resources(spec),
        lost=_lost(status, containers),
        lost_since=_condition(status, "DisruptionTarget", "True").get("lastTransitionTime", ""),
        ready_since=_condition(status, "Ready", "True").get("lastTransitionTime", ""),
        was_ready=was_ready(status),
        containers=containers,
        copy_digest=copy_digest(spec),
        goes_first=labels.DELETION_COST in (metadata.get("annotations") or {}),
    )


def _lost(status: Mapping[str, Any], containers: tuple[ContainerView, ...]) -> str:
    """Evicted, preempted, rejected by its node, or on a node that does not report any more."""
    if status.get("phase") == "Failed" and status.get("reason"):
        return f"{status['reason']}: {status.get('message') or 'no message'}"
    if message := _message_of(status, "DisruptionTarget", "True"):
        return message
    serving = [container for container in containers if container.ready and container.running_since]
    if serving and len(serving) == len([c for c in containers if c.exit_code is None]):
        # The kubelet says both in one write. Only the node controller says one without the other.
        unready = _message_of(status, "Ready", "False")
        if unready and "readiness gate" not in unready:
            return "its node does not report any more"
    return ""


def _message_of(status: Mapping[str, Any], type_: str, truth: str) -> str:
    """The message of a condition with this status, else an empty one."""
    found = _condition(status, type_, truth)
    return str(found.get("message") or found.get("reason") or "no message") if found else ""


def _condition(status: Mapping[str, Any], type_: str, truth: str) -> Mapping[str, Any]:
    for condition in status.get("conditions") or ():
        if condition.get("type") == type_ and condition.get("status") == truth:
            return dict(condition)
    return {}


def _container(status: Mapping[str, Any], limits: Mapping[str, str]) -> ContainerView:
    waiting = (status.get("state") or {}).get("waiting") or {}
    running = (status.get("state") or {}).get("running") or {}
    ended = (status.get("state") or {}).get("terminated") or {}
    last = (status.get("lastState") or {}).get("terminated") or {}
    return ContainerView(
        name=status.get("name", ""),
        waiting_reason=waiting.get("reason", ""),
        waiting_message=waiting.get("message", ""),
        exit_code=ended.get("exitCode"),
        terminated_reason=ended.get("reason", ""),
        terminated_message=ended.get("message", ""),
        last_exit_code=last.get("exitCode"),
        last_reason=last.get("reason", ""),
        last_message=last.get("message", ""),
        last_finished=last.get("finishedAt", ""),
        ready=status.get("ready", False),
        started=bool(status.get("started")),
        running_since=running.get("startedAt", ""),
        restarts=status.get("restartCount", 0),
        memory_limit=limits.get(status.get("name", ""), ""),
    )
