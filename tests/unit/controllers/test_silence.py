"""Whose Events are asked for, and when to look again without being woken."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.controllers.cluster import Cluster
from tests.unit.controllers.world import (
    DEPLOYMENT,
    NOW,
    ago,
    first_sight,
    inspecting,
    observed,
    serving,
)
from triton_operator.controllers.observed import Observed
from triton_operator.controllers.silence import (
    LOOKS_SECONDS,
    PATIENCE_SECONDS,
    next_look_seconds,
    to_ask,
)

LOOK = LOOKS_SECONDS[0][1]
CREATING = [{"name": "triton", "state": {"waiting": {"reason": "ContainerCreating"}}}]


def with_pod(
    name: str = "filetype-cpu-1", age: float = 60, node: str = "n1", **parts: Any
) -> Observed:
    cluster = serving()
    cluster.roll_out(DEPLOYMENT, ready=0)
    cluster.put_pod(name, created=ago(age), node=node, **parts)
    return observed(cluster)


def running(age: float, **parts: Any) -> list[dict[str, Any]]:
    return [{"name": "triton", "state": {"running": {"startedAt": ago(age)}}, **parts}]


def asked(seen: Observed) -> list[str]:
    return [view.name for view in to_ask(seen)]


def test_looks_become_rarer() -> None:
    looks = [
        next_look_seconds(with_pod(age=age, phase="Pending", containers=CREATING))
        for age in (5, 119, 120, 899, 900, 90_000)
    ]

    assert looks == [4, 4, 8, 8, 30, 30]


def test_a_pod_without_a_node_waits_for_the_scheduler() -> None:
    seen = with_pod(phase="Pending", node="")

    assert (asked(seen), next_look_seconds(seen)) == ([], None)


def test_where_all_is_well_nobody_is_asked_and_nothing_is_due() -> None:
    seen = observed(serving())

    assert (asked(seen), next_look_seconds(seen)) == ([], None)


def test_a_pod_that_is_not_started_is_given_a_moment() -> None:
    seen = with_pod(age=1, phase="Pending", containers=CREATING)

    assert (asked(seen), next_look_seconds(seen)) == ([], PATIENCE_SECONDS - 1)


def test_then_its_events_are_asked_for_again_and_again() -> None:
    seen = with_pod(age=2, phase="Pending", containers=CREATING)

    assert (asked(seen), next_look_seconds(seen)) == (["filetype-cpu-1"], LOOK)


def test_a_pod_created_in_the_future_is_not_waited_for() -> None:
    """The API server's clock may be ahead of the operator's."""
    seen = with_pod(age=-100, phase="Pending", containers=CREATING)

    assert (asked(seen), next_look_seconds(seen)) == (["filetype-cpu-1"], LOOK)


@pytest.mark.parametrize(
    "parts",
    [
        {"unschedulable": "0/1 nodes", "phase": "Pending"},
        {
            "phase": "Pending",
            "containers": [{"name": "triton", "state": {"waiting": {"reason": "ErrImagePull"}}}],
        },
    ],
    ids=["scheduler", "image"],
)
def test_a_pod_that_says_it_itself_is_not_asked(parts: dict[str, Any]) -> None:
    seen = with_pod(**parts)

    assert (asked(seen), next_look_seconds(seen)) == ([], None)


def test_a_server_that_runs_and_is_not_ready_is_asked() -> None:
    assert asked(with_pod(containers=running(10))) == ["filetype-cpu-1"]
    assert asked(with_pod(containers=running(10, ready=True))) == []


def test_a_pod_that_fetches_its_model_is_busy_not_silent() -> None:
    fetching = [{"name": "fetch", "state": {"running": {"startedAt": ago(60)}}}]

    assert asked(with_pod(phase="Pending", init_containers=fetching)) == []


def test_who_killed_a_container_is_asked() -> None:
    last = {"exitCode": 137, "reason": "Error", "finishedAt": ago(20)}
    state = {"waiting": {"reason": "CrashLoopBackOff"}}
    killed = [{"name": "triton", "state": state, "lastState": {"terminated": last}}]

    assert asked(with_pod(containers=killed)) == ["filetype-cpu-1"]


def test_only_the_newest_pods_are_asked() -> None:
    cluster = serving()
    cluster.remove("Pod", "shop", "filetype-cpu-1")
    for number in range(9):
        cluster.put_pod(f"p-{number}", created=ago(100 - number), phase="Pending", node="n1")

    assert asked(observed(cluster)) == ["p-8", "p-7", "p-6"]


def test_a_pod_that_goes_away_is_not_asked() -> None:
    seen = with_pod(phase="Pending")
    children = [replace(child, deleting=True) for child in seen.children]

    assert asked(replace(seen, children=tuple(children))) == []


def job_of(cluster: Cluster, age: float) -> Observed:
    job = cluster.one("Job")
    cluster.put({**job, "metadata": {**job["metadata"], "creationTimestamp": ago(age)}})
    return observed(cluster)


def test_a_job_without_pods_is_asked() -> None:
    seen = job_of(inspecting(), 3)

    assert asked(seen) == [seen.children[0].name]
    assert next_look_seconds(seen) == LOOK


def test_a_job_with_a_pod_is_not() -> None:
    cluster = inspecting()
    cluster.put_pod("x", job=cluster.one("Job")["metadata"]["name"], phase="Running")

    assert asked(job_of(cluster, 3)) == []


def test_nothing_is_there_to_ask_at_first_sight() -> None:
    assert next_look_seconds(observed(first_sight())) is None


def test_a_crash_loop_that_looks_ready_is_looked_at_when_it_may_be_trusted_again() -> None:
    last = {"exitCode": 1, "finishedAt": ago(100)}
    container = running(90, ready=True, restartCount=3, lastState={"terminated": last})
    cluster = serving()
    cluster.put_pod("filetype-cpu-1", containers=container)

    assert next_look_seconds(observed(cluster)) == 200
    assert next_look_seconds(observed(cluster, now=NOW + 201)) is None
