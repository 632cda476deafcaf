"""Objects that do not go on and do not say why: only Events of others tell, so they are asked for.

A watch on all Events of a cluster would cost more than everything else that the operator watches.
So the Events of one object are read, and only while it is silent: a pod that no container of has
started for a while, a server that runs and is not ready, a Job without pods.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from triton_operator.controllers.observed import Observed
from triton_operator.controllers.pod_problems import (
    is_unstarted,
    known_problem,
    newest_first,
    trusted_again_seconds,
)
from triton_operator.controllers.times import epoch_seconds
from triton_operator.controllers.views import JobView, ObjectView, PodView
from triton_operator.manifests.triton_container import SERVING_CONTAINER

PATIENCE_SECONDS = 2.0
"""Most pods say within this time what they are doing."""
LOOKS_SECONDS = ((120.0, 4.0), (900.0, 8.0))
"""Up to which age how often to look: a cause is named within ten seconds of the event about it."""
SETTLED_LOOK_SECONDS = 30.0
"""Between looks at what has been silent for longer."""
MOST_ASKED = 3
"""Pods of one service fail alike; the newest ones tell."""
KILLED = frozenset({137, 143})
"""Exit codes of SIGKILL and SIGTERM: the kubelet's Events say why it sent them."""


@dataclass(frozen=True)
class Silent:
    """An object that says nothing, and since when (seconds since the epoch)."""

    view: ObjectView
    since: float


def silent_objects(observed: Observed) -> list[Silent]:
    """Jobs without pods and the newest pods that do not go on."""
    pods = [child for child in observed.children if isinstance(child, PodView)]
    found = [*_jobs(observed, pods)]
    for role in sorted({pod.role for pod in pods}):
        of_role = newest_first([pod for pod in pods if pod.role == role])
        silent = [row for pod in of_role if (row := _pod(pod))]
        found += silent[:MOST_ASKED]
    return found


def to_ask(observed: Observed) -> list[ObjectView]:
    """Those that have been silent long enough to ask for their Events."""
    # A creation in the future is another clock's; it is no reason to wait.
    return [
        row.view
        for row in silent_objects(observed)
        if not 0 <= observed.now - row.since < PATIENCE_SECONDS
    ]


def next_look_seconds(observed: Observed) -> float | None:
    """When to look again without being woken; None where every object speaks for itself."""
    pods = [child for child in observed.children if isinstance(child, PodView)]
    looks = [_next(observed.now - row.since) for row in silent_objects(observed)]
    trusted = trusted_again_seconds(pods, observed.now)
    return min([*looks, *([trusted] if trusted is not None else [])], default=None)


def _next(age: float) -> float:
    if 0 <= age < PATIENCE_SECONDS:
        return PATIENCE_SECONDS - age
    return next((look for limit, look in LOOKS_SECONDS if age < limit), SETTLED_LOOK_SECONDS)


def _jobs(observed: Observed, pods: Sequence[PodView]) -> Iterator[Silent]:
    with_pods = {pod.job for pod in pods}
    for child in observed.children:
        if (
            isinstance(child, JobView)
            and not (child.succeeded or child.failed or child.deleting)
            and child.name not in with_pods
            and child.created
        ):
            yield Silent(child, epoch_seconds(child.created))


def _pod(pod: PodView) -> Silent | None:
    killed = any(container.last_exit_code in KILLED for container in pod.containers)
    if not killed and known_problem(pod):
        return None
    # Without a node no kubelet knows of it, and the scheduler speaks through the pod's status.
    if is_unstarted(pod) and pod.node and pod.created:
        return Silent(pod, epoch_seconds(pod.created))
    for container in pod.containers:
        if container.name != SERVING_CONTAINER or container.ready:
            continue
        if container.running_since:
            return Silent(pod, epoch_seconds(container.running_since))
        if killed and container.last_finished:
            return Silent(pod, epoch_seconds(container.last_finished))
    return None
