"""What is wrong with pods: the newest that has a problem speaks, in its own words."""

from dataclasses import replace
from typing import NamedTuple

import pytest

from triton_operator.api.inspection import Failure, Report, encode_report
from triton_operator.controllers import pod_problems
from triton_operator.controllers.cluster_events import EventView
from triton_operator.controllers.pod_problems import PodProblem, newest
from triton_operator.controllers.times import epoch_seconds
from triton_operator.controllers.views import ContainerView, PodView

NOW = epoch_seconds("2026-11-20T12:00:00Z")
MISMATCH = encode_report(Report(failure=Failure(reason="DigestMismatch", message="other bytes")))


def pod(
    name: str,
    *containers: ContainerView,
    created: str = "2026-11-20T10:00:00Z",
    unschedulable: str = "",
    deleting: bool = False,
) -> PodView:
    return PodView(
        "Pod",
        "shop",
        name,
        f"uid-{name}",
        "1",
        0,
        created=created,
        unschedulable=unschedulable,
        deleting=deleting,
        containers=containers,
    )


def waiting(reason: str, message: str = "") -> ContainerView:
    return ContainerView("triton", waiting_reason=reason, waiting_message=message)


def ended(
    code: int, reason: str = "Error", message: str = "", name: str = "triton"
) -> ContainerView:
    return ContainerView(name, exit_code=code, terminated_reason=reason, terminated_message=message)


def pod_problem(pods: list[PodView]) -> PodProblem | None:
    return pod_problems.pod_problem(pods, {}, NOW)


class Row(NamedTuple):
    name: str
    pods: list[PodView]
    expected: str | None
    why: str
    says: str = ""


@pytest.mark.parametrize(
    "row",
    [
        Row("no pod", [], None, "nothing to say"),
        Row("running", [pod("a", ContainerView("triton"))], None, "all is well"),
        Row("starting", [pod("a", waiting("ContainerCreating"))], None, "starting is no problem"),
        Row(
            "done", [pod("a", ended(0, "Completed", name="inspect"))], None, "it has done its work"
        ),
        Row(
            "ended without an error",
            [pod("a", ended(0, "Completed"))],
            "ContainerFailed",
            "a server has not to end at all",
            "ended with code 0: Completed",
        ),
        Row(
            "unschedulable",
            [pod("a", unschedulable="0/2 nodes")],
            "Unschedulable",
            "the scheduler's words",
            "pod a: 0/2 nodes",
        ),
        *(
            Row(
                reason,
                [pod("a", waiting(reason, "why"))],
                "ImagePullFailed",
                "the kubelet cannot get the image",
                f"{reason}: why",
            )
            for reason in (
                "ErrImagePull",
                "ImagePullBackOff",
                "InvalidImageName",
                "ErrImageNeverPull",
            )
        ),
        *(
            Row(
                reason,
                [pod("a", waiting(reason, "why"))],
                "ContainerFailed",
                "the kubelet cannot make the container",
                f"{reason}: why",
            )
            for reason in ("CreateContainerConfigError", "CreateContainerError")
        ),
        Row(
            "ended",
            [pod("a", ended(1, message="  last words\n"))],
            "ContainerFailed",
            "its last words",
            "container triton ended with code 1: last words",
        ),
        Row(
            "ended in silence",
            [pod("a", ended(137, reason="Error"))],
            "ContainerFailed",
            "the kubelet's reason is better than nothing",
            "code 137: Error",
        ),
        Row(
            "restarted and running",
            [pod("a", ContainerView("triton", last_exit_code=1, last_message="once"))],
            "ContainerFailed",
            "until it is ready, a restart is no recovery",
            "once",
        ),
        Row(
            "restarted and ready",
            [pod("a", ContainerView("triton", last_exit_code=1, last_message="x", ready=True))],
            None,
            "it serves again",
        ),
        Row(
            "crash loop",
            [
                pod(
                    "a",
                    ContainerView(
                        "triton",
                        waiting_reason="CrashLoopBackOff",
                        last_exit_code=1,
                        last_message="bad model",
                    ),
                )
            ],
            "ContainerFailed",
            "it waits to crash again",
            "bad model",
        ),
        Row(
            "out of memory",
            [pod("a", ended(137, "OOMKilled"))],
            "OutOfMemory",
            "with the field that helps",
            "set spec.hardware.resources.memory",
        ),
        Row(
            "fetch failed",
            [pod("a", ended(2, message=MISMATCH, name="fetch"))],
            "DigestMismatch",
            "the reason that the fetch gives",
            "container fetch: other bytes",
        ),
        Row(
            "newest first",
            [
                pod("old", ended(1, message="old"), created="2026-11-20T10:00:00Z"),
                pod("new", ended(1, message="new"), created="2026-11-20T11:00:00Z"),
            ],
            "ContainerFailed",
            "the newest follows the newest template",
            "pod new",
        ),
        Row(
            "newest is well",
            [
                pod("old", ended(1, message="old")),
                pod("new", ContainerView("triton"), created="2026-11-20T11:00:00Z"),
            ],
            "ContainerFailed",
            "another one is not",
            "pod old",
        ),
        Row(
            "going away",
            [pod("a", ended(1), deleting=True)],
            None,
            "Triton ends with code 1 whenever a client keeps its connection",
        ),
    ],
    ids=lambda row: row.name,
)
def test_problem(row: Row) -> None:
    problem = pod_problem(row.pods)

    assert (problem.reason if problem else None) == row.expected, row.why
    assert row.says in (problem.message if problem else "")


def test_the_memory_of_a_fetch_is_not_the_users_to_set() -> None:
    problem = pod_problem([pod("a", ended(137, "OOMKilled", name="fetch"))])

    assert problem is not None
    assert problem.reason == "OutOfMemory"
    assert "spec.hardware.resources" not in problem.message


def test_last_words_are_cut_in_the_middle() -> None:
    problem = pod_problem([pod("a", ended(1, message="first" + "x" * 4000 + "last"))])

    assert problem is not None
    assert len(problem.message) < 800
    assert "first" in problem.message
    assert problem.message.endswith("last")


def test_the_newest_of_equal_age_is_the_same_every_time() -> None:
    pods = [pod("a"), pod("b")]

    assert newest(pods) == newest(pods[::-1]) == pods[1]
    assert newest([]) is None


def told(reason: str, message: str, seen: float = NOW, version: int = 1) -> EventView:
    return EventView(reason, message, seen, version)


PENDING = replace(pod("a", waiting("ContainerCreating")), phase="Pending", node="n1")
RUNNING = ContainerView("triton", running_since="2026-11-20T11:59:00Z")
UP = replace(pod("a", RUNNING), phase="Running", node="n1")
REFUSED = (
    'Startup probe failed: Get "http://10.0.0.1:8000/v2/health/ready": dial tcp 10.0.0.1:8000: '
    "connect: connection refused"
)
NO_SECRET = 'MountVolume.SetUp failed for volume "credentials" : secret "nope" not found'


class Told(NamedTuple):
    name: str
    pod: PodView
    events: list[EventView]
    expected: str | None
    why: str
    says: str = ""


@pytest.mark.parametrize(
    "row",
    [
        Told("nothing told", PENDING, [], None, "it may just be slow"),
        Told(
            "secret",
            PENDING,
            [told("FailedMount", NO_SECRET)],
            "SecretNotFound",
            "only the event says so",
            'pod a on n1: Secret "nope" not found; create it in this namespace, or correct '
            "spec.model.secretName",
        ),
        Told(
            "another volume",
            PENDING,
            [told("FailedMount", "hostPath type check failed: /x is not a directory")],
            "VolumeNotMounted",
            "the kubelet's words",
            "/x is not a directory",
        ),
        Told(
            "mounted since",
            PENDING,
            [told("FailedMount", NO_SECRET, NOW - 60), told("Pulling", "Pulling image", NOW - 5)],
            None,
            "the newest event counts",
        ),
        Told(
            "mounted in the same second",
            PENDING,
            [told("Pulling", "Pulling image", NOW, 9), told("FailedMount", NO_SECRET, NOW, 8)],
            None,
            "times of events have whole seconds",
        ),
        Told(
            "kubelet's cache",
            PENDING,
            [told("FailedMount", 'object "shop"/"x" not registered')],
            None,
            "it passes in a moment",
        ),
        Told(
            "sandbox",
            PENDING,
            [told("FailedCreatePodSandBox", "plugin type=ptp failed")],
            "PodNotStarted",
            "the node is broken",
            "plugin type=ptp failed",
        ),
        Told(
            "pull",
            PENDING,
            [
                told("Failed", 'Failed to pull image "x:1": no such host', NOW - 1, 1),
                told("Failed", "Error: ErrImagePull", NOW, 2),
            ],
            "ImagePullFailed",
            "the pod's status says so ten seconds later",
            "pod a on n1: ErrImagePull: no such host; correct the",
        ),
        Told(
            "key of a secret",
            PENDING,
            [told("Failed", 'Error: secret "token" not found')],
            "SecretNotFound",
            "as above",
            'Secret "token" not found',
        ),
        Told(
            "config map",
            PENDING,
            [replace(told("Failed", 'Error: configmap "c" not found'), container="triton")],
            "ContainerFailed",
            "as above",
            'container triton: configmap "c" not found; correct spec.runtime.env',
        ),
        Told(
            "no memory to start with",
            PENDING,
            [told("Failed", "Error: container init was OOM-killed (memory limit too low?)")],
            "OutOfMemory",
            "as above",
        ),
        Told("no probe failed", UP, [], None, "it may just have started"),
        Told(
            "startup probe",
            UP,
            [told("Unhealthy", REFUSED)],
            "ProbeFailing",
            "it has been running for a minute",
            "container triton runs since 11:59:00, but: Startup probe failed",
        ),
        Told(
            "loading",
            replace(UP, containers=(replace(RUNNING, running_since="2026-11-20T11:59:50Z"),)),
            [told("Unhealthy", REFUSED)],
            None,
            "ports open only when the model is loaded",
        ),
        Told(
            "answers, but not well",
            replace(UP, containers=(replace(RUNNING, running_since="2026-11-20T11:59:50Z"),)),
            [told("Unhealthy", "Startup probe failed: HTTP probe failed with statuscode: 400")],
            "ProbeFailing",
            "its ports are open, so it is not loading",
            "statuscode: 400",
        ),
        Told(
            "started, about to be ready",
            replace(UP, containers=(replace(RUNNING, started=True),)),
            [told("Unhealthy", REFUSED)],
            None,
            "the startup probe passed since",
        ),
        Told(
            "started, and not ready",
            replace(UP, containers=(replace(RUNNING, started=True),)),
            [
                told("Unhealthy", "Readiness probe failed: statuscode: 503", NOW - 9, 1),
                told("Unhealthy", REFUSED, NOW - 8, 2),
            ],
            "ProbeFailing",
            "another probe fails",
            "Readiness probe failed: statuscode: 503",
        ),
        Told(
            "before the restart",
            UP,
            [told("Unhealthy", REFUSED, NOW - 600)],
            None,
            "that was the container's predecessor",
        ),
        Told(
            "ready",
            replace(UP, containers=(replace(RUNNING, ready=True),)),
            [told("Unhealthy", REFUSED)],
            None,
            "it passed since",
        ),
        Told(
            "killed by its probe",
            pod("a", ContainerView("triton", last_exit_code=137, last_message="I1 all is well")),
            [
                told("Unhealthy", "Liveness probe failed: timeout"),
                told("Killing", "Container triton failed liveness probe, will be restarted"),
            ],
            "ProbeFailing",
            "its own last words know nothing of it",
            "failed liveness probe, will be restarted (Liveness probe failed: timeout)",
        ),
    ],
    ids=lambda row: row.name,
)
def test_what_only_events_say(row: Told) -> None:
    problem = pod_problems.pod_problem([row.pod], {row.pod.uid: row.events}, NOW)

    assert (problem.reason if problem else None) == row.expected, row.why
    assert row.says in (problem.message if problem else "")


@pytest.mark.parametrize(
    ("name", "pods", "events", "expected"),
    [
        ("nothing", [], [], ""),
        ("running", [UP], [], "pod a on n1, container triton: runs since 11:59:00"),
        (
            "pulling",
            [PENDING],
            [told("Pulling", 'Pulling image "x"')],
            'pod a on n1: Pulling image "x", since 12:00:00',
        ),
        (
            "fetching",
            [replace(UP, containers=(replace(RUNNING, name="fetch"),))],
            [],
            "pod a on n1, container fetch: runs since 11:59:00",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_step_of_a_pod_that_starts(
    name: str, pods: list[PodView], events: list[EventView], expected: str
) -> None:
    assert pod_problems.starting_step(pods, {"uid-a": events}, NOW) == expected, name


def test_a_step_is_the_same_until_something_happens() -> None:
    """It stands in the status: a number of seconds would be a write at every look."""
    steps = {pod_problems.starting_step([UP], {}, NOW + later) for later in range(60)}

    assert len(steps) == 1


CRASHED = ContainerView(
    "triton", last_exit_code=1, last_message="bad", last_finished="2026-11-20T11:58:00Z", restarts=3
)


def test_ready_between_two_crashes_is_not_trusted() -> None:
    seen = [pod("a", replace(CRASHED, ready=True))]

    problem = pod_problems.looping_problem(seen, NOW)

    assert problem == PodProblem(
        "ContainerFailed", "pod a, container triton ended with code 1: bad"
    )
    assert pod_problems.trusted_again_seconds(seen, NOW) == 180
    assert pod_problems.looping_problem(seen, NOW + 180) is None


@pytest.mark.parametrize(
    "container",
    [
        replace(CRASHED, ready=True, restarts=1),
        replace(CRASHED, ready=True, last_exit_code=0, name="fetch"),
        replace(CRASHED, ready=True, last_finished="2026-11-20T10:00:00Z"),
    ],
    ids=["once", "without an error", "long ago"],
)
def test_one_crash_is_no_loop(container: ContainerView) -> None:
    assert pod_problems.looping_problem([pod("a", container)], NOW) is None


def test_a_lost_pod_is_the_problem() -> None:
    lost = replace(pod("a"), lost="Evicted: The node was low on resource: memory.", node="n1")

    problem = pod_problem([lost])

    assert problem is not None
    assert problem.reason == "PodLost"
    assert problem.message.startswith("pod a on n1: Evicted: The node was low on resource")


def test_a_lost_pod_explains_its_successor_for_a_while() -> None:
    lost = replace(pod("a"), lost="Evicted", lost_since="2026-11-20T11:59:00Z")
    starting = pod("b", created="2026-11-20T11:59:30Z")

    assert pod_problem([lost, starting]) is not None
    assert pod_problem([replace(lost, lost_since="2026-11-20T10:00:00Z"), starting]) is None


@pytest.mark.parametrize(
    ("reason", "message", "expected", "says"),
    [
        (
            "ImagePullBackOff",
            'Back-off pulling image "x:1": ErrImagePull: failed to resolve x:1: no such host',
            "ImagePullFailed",
            "container triton: ErrImagePull: failed to resolve x:1: no such host; correct the "
            "spec.runtime.image",
        ),
        (
            "CreateContainerConfigError",
            'secret "token" not found',
            "SecretNotFound",
            'Secret "token" not found',
        ),
        (
            "CreateContainerConfigError",
            "couldn't find key k in ConfigMap shop/c",
            "ContainerFailed",
            "correct spec.runtime.env",
        ),
        (
            "RunContainerError",
            "container init was OOM-killed (memory limit too low?)",
            "OutOfMemory",
            "needed more memory than its limit of 4Mi; set spec.hardware.resources.memory",
        ),
    ],
)
def test_a_container_that_cannot_be_made(
    reason: str, message: str, expected: str, says: str
) -> None:
    problem = pod_problem([pod("a", replace(waiting(reason, message), memory_limit="4Mi"))])

    assert problem is not None
    assert problem.reason == expected
    assert says in problem.message
