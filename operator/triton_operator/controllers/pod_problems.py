"""What is wrong with a service's pods, in the words of whoever knows best."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from triton_operator.api import reasons
from triton_operator.api.conditions import shortened
from triton_operator.api.inspection import decode_report
from triton_operator.api.termination_message import UnreadableReport
from triton_operator.controllers.cluster_events import Events, EventView
from triton_operator.controllers.kubelet_words import (
    NO_MEMORY_TO_START,
    image_advice,
    killing,
    missing_secret,
    probe_problem,
    start_problem,
    start_step,
    where,
)
from triton_operator.controllers.last_words import is_refused_model, telling_lines
from triton_operator.controllers.scheduler_words import unschedulable
from triton_operator.controllers.times import epoch_seconds
from triton_operator.controllers.views import ContainerView, PodView
from triton_operator.manifests.copy_store import PUT_CONTAINER, TAKE_CONTAINER
from triton_operator.manifests.fetching import FETCH_CONTAINER
from triton_operator.manifests.triton_container import SERVING_CONTAINER

IMAGE_REASONS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}
)
CREATE_REASONS = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
)
LOOPING_RESTARTS = 2
LOOPING_SECONDS = 300.0
"""A container that ended with an error at least twice, the last time this recently, is not trusted
though it is ready again: it is in a crash loop whose turns are long enough to pass a probe."""
LOST_SECONDS = 300.0
"""For how long the loss of a pod explains why its successor is not ready."""
_BACK_OFF = re.compile(r'^Back-off pulling image "[^"]*": (ErrImagePull: )?')


@dataclass(frozen=True)
class PodProblem:
    """A reason of `api.reasons`, or of the fetch that failed, and a message naming the pod."""

    reason: str
    message: str


def newest(pods: Sequence[PodView]) -> PodView | None:
    """The pod that was created last."""
    return max(pods, key=lambda pod: (pod.created, pod.name), default=None)


def pod_problem(pods: Sequence[PodView], events: Events, now: float) -> PodProblem | None:
    """The problem of the newest pod that has one; None where all is well or merely starting.

    `now` is in seconds since the epoch.
    """
    for number, pod in enumerate(newest_first(pods)):
        if number and pod.lost and not _lost_lately(pod, now):
            # Another pod took its place long ago; this one only has not been cleared away.
            continue
        if problem := problem_of(pod, events.get(pod.uid, ()), now):
            return problem
    return None


def looping_problem(pods: Sequence[PodView], now: float) -> PodProblem | None:
    """The problem of the newest pod that is ready between two crashes."""
    for pod in newest_first(pods):
        for container in pod.containers:
            if is_looping(container, now):
                return _container_problem(pod, container, (), now)
    return None


def trusted_again_seconds(pods: Sequence[PodView], now: float) -> float | None:
    """After how many seconds without a crash the next of these is trusted again."""
    return min(
        (
            epoch_seconds(container.last_finished) + LOOPING_SECONDS - now
            for pod in newest_first(pods)
            for container in pod.containers
            if container.ready and is_looping(container, now)
        ),
        default=None,
    )


def starting_step(pods: Sequence[PodView], events: Events, now: float) -> str:
    """How far the newest pod that is not ready has come, where none has a problem."""
    for pod in newest_first(pods):
        about = events.get(pod.uid, ())
        for container in pod.containers:
            if container.ready or not container.running_since:
                continue
            if container.name != SERVING_CONTAINER:
                return f"{where(pod, container)}: runs since {container.running_since[11:19]}"
            _, step = probe_problem(container, about, now)
            return f"{where(pod, container)}: {step}" if step else ""
        if step := start_step(about):
            return f"{where(pod)}: {step}"
    return ""


def newest_first(pods: Sequence[PodView]) -> list[PodView]:
    """Those that are not going away, the newest first."""
    staying = (pod for pod in pods if not pod.deleting)
    return sorted(staying, key=lambda pod: (pod.created, pod.name), reverse=True)


def problem_of(pod: PodView, events: Sequence[EventView], now: float) -> PodProblem | None:
    """What is wrong with one pod: first what its status says, then what only events say."""
    if problem := known_problem(pod, events, now):
        return problem
    if is_unstarted(pod):
        told = start_problem(events)
        return PodProblem(told[0], f"{where(pod)}: {told[1]}") if told else None
    for container in pod.containers:
        if container.name == SERVING_CONTAINER and container.running_since and not container.ready:
            told, _ = probe_problem(container, events, now)
            return PodProblem(told[0], f"{where(pod, container)} {told[1]}") if told else None
    return None


def known_problem(
    pod: PodView, events: Sequence[EventView] = (), now: float = 0.0
) -> PodProblem | None:
    """What the pod's own status says; events only explain who killed a container."""
    if pod.unschedulable:
        reason, said = unschedulable(pod.unschedulable)
        return PodProblem(reason, f"pod {pod.name}: {said}")
    if pod.lost:
        return PodProblem(
            reasons.POD_LOST,
            f"{where(pod)}: {pod.lost}; another pod takes its place when a node has room",
        )
    for container in pod.containers:
        if problem := _container_problem(pod, container, events, now):
            return problem
    return None


def is_unstarted(pod: PodView) -> bool:
    """Whether the pod has not come up, and none of its containers is at work on that."""
    return pod.phase == "Pending" and not any(
        container.running_since for container in pod.containers
    )


def _failed(container: ContainerView, exit_code: int | None) -> bool:
    """A server that ends by itself has failed whatever its code; a fetch has done its work."""
    return exit_code is not None and (exit_code != 0 or container.name == SERVING_CONTAINER)


def _lost_lately(pod: PodView, now: float) -> bool:
    return bool(pod.lost_since) and now < epoch_seconds(pod.lost_since) + LOST_SECONDS


def is_looping(container: ContainerView, now: float) -> bool:
    """Whether a container that is ready has failed too often and too recently to be trusted."""
    return bool(
        _failed(container, container.last_exit_code)
        and container.restarts >= LOOPING_RESTARTS
        and container.last_finished
        and now < epoch_seconds(container.last_finished) + LOOPING_SECONDS
    )


def _container_problem(
    pod: PodView, container: ContainerView, events: Sequence[EventView], now: float
) -> PodProblem | None:
    place = where(pod, container)
    if container.waiting_reason in IMAGE_REASONS:
        return PodProblem(reasons.IMAGE_PULL_FAILED, f"{place}: {_image(container)}")
    if container.waiting_reason in CREATE_REASONS:
        return _not_created(place, container)
    if container.exit_code is not None and _failed(container, container.exit_code):
        return _ended(
            place,
            container,
            (container.exit_code, container.terminated_reason, container.terminated_message),
            killing(events),
        )
    # A container that failed and runs again is still the problem until it is ready; else every
    # restart would look like a recovery.
    failed = _failed(container, container.last_exit_code) and container.exit_code is None
    if failed and (not container.ready or is_looping(container, now)):
        return _ended(
            place,
            container,
            (container.last_exit_code or 0, container.last_reason, container.last_message),
            killing(events),
        )
    return None


def _image(container: ContainerView) -> str:
    said = _BACK_OFF.sub("", container.waiting_message)
    if said != container.waiting_message:
        # The kubelet goes to and fro between trying and waiting; the cause is the same.
        cause = f"ErrImagePull: {shortened(said, 400)}"
    else:
        cause = f"{container.waiting_reason}: {shortened(said, 400)}"
    return image_advice(container.name, cause)


def _not_created(place: str, container: ContainerView) -> PodProblem:
    said = container.waiting_message
    if NO_MEMORY_TO_START.search(said):
        return PodProblem(reasons.OUT_OF_MEMORY, f"{place} {_needs_memory(container)}")
    if told := missing_secret(said):
        return PodProblem(told[0], f"{place}: {told[1]}")
    advice = (
        "; correct spec.runtime.env"
        if container.waiting_reason == "CreateContainerConfigError"
        else ""
    )
    return PodProblem(
        reasons.CONTAINER_FAILED,
        f"{place}: {container.waiting_reason}: {shortened(said, 400)}{advice}",
    )


def _needs_memory(container: ContainerView) -> str:
    limit = f" of {container.memory_limit}" if container.memory_limit else ""
    advice = {
        SERVING_CONTAINER: "set spec.hardware.resources.memory",
        # The limits of fetching and inspecting are not the user's to set.
        "measure": "set spec.batching.maxBatchSize: its inputs are the largest batch",
        "convert": "the model is larger, or has more values between its nodes for one row, than "
        "this container has room for: convert it on a larger machine, with triton-operator model "
        "convert, and serve what it writes, or keep it as it is: spec.precision.mode: FP32 if it "
        'was converted to FP16 or INT8, spec.batching.mode: "Off" if to a dynamic batch',
        **dict.fromkeys(
            (FETCH_CONTAINER, TAKE_CONTAINER, PUT_CONTAINER),
            "that should not happen while files are copied, please report it",
        ),
    }.get(container.name, "the model is larger or deeper than this version can handle")
    return f"needed more memory than its limit{limit}; {advice}"


def _ended(
    place: str, container: ContainerView, end: tuple[int, str, str], killed: str
) -> PodProblem:
    exit_code, reason, message = end
    if reason == "OOMKilled" or NO_MEMORY_TO_START.search(message):
        return PodProblem(reasons.OUT_OF_MEMORY, f"{place} {_needs_memory(container)}")
    try:
        failure = decode_report(message).failure
    except UnreadableReport:
        failure = None
    if failure:
        return PodProblem(failure.reason, f"{place}: {failure.message}")
    if killed:
        return PodProblem(
            reasons.PROBE_FAILING, f"{place} was ended by the kubelet: {killed}; look at its log"
        )
    said = telling_lines(message) or reason or "no message"
    if container.name == SERVING_CONTAINER and is_refused_model(message):
        return PodProblem(
            reasons.MODEL_LOAD_FAILED,
            f"{place}: Triton refuses the model: {said}; `kubectl logs -c triton --previous` "
            "has the rest",
        )
    return PodProblem(reasons.CONTAINER_FAILED, f"{place} ended with code {exit_code}: {said}")
