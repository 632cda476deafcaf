"""What only the kubelet's Events say of a pod: mounts that fail, probes that do not pass."""

import re
from collections.abc import Sequence

from triton_operator.api import reasons
from triton_operator.api.conditions import shortened
from triton_operator.controllers.cluster_events import EventView, newest_event
from triton_operator.controllers.times import epoch_seconds, rfc3339
from triton_operator.controllers.views import ContainerView, PodView
from triton_operator.manifests.triton_container import SERVING_CONTAINER

STARTS = frozenset(
    {
        "FailedMount",
        "FailedAttachVolume",
        "FailedMapVolume",
        "FailedCreatePodSandBox",
        "FailedPodSandBoxStatus",
        "NetworkNotReady",
        "Failed",
        "Pulling",
        "Pulled",
        "Created",
        "Started",
    }
)
MOUNTS = frozenset({"FailedMount", "FailedAttachVolume", "FailedMapVolume"})
SANDBOX = frozenset({"FailedCreatePodSandBox", "FailedPodSandBoxStatus", "NetworkNotReady"})
PROBES = frozenset({"Unhealthy"})
_STARTUP = "Startup probe"
LOADING_SECONDS = 30.0
"""Triton opens its ports only when the model is loaded. Up to here a refused connection is a step
on the way; later it is named, though a large model may still be loading."""
_MISSING_SECRET = re.compile(
    r'secret "([^"]+)" not found|references non-existent secret key: (\S+)'
)
_WITHOUT_CAUSE = re.compile(r"^Error: (ErrImagePull|ImagePullBackOff)$")
_PULL = re.compile(r'^Failed to pull image "[^"]*": (.*)', re.DOTALL)
_MISSING_KEY = re.compile(r'configmap "[^"]+" not found|couldn\'t find key')
NO_MEMORY_TO_START = re.compile(r"OOM-killed|memory limit too low")
_PASSING = re.compile(r"failed to sync .* cache|not registered")
"""The kubelet's own caches fill a moment after the pod came."""

Told = tuple[str, str]


def start_problem(events: Sequence[EventView]) -> Told | None:
    """Why a pod is not started, if the newest event about it says so: reason and message."""
    # "Error: ErrImagePull" comes with another event that has the cause.
    event = newest_event(
        [event for event in events if not _WITHOUT_CAUSE.search(event.message)], STARTS
    )
    if event is None or _PASSING.search(event.message):
        return None
    if event.reason == "Failed":
        return _failed(event)
    if event.reason in MOUNTS:
        return _mount(event.message)
    if event.reason in SANDBOX:
        return reasons.POD_NOT_STARTED, (
            f"{event.reason}: {shortened(event.message, 400)}; the node's network or container "
            "runtime fails, look at the node"
        )
    return None


def _failed(event: EventView) -> Told:
    """A pull or a creation that failed: the pod's status says so 10 to 15 seconds later."""
    of_container = f"container {event.container}: " if event.container else ""
    if pull := _PULL.search(event.message):
        cause = f"ErrImagePull: {shortened(pull[1], 400)}"
        return reasons.IMAGE_PULL_FAILED, of_container + image_advice(event.container, cause)
    said = event.message.removeprefix("Error: ")
    if told := missing_secret(said):
        return told[0], of_container + told[1]
    if NO_MEMORY_TO_START.search(said):
        return reasons.OUT_OF_MEMORY, f"{of_container}{shortened(said, 400)}"
    advice = "; correct spec.runtime.env" if _MISSING_KEY.search(said) else ""
    return reasons.CONTAINER_FAILED, f"{of_container}{shortened(said, 400)}{advice}"


def image_advice(container: str, cause: str) -> str:
    """The cause, and who names the image of that container."""
    named_by = (
        "spec.runtime.image or the pool's image"
        if container == SERVING_CONTAINER
        else "image of the operator's chart"
    )
    return f"{cause}; correct the {named_by}, or give the ServiceAccount a pull secret"


def missing_secret(message: str) -> Told | None:
    """The Secret, or the key of it, that a message misses."""
    found = _MISSING_SECRET.search(message)
    if not found:
        return None
    source = "spec.model.secretName" if '"credentials"' in message else "what names it in spec"
    what = f'Secret "{found[1]}" not found' if found[1] else f'Secret key "{found[2]}" not found'
    return reasons.SECRET_NOT_FOUND, f"{what}; create it in this namespace, or correct {source}"


def _mount(message: str) -> Told:
    return missing_secret(message) or (
        reasons.VOLUME_NOT_MOUNTED,
        f"{shortened(message, 400)}; look at the volume and at the node",
    )


def start_step(events: Sequence[EventView]) -> str:
    """What a pod that is not started waits for, where nothing is wrong."""
    event = newest_event(events, STARTS)
    if event is not None and event.reason == "Pulling":
        return f"{shortened(event.message, 200)}, since {rfc3339(event.seen)[11:19]}"
    return ""


def probe_problem(
    container: ContainerView, events: Sequence[EventView], now: float
) -> tuple[Told | None, str]:
    """Why a running container is not ready: reason and message, or the step that it is at."""
    if container.started:
        # The kubelet asks for readiness only now: what it said before is settled.
        events = [event for event in events if not event.message.startswith(_STARTUP)]
    event = newest_event(events, PROBES)
    since = f"runs since {container.running_since[11:19]}"
    if event is None or event.seen < epoch_seconds(container.running_since):
        return None, f"{since}"
    answer = shortened(event.message, 300)
    refused = "connection refused" in answer
    age = now - epoch_seconds(container.running_since)
    if not container.started and refused and age < LOADING_SECONDS:
        return None, f"{since}; {answer} (as expected while it loads the model)"
    advice = "a large model may take longer, else look at its log" if refused else "look at its log"
    return (reasons.PROBE_FAILING, f"{since}, but: {answer}; {advice}"), ""


def killing(events: Sequence[EventView]) -> str:
    """Why the kubelet ended a container by itself, else nothing."""
    event = newest_event(events, frozenset({"Killing"}))
    if event is None or "probe" not in event.message:
        return ""
    probe = newest_event(events, PROBES)
    return event.message + (f" ({shortened(probe.message, 200)})" if probe else "")


def where(pod: PodView, container: ContainerView | None = None) -> str:
    """Which pod, on which node, which container."""
    place = f"pod {pod.name}" + (f" on {pod.node}" if pod.node else "")
    return f"{place}, container {container.name}" if container else place
