"""What `explain` says of a service, from what was read of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.controllers.cluster import Cluster
from tests.unit.controllers.world import (
    DEPLOYMENT,
    NOW,
    ago,
    edit,
    failed,
    first_sight,
    inspecting,
    inspection_failed,
    rolling,
    serving,
    step,
)
from triton_operator.api.conditions import Condition
from triton_operator.cli.explanation import EVENTS_SHOWN, Explanation, Read, explanation
from triton_operator.controllers.cluster_events import EventView
from triton_operator.controllers.transition_events import is_bad
from triton_operator.controllers.views import PodView, ServiceView, view_of


def read(cluster: Cluster, **more: Any) -> Read:
    service = view_of("InferenceService", cluster.one("InferenceService"))
    assert isinstance(service, ServiceView)
    pods = [view_of("Pod", body) for body in cluster.of_kind("Pod")]
    return Read(service, [pod for pod in pods if isinstance(pod, PodView)], now=NOW, **more)


def explained(cluster: Cluster, **more: Any) -> Explanation:
    return explanation(read(cluster, **more))


def crashing() -> Cluster:
    cluster = serving()
    cluster.roll_out(DEPLOYMENT, ready=0)
    last = {"terminated": {"exitCode": 1, "message": "failed to load 'filetype': bad"}}
    state = {"waiting": {"reason": "CrashLoopBackOff"}}
    container = {"name": "triton", "state": state, "lastState": last, "restartCount": 3}
    cluster.put_pod("filetype-cpu-1", containers=[container])
    return cluster


def test_a_service_that_serves() -> None:
    found = explained(serving())

    assert found.is_ready
    assert found.summary.startswith("shop/filetype: Ready=True Serving since ")
    assert found.summary.endswith("1 of 1 replicas ready")
    assert found.troubles == ()
    assert found.next_steps == ("kubectl -n shop port-forward service/filetype 8000:8000",)


@pytest.mark.parametrize(
    "type_", ["AutoscalerConflict", "ScalingLimited", "CapacityExceeded", "ResidencyConstrained"]
)
@pytest.mark.parametrize("status", ["True", "False"])
def test_what_is_bad_when_it_is_true(type_: str, status: str) -> None:
    row = {"type": type_, "status": status, "reason": "Words", "message": "so it is"}
    condition = Condition.model_validate(
        {**row, "observedGeneration": 1, "lastTransitionTime": "2026-11-20T12:00:00Z"}
    )

    assert is_bad(condition) is (status == "True")


def test_a_service_of_a_fleet_is_nobody_s_mistake() -> None:
    cluster = first_sight(managedBy="serving.triton-operator.io/fleet")
    found = explained(cluster)

    assert found.summary == (
        "shop/filetype: is managed by serving.triton-operator.io/fleet; operators make nothing of "
        "it in this cluster, and no hub has looked at it: it is applied where the fleet's hub runs "
        "(the chart's hub.enabled)"
    )
    assert found.next_steps == ()
    cluster.observe("InferenceService", "shop", "filetype", placement={"clusters": []})
    assert explained(cluster).summary.endswith("operators make nothing of it in this cluster")


def test_one_cause_is_one_trouble_whatever_conditions_show_it() -> None:
    cluster = inspection_failed()
    step(cluster, now=NOW)

    found = explained(cluster)

    assert not found.is_ready
    first = found.troubles[0]
    assert (first.conditions, first.status, first.reason) == (
        ("Ready", "ModelReady"),
        "False",
        "NotAModel",
    )
    assert "not an ONNX model" in first.message


def test_what_waits_is_told_too_but_not_what_this_version_never_knows() -> None:
    found = explained(rolling())

    shown = {name for trouble in found.troubles for name in trouble.conditions}
    assert shown == {"Ready"}
    assert found.troubles[0].reason == "RollingOut"


def test_what_pods_say_now_is_told_before_the_status_does() -> None:
    """The operator may be away, or a moment behind."""
    cluster = crashing()

    found = explained(cluster)

    assert found.ready == "True"
    assert [(row.conditions, row.reason) for row in found.troubles] == [
        (("(pods)",), "ModelLoadFailed")
    ]
    step(cluster, now=NOW)
    assert explained(cluster).troubles[0].conditions[0] == "Ready"


def test_a_pod_that_nobody_needs_any_more_is_no_trouble() -> None:
    cluster = serving()
    running = {"running": {"startedAt": ago(60)}}
    cluster.put_pod(
        "filetype-cpu-1", containers=[{"name": "triton", "ready": True, "state": running}]
    )
    cluster.put_pod("evicted", phase="Failed", created=ago(9000))
    cluster.observe("Pod", "shop", "evicted", reason="Evicted")

    assert explained(cluster).troubles == ()


def test_a_spec_that_nobody_looked_at_is_not_ready() -> None:
    cluster = serving()
    edit(batching={"maxBatchSize": 2})(cluster)

    found = explained(cluster)

    assert not found.is_ready
    assert "the newest spec (generation 2) has not been looked at yet" in found.summary


def test_a_service_that_no_operator_has_seen() -> None:
    found = explained(first_sight())

    assert found.reason == "NotSeen"
    assert "no operator has looked at it" in found.summary
    assert "app.kubernetes.io/name=triton-operator" in found.next_steps[0]


def test_pods_are_told_with_the_container_that_matters() -> None:
    (pod,) = explained(crashing()).pods

    assert (pod.name, pod.state, pod.restarts) == (
        "filetype-cpu-1",
        "triton: CrashLoopBackOff",
        3,
    )


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({"unschedulable": "0/1 nodes"}, "Unschedulable"),
        (
            {"containers": [{"name": "triton", "state": {"running": {"startedAt": ago(9)}}}]},
            "triton: running, not ready",
        ),
        ({"containers": [{"name": "triton", "ready": True}]}, "Ready"),
        (
            {
                "init_containers": [{"name": "fetch", "state": {"running": {}}}],
                "containers": [{"name": "triton", "state": {"waiting": {"reason": "Pod"}}}],
            },
            "fetch: running, not ready",
        ),
    ],
)
def test_states_of_a_pod(status: dict[str, Any], state: str) -> None:
    cluster = serving()
    cluster.put_pod("filetype-cpu-1", **status)

    assert [pod.state for pod in explained(cluster).pods] == [state]


def test_the_last_events_in_order() -> None:
    events = [EventView(f"R{number}", "m", NOW + number, number) for number in range(20)]

    found = explained(serving(), events={"a": events[10:], "b": events[:10]})

    assert [row["reason"] for row in found.events] == [f"R{n}" for n in range(20)][-EVENTS_SHOWN:]


def test_next_steps_name_the_pods_that_there_are() -> None:
    found = explained(crashing())
    step(cluster := crashing(), now=NOW)
    steps = explained(cluster).next_steps

    assert steps[0] == "kubectl -n shop logs filetype-cpu-1 -c triton --previous"
    assert found.next_steps
    assert not [line for line in steps if "{" in line]


AGAIN = "kubectl -n shop delete job -l serving.triton-operator.io/service=filetype"
KEYS = "kubectl -n shop describe secret store"


@pytest.mark.parametrize(
    ("reason", "secret", "steps"),
    [
        ("NotAModel", {}, [AGAIN]),
        ("NotAModel", {"secretName": "store"}, [AGAIN]),
        ("SourceForbidden", {}, [AGAIN]),
        ("SourceForbidden", {"secretName": "store"}, [KEYS, AGAIN]),
        ("CredentialsInvalid", {"secretName": "store"}, [KEYS, AGAIN]),
    ],
)
def test_a_failed_inspection_can_be_tried_again_at_once(
    reason: str, secret: dict[str, str], steps: list[str]
) -> None:
    """A Secret that was mended, or a file that was put there, wakes nobody."""
    cluster = first_sight()
    edit(model={"uri": "https://models/a.onnx", **secret})(cluster)
    step(cluster)
    cluster.end_job(failed(reason, "no", retryable=False), at=ago(10), failed=True, exit_code=2)
    step(cluster, now=NOW)

    found = explained(cluster).next_steps

    assert [line for line in found if line in (KEYS, AGAIN)] == steps


def trying_again() -> Cluster:
    """The reason of the failure stays while the next inspection runs."""
    cluster = inspection_failed()
    step(cluster, now=NOW)
    cluster.put_pod("filetype-inspect-2", job="filetype-inspect", created=ago(1))
    return cluster


@pytest.mark.parametrize("world", [inspecting, serving, crashing, trying_again])
def test_only_an_inspection_that_ended_is_tried_again(world: Callable[[], Cluster]) -> None:
    assert AGAIN not in explained(world()).next_steps


def test_an_inspection_that_runs_is_not_ready() -> None:
    cluster = inspecting()
    container = {"name": "inspect", "ready": True, "state": {"running": {"startedAt": ago(9)}}}
    cluster.put_pod("filetype-inspect-1", job="filetype-inspect", containers=[container])

    assert [pod.state for pod in explained(cluster).pods] == ["Running"]


def test_no_step_is_about_a_pod_that_is_not_there() -> None:
    cluster = crashing()
    step(cluster, now=NOW)

    found = explanation(replace(read(cluster), pods=()))

    assert not [line for line in found.next_steps if "-c triton" in line]
