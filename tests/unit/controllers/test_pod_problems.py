"""What is wrong with pods: the newest that has a problem speaks, in its own words."""

from typing import NamedTuple

import pytest

from triton_operator.api.inspection import Failure, Report, encode_report
from triton_operator.controllers.pod_problems import newest, pod_problem
from triton_operator.controllers.views import ContainerView, PodView

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
        Row("succeeded", [pod("a", ended(0, "Completed"))], None, "an end without an error"),
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
