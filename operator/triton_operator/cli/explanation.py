"""What is to be said about one InferenceService: pure, from what was read of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from triton_operator.api import labels, reasons
from triton_operator.api.conditions import Condition, ConditionStatus, known_conditions
from triton_operator.api.enums import ManagedBy
from triton_operator.cli.next_steps import next_steps
from triton_operator.cli.replicas import aside_lines, replica_lines
from triton_operator.controllers.cluster_events import EventView
from triton_operator.controllers.pod_problems import newest_first, pod_problem
from triton_operator.controllers.times import rfc3339
from triton_operator.controllers.transition_events import is_bad
from triton_operator.controllers.views import ContainerView, PodView, ServiceView

SUMMARY_ORDER = (
    reasons.READY,
    reasons.MODEL_READY,
    reasons.PLANNED,
    reasons.AVAILABLE,
    reasons.PROGRESSING,
)
"""Conditions in which Unknown means that something is still to come."""
EVENTS_SHOWN = 8
NOT_SEEN = "NotSeen"
"""No operator has written a status yet; the command's own word."""


@dataclass(frozen=True)
class Read:
    """What was read of a service: times are in seconds since the epoch.

    `unread` says of each thing that could not be read why.
    """

    service: ServiceView
    pods: Sequence[PodView] = ()
    events: Mapping[str, Sequence[EventView]] = field(default_factory=dict)
    unread: Sequence[str] = ()
    now: float = 0.0


@dataclass(frozen=True)
class Trouble:
    """One cause, and the conditions that it shows in."""

    conditions: tuple[str, ...]
    status: str
    reason: str
    message: str
    since: str


@dataclass(frozen=True)
class PodRow:
    """One pod of the rollout."""

    name: str
    role: str
    node: str
    state: str
    restarts: int
    since: str


@dataclass(frozen=True)
class Explanation:
    """Everything that the command prints."""

    name: str
    namespace: str
    ready: str
    reason: str
    summary: str
    troubles: tuple[Trouble, ...]
    pools: tuple[Mapping[str, Any], ...]
    pods: tuple[PodRow, ...]
    events: tuple[Mapping[str, str], ...]
    next_steps: tuple[str, ...]
    unread: tuple[str, ...]
    replicas: tuple[str, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether the newest spec serves."""
        return self.ready == ConditionStatus.TRUE


def explanation(read: Read) -> Explanation:
    """What is so, what is wrong, and what to do next."""
    service = read.service
    conditions = known_conditions(service.status)
    stale = _is_stale(service)
    ready = next((row for row in conditions if row.type == reasons.READY), None)
    troubles = _troubles(conditions)
    if live := _live_trouble(read, troubles):
        troubles = (*troubles, live)
    known = ready is not None and not stale
    reason = ready.reason if ready and known else NOT_SEEN
    return Explanation(
        name=service.name,
        namespace=service.namespace,
        ready=str(ready.status) if ready and known else str(ConditionStatus.UNKNOWN),
        reason=reason,
        summary=_summary(service, ready, stale),
        troubles=troubles,
        pools=tuple(service.status.get("pools") or ()),
        pods=tuple(_pod_row(pod) for pod in newest_first(read.pods)),
        events=_events(read),
        next_steps=()
        if not service.is_ours
        else next_steps(
            service.name,
            service.namespace,
            [reason, *(trouble.reason for trouble in troubles)],
            newest_first(read.pods),
            secret=str((service.spec.get("model") or {}).get("secretName") or ""),
            inspection_failed=_inspection_failed(read.pods, troubles),
        ),
        unread=tuple(read.unread),
        replicas=(*replica_lines(service.spec, service.status), *aside_lines(read.pods)),
    )


def _inspection_failed(pods: Sequence[PodView], troubles: Sequence[Trouble]) -> bool:
    """Whether the last inspection ended without a model: it is tried again, but only later."""
    refused = any(
        reasons.MODEL_READY in trouble.conditions and trouble.status == ConditionStatus.FALSE
        for trouble in troubles
    )
    inspections = (pod for pod in newest_first(pods) if pod.role == labels.INSPECT)
    newest = next(inspections, None)
    return refused and newest is not None and newest.phase == "Failed"


def _is_stale(service: ServiceView) -> bool:
    return bool(service.status.get("observedGeneration", 0) < service.generation)


def _summary(service: ServiceView, ready: Condition | None, stale: bool) -> str:
    name = f"{service.namespace}/{service.name}"
    if not service.is_ours:
        manager = service.spec["managedBy"]
        said = f"{name}: is managed by {manager}; operators make nothing of it in this cluster"
        if manager != ManagedBy.FLEET or "placement" in service.status:
            return said
        return (
            f"{said}, and no hub has looked at it: it is applied where the fleet's hub runs (the "
            "chart's hub.enabled)"
        )
    if ready is None:
        return (
            f"{name}: no operator has looked at it; is one running, and does it watch this "
            "namespace?"
        )
    state = f"Ready={ready.status} {ready.reason} since {ready.last_transition_time}"
    if stale:
        seen = service.status.get("observedGeneration", 0)
        return (
            f"{name}: the newest spec (generation {service.generation}) has not been looked at "
            f"yet; of generation {seen} it was {state}"
        )
    replicas = (
        f"{service.status.get('readyReplicas', 0)} of "
        f"{service.status.get('desiredReplicas', 0)} replicas ready"
    )
    return f"{name}: {state}; {replicas}"


def _troubles(conditions: Sequence[Condition]) -> tuple[Trouble, ...]:
    """Bad conditions and those that wait, one row per cause, in the order of the summary."""
    order = {name: number for number, name in enumerate(SUMMARY_ORDER)}
    rows: dict[str, list[Condition]] = {}
    for row in sorted(conditions, key=lambda row: order.get(row.type, len(order))):
        waits = row.type in order and row.status is ConditionStatus.UNKNOWN
        if is_bad(row) or waits:
            rows.setdefault(row.reason, []).append(row)
    return tuple(
        Trouble(
            conditions=tuple(row.type for row in same),
            status=str(same[0].status),
            reason=reason,
            message=same[0].message,
            since=same[0].last_transition_time,
        )
        for reason, same in rows.items()
    )


def _live_trouble(read: Read, known: Sequence[Trouble]) -> Trouble | None:
    """What the pods say now, if the status does not say it (yet)."""
    problem = pod_problem(read.pods, read.events, read.now)
    if problem is None or any(problem.reason == trouble.reason for trouble in known):
        return None
    ready = sum(
        pod.role == labels.SERVE
        and not pod.deleting
        and all(row.ready for row in pod.containers[-1:])
        for pod in read.pods
    )
    if not known and ready >= read.service.status.get("desiredReplicas", 0):
        # The pod is one that nobody needs any more.
        return None
    return Trouble(("(pods)",), "False", problem.reason, problem.message, rfc3339(read.now))


def _pod_row(pod: PodView) -> PodRow:
    container = _telling(pod.containers)
    state = pod.phase
    since = pod.created
    if pod.lost:
        state = pod.lost.partition(":")[0]
    elif pod.unschedulable:
        state = "Unschedulable"
    elif container is not None:
        state, since = _container_state(container, pod)
    return PodRow(
        name=pod.name,
        role=pod.role,
        node=pod.node or "-",
        state=state,
        restarts=sum(row.restarts for row in pod.containers),
        since=since,
    )


def _telling(containers: Sequence[ContainerView]) -> ContainerView | None:
    """The first container that is not done and not ready, else the last."""
    for container in containers:
        if container.exit_code != 0 and not container.ready:
            return container
    return containers[-1] if containers else None


def _container_state(container: ContainerView, pod: PodView) -> tuple[str, str]:
    name = container.name
    if container.waiting_reason:
        return f"{name}: {container.waiting_reason}", container.last_finished or pod.created
    if container.exit_code is not None:
        return f"{name}: {container.terminated_reason or f'ended ({container.exit_code})'}", (
            pod.created
        )
    if container.ready:
        # Without a probe a container is ready while it runs; an inspection is then not done.
        return "Running" if pod.role == labels.INSPECT else "Ready", container.running_since
    return f"{name}: running, not ready", container.running_since or pod.created


def _events(read: Read) -> tuple[Mapping[str, str], ...]:
    found = {
        (event.seen, event.version): event for about in read.events.values() for event in about
    }
    newest = [found[key] for key in sorted(found)][-EVENTS_SHOWN:]
    return tuple(
        {
            "time": rfc3339(event.seen),
            "type": event.type,
            "reason": event.reason,
            "about": event.about,
            "message": event.message,
        }
        for event in newest
    )
