"""The replicas of a service by pool, as the autoscaler looks at them. Pure."""

from collections.abc import Iterable

from triton_operator.api import labels
from triton_operator.autoscaling.fleet import Fleet
from triton_operator.autoscaling.lead_memory import Start
from triton_operator.autoscaling.samples import PodTarget
from triton_operator.autoscaling.scaling_question import PoolQuestion, ScalingQuestion
from triton_operator.controllers.device_finding import serving_container
from triton_operator.controllers.times import epoch_seconds
from triton_operator.controllers.views import DeploymentView, ObjectView, PodView

PLACED_AFTER_SECONDS = 30.0
"""A scheduler that is busy says at first that it found no node, and finds one."""
LONGEST_START_SECONDS = 900.0
"""From the container to ready. A pod that became ready later than that had been so before."""


def fleets(
    question: ScalingQuestion, children: Iterable[ObjectView], now: float
) -> dict[str, Fleet]:
    """The fleet of each pool of the question; `now` is in seconds since the epoch."""
    children = tuple(children)
    return {one.pool: _fleet(question, one, children, now) for one in question.pools}


def _fleet(
    question: ScalingQuestion, pool: PoolQuestion, children: tuple[ObjectView, ...], now: float
) -> Fleet:
    deployment = next(
        (
            child
            for child in children
            if isinstance(child, DeploymentView) and child.name == pool.deployment
        ),
        None,
    )
    pods = [
        child
        for child in children
        if isinstance(child, PodView)
        and child.role == labels.SERVE
        and child.pool == pool.pool
        and not child.deleting
        and child.phase not in ("Succeeded", "Failed")
    ]
    ready = [pod for pod in pods if pod.ready_since and pod.address]
    others = [pod for pod in pods if not pod.ready_since and pod.created]
    ordered = deployment.replicas if deployment else 0
    missing = max(0, ordered - len(ready))
    starting = _ages([pod for pod in others if not _finds_no_node(pod, now)], now)[:missing]
    unplaced = _ages([pod for pod in others if _finds_no_node(pod, now)], now)
    unplaced = unplaced[: missing - len(starting)]
    unmade = missing - len(starting) - len(unplaced)
    return Fleet(
        targets=tuple(_target(question, pod) for pod in ready),
        ordered=ordered,
        starting_seconds=(*starting, *[0.0] * unmade),
        unplaced_seconds=tuple(unplaced),
        starts=tuple(
            Start(pod.uid, epoch_seconds(pod.ready_since) - epoch_seconds(pod.created))
            for pod in sorted(ready, key=lambda pod: pod.ready_since)
            if pod.created and _starts_first(pod)
        ),
        aside=frozenset(pod.name for pod in pods if pod.traffic == labels.ASIDE),
    )


def _ages(pods: list[PodView], now: float) -> list[float]:
    """How long ago pods were made, the oldest first."""
    return sorted((max(0.0, now - epoch_seconds(pod.created)) for pod in pods), reverse=True)


def _target(question: ScalingQuestion, pod: PodView) -> PodTarget:
    container = serving_container(pod)
    since = container.running_since if container else ""
    return PodTarget(
        namespace=pod.namespace,
        pod=pod.name,
        restarts=container.restarts if container else 0,
        address=pod.address,
        model=question.model,
        composing=question.composing,
        started=epoch_seconds(since) if since else None,
    )


def _starts_first(pod: PodView) -> bool:
    """Whether it became ready by starting, and not again after it had been unready for a while."""
    container = serving_container(pod)
    if container is None or not container.running_since:
        return False
    took = epoch_seconds(pod.ready_since) - epoch_seconds(container.running_since)
    return took <= LONGEST_START_SECONDS and all(one.restarts == 0 for one in pod.containers)


def _finds_no_node(pod: PodView, now: float) -> bool:
    return (
        bool(pod.unschedulable)
        and not pod.node
        and now - epoch_seconds(pod.created) >= PLACED_AFTER_SECONDS
    )
