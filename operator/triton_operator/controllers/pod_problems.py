"""What is wrong with a service's pods, in the words of whoever knows best."""

from collections.abc import Sequence
from dataclasses import dataclass

from triton_operator.api import reasons
from triton_operator.api.conditions import shortened
from triton_operator.api.inspection import UnreadableReport, decode_report
from triton_operator.controllers.views import ContainerView, PodView

IMAGE_REASONS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}
)
MESSAGE_LIMIT = 600
SERVING_CONTAINER = "triton"


@dataclass(frozen=True)
class PodProblem:
    """A reason of `api.reasons`, or of the fetch that failed, and a message naming the pod."""

    reason: str
    message: str


def newest(pods: Sequence[PodView]) -> PodView | None:
    """The pod that was created last."""
    return max(pods, key=lambda pod: (pod.created, pod.name), default=None)


def pod_problem(pods: Sequence[PodView]) -> PodProblem | None:
    """The problem of the newest pod that has one; None where all is well or merely starting."""
    for pod in sorted(pods, key=lambda pod: (pod.created, pod.name), reverse=True):
        if pod.deleting:
            continue
        if pod.unschedulable:
            return PodProblem(reasons.UNSCHEDULABLE, f"pod {pod.name}: {pod.unschedulable}")
        for container in pod.containers:
            if problem := _container_problem(pod, container):
                return problem
    return None


def _container_problem(pod: PodView, container: ContainerView) -> PodProblem | None:
    where = f"pod {pod.name}, container {container.name}"
    if container.waiting_reason in IMAGE_REASONS:
        return PodProblem(
            reasons.IMAGE_PULL_FAILED,
            f"{where}: {container.waiting_reason}: {shortened(container.waiting_message, 300)}",
        )
    if container.waiting_reason in ("CreateContainerConfigError", "CreateContainerError"):
        return PodProblem(
            reasons.CONTAINER_FAILED,
            f"{where}: {container.waiting_reason}: {shortened(container.waiting_message, 300)}",
        )
    if container.exit_code:
        return _ended(
            where,
            container,
            container.exit_code,
            container.terminated_reason,
            container.terminated_message,
        )
    # A container that failed and runs again is still the problem until it is ready; else every
    # restart would look like a recovery.
    if container.last_exit_code and container.exit_code is None and not container.ready:
        return _ended(
            where,
            container,
            container.last_exit_code,
            container.last_reason,
            container.last_message,
        )
    return None


def _ended(
    where: str, container: ContainerView, exit_code: int, reason: str, message: str
) -> PodProblem:
    if reason == "OOMKilled":
        # The limits of fetching and inspecting are not the user's to set.
        advice = (
            "; set spec.hardware.resources.memory"
            if container.name == SERVING_CONTAINER
            else "; the model is larger or deeper than this version can handle"
        )
        return PodProblem(
            reasons.OUT_OF_MEMORY, f"{where} needed more memory than its limit{advice}"
        )
    try:
        failure = decode_report(message).failure
    except UnreadableReport:
        failure = None
    if failure:
        return PodProblem(failure.reason, f"{where}: {failure.message}")
    said = shortened(message.strip(), MESSAGE_LIMIT) or reason or "no message"
    return PodProblem(reasons.CONTAINER_FAILED, f"{where} ended with code {exit_code}: {said}")
