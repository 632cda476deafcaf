"""A copy that pods cannot make again: FP32 comes back, and stays."""

import asyncio
from copy import deepcopy
from typing import Any

import pytest

from tests.unit.controllers.cluster import Body, Cluster
from tests.unit.controllers.shell import FILETYPE, serving_shell
from tests.unit.controllers.test_converting import COPY, condition, fails, profile, row
from tests.unit.controllers.world import DEPLOYMENT, NOW, ago, edit, serving, step
from tests.unit.planning.building import DIGEST, measurement
from triton_operator.api.group import API_VERSION
from triton_operator.api.model_profile import Conversion
from triton_operator.api.tool_versions import tool_versions
from triton_operator.controllers.errors import ApiError, ApiRefused, ApiUnavailable
from triton_operator.controllers.observed import Outcome
from triton_operator.manifests import names

POD = "filetype-cpu-2"
PROFILE = names.measured_profile(DIGEST)
KILLED = {"exitCode": 137, "reason": "OOMKilled"}
MISMATCH = {"exitCode": 2, "message": fails("DigestMismatch")}
DISK_FULL = {"exitCode": 1, "message": fails("WriteFailed", retryable=True)}


def put_profile(cluster: Cluster, name: str, *rows: Conversion) -> None:
    cluster.put(
        {
            "apiVersion": API_VERSION,
            "kind": "ModelProfile",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"digest": DIGEST, "conversions": [one.wire() for one in rows]},
        }
    )


def adopting(name: str = PROFILE, **changes: Any) -> Cluster:
    """A copy is accepted, by the operator's own profile or another one, and is written."""
    cluster = serving()
    put_profile(cluster, name, row(agreement="1", **changes))
    edit(precision={"mode": "INT8"})(cluster)
    step(cluster, now=NOW)
    assert precision(step(cluster, now=NOW)) == "INT8"
    return cluster


def put_new_pod(
    cluster: Cluster, name: str = POD, triton: dict[str, Any] | None = None, **status: Any
) -> Body:
    """The first pod of the Deployment as it is now; `status` is its container's that converts, and
    `triton` that of the server."""
    body = cluster.put_pod(
        name,
        init_containers=[{"name": "convert", **status}],
        containers=[{"name": "triton", **triton}] if triton else [],
    )
    unready = {"type": "Ready", "status": "False", "lastTransitionTime": ago(600)}
    body["status"] |= {"startTime": ago(600), "conditions": [unready]}
    template = cluster.one("Deployment")["spec"]["template"]["spec"]
    return cluster.put({**body, "spec": {"initContainers": template["initContainers"]}})


def precision(outcome: Outcome) -> str:
    assert outcome.status is not None
    return str(outcome.status["pools"][0]["precision"])


def profiles(outcome: Outcome) -> list[Body]:
    return [one for one in outcome.apply if one["kind"] == "ModelProfile"]


def converts(cluster: Cluster) -> bool:
    """Whether new pods make a copy."""
    template = cluster.one("Deployment")["spec"]["template"]["spec"]
    return "convert" in [one["name"] for one in template["initContainers"]]


def test_the_plan_returns_to_fp32_and_stays_when_the_pod_is_gone() -> None:
    cluster = adopting()
    (before,) = deepcopy(profile(cluster)["conversions"])
    put_new_pod(cluster, state={"terminated": MISMATCH})
    outcome = step(cluster, now=NOW)

    assert precision(outcome) == "FP32"
    status, reason, message = condition(outcome)
    assert (status, reason) == ("False", "CopyRejected")
    for words in (POD, "in its own words", f"delete ModelProfile {PROFILE}"):
        assert words in message
    (kept,) = deepcopy(profile(cluster)["conversions"])
    assert kept.pop("refusal") in message
    assert kept.pop("time") > before.pop("time")
    assert kept == before

    assert not profiles(step(cluster, now=NOW + 5)), "it is written once"
    cluster.remove("Pod", "shop", POD)
    cluster.roll_out(DEPLOYMENT)
    for seconds in (10, 7 * 86400):
        outcome = step(cluster, now=NOW + seconds)
        assert precision(outcome) == "FP32"
        assert condition(outcome)[1] == "CopyRejected"
        assert not outcome.measuring, "no Job, and no profile"


def test_deleting_the_profile_is_another_try() -> None:
    cluster = adopting()
    put_new_pod(cluster, state={"terminated": MISMATCH})
    step(cluster, now=NOW)
    cluster.remove("Pod", "shop", POD)
    cluster.roll_out(DEPLOYMENT)
    cluster.remove("ModelProfile", "shop", PROFILE)

    assert condition(step(cluster, now=NOW))[:2] == ("Unknown", "Converting")


@pytest.mark.parametrize("time", [ago(3600), "2036-01-01T00:00:00Z"])
def test_an_own_refusal_counts_more_than_a_row_that_somebody_committed(time: str) -> None:
    cluster = adopting("theirs", time=time)
    theirs = cluster.one("ModelProfile", "theirs")["spec"]
    put_new_pod(cluster, state={"terminated": MISMATCH})
    step(cluster, now=NOW)
    cluster.remove("Pod", "shop", POD)

    assert precision(step(cluster, now=NOW)) == "FP32"
    assert profile(cluster)["conversions"][0]["digest"] == COPY
    assert cluster.one("ModelProfile", "theirs")["spec"] == theirs


@pytest.mark.parametrize("end", [KILLED, DISK_FULL], ids=["killed", "disk full"])
def test_what_may_pass_is_tried_three_times(end: dict[str, Any]) -> None:
    cluster = adopting()
    states: list[tuple[dict[str, Any], str]] = [
        ({"state": {"terminated": end}}, "INT8"),
        ({"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 1}, "INT8"),
        ({"state": {"running": {"startedAt": ago(1)}}, "restartCount": 2}, "INT8"),
        ({"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 2}, "FP32"),
    ]
    for status, expected in states:
        put_new_pod(cluster, lastState={"terminated": end}, **status)
        assert precision(step(cluster, now=NOW)) == expected, status


@pytest.mark.parametrize(("end", "expected"), [(KILLED, "INT8"), (MISMATCH, "FP32")])
def test_one_node_that_is_full_does_not_take_the_copy_from_all(
    end: dict[str, Any], expected: str
) -> None:
    """Where others have made it, only a pod's own word that it never will counts."""
    cluster = adopting()
    put_new_pod(cluster, "filetype-cpu-1", state={"terminated": {"exitCode": 0}})
    status = cluster.objects["Pod", "shop", "filetype-cpu-1"]["status"]
    status["conditions"] = [{"type": "Ready", "status": "True", "lastTransitionTime": ago(60)}]
    put_new_pod(cluster, state={"terminated": end}, lastState={"terminated": end}, restartCount=5)

    assert precision(step(cluster, now=NOW)) == expected


@pytest.mark.parametrize("error", [ApiRefused(403, "Forbidden", "no"), ApiUnavailable(503, "", "")])
def test_what_nobody_would_remember_is_not_done(error: ApiError) -> None:
    """Without the refusal in the profile, the copy would be rolled out again as soon as the pod
    that could not make it is gone."""
    shell = serving_shell()
    cluster = shell.cluster

    async def scenario() -> None:
        put_profile(cluster, PROFILE, row(agreement="1", toolVersions=tool_versions()))
        edit(precision={"mode": "INT8"})(cluster)
        await shell.run()
        assert converts(cluster)
        put_new_pod(cluster, state={"terminated": MISMATCH})
        cluster.failures["apply", "ModelProfile"] = [error] * 99
        await shell.run()
        assert converts(cluster)
        cluster.failures.clear()
        shell.queue.add(FILETYPE)
        await shell.run()

    asyncio.run(scenario())

    assert not converts(cluster)
    assert profile(cluster)["conversions"][0]["refusal"]


def test_a_copy_that_is_made_in_the_end_is_made() -> None:
    cluster = adopting()
    put_new_pod(
        cluster,
        state={"terminated": {"exitCode": 0}},
        lastState={"terminated": KILLED},
        restartCount=5,
        ready=True,
    )

    assert precision(step(cluster, now=NOW)) == "INT8"


MADE = {"state": {"terminated": {"exitCode": 0}}, "ready": True}
NOT_LOADED = {"exitCode": 1, "message": "E1128 failed to load 'filetype' version 1: no such kernel"}
THIRD_END = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 2}
"""The first try is not counted among restarts."""


@pytest.mark.parametrize("end", [KILLED, NOT_LOADED], ids=["killed", "does not load"])
def test_a_copy_with_which_triton_does_not_come_up_is_rejected_too(end: dict[str, Any]) -> None:
    cluster = adopting()
    states: list[tuple[dict[str, Any], str]] = [
        ({"state": {"terminated": end}}, "INT8"),
        ({"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 1}, "INT8"),
        ({"state": {"running": {"startedAt": ago(1)}}, "restartCount": 2}, "INT8"),
        (THIRD_END, "FP32"),
    ]
    for status, expected in states:
        put_new_pod(cluster, triton={"lastState": {"terminated": end}, **status}, **MADE)
        outcome = step(cluster, now=NOW)
        assert precision(outcome) == expected, status

    (kept,) = profile(cluster)["conversions"]
    assert "Triton does not come up with it" in kept["refusal"]
    assert POD in kept["refusal"]
    if end is NOT_LOADED:
        assert "no such kernel" in kept["refusal"]
    cluster.remove("Pod", "shop", POD)
    cluster.roll_out(DEPLOYMENT)
    assert precision(step(cluster, now=NOW + 7 * 86400)) == "FP32"


@pytest.mark.parametrize("seconds", [0, 60])
def test_a_server_that_was_ready_does_not_take_its_copy_along(seconds: int) -> None:
    """It ends for want of memory under load: neither that pod nor a new one says that the copy
    cannot be loaded."""
    cluster = adopting()
    crashed = {"lastState": {"terminated": KILLED}, **THIRD_END}
    for name in (POD, "filetype-cpu-3"):
        put_new_pod(cluster, name, triton=crashed, **MADE)
    was = cluster.objects["Pod", "shop", POD]["status"]["conditions"][0]
    was["lastTransitionTime"] = ago(600 - seconds)

    assert precision(step(cluster, now=NOW)) == ("INT8" if seconds else "FP32")


def test_a_copy_that_has_served_stays_though_all_its_pods_are_new() -> None:
    cluster = adopting()
    cluster.roll_out(DEPLOYMENT)
    assert condition(step(cluster, now=NOW))[:2] == ("True", "SmokeTestOnly")
    put_new_pod(cluster, triton={"lastState": {"terminated": KILLED}, **THIRD_END}, **MADE)

    assert precision(step(cluster, now=NOW)) == "INT8"


def test_pods_that_go_or_make_another_copy_say_nothing() -> None:
    cluster = adopting()
    put_new_pod(cluster, state={"terminated": MISMATCH})
    cluster.objects["Pod", "shop", POD]["metadata"]["deletionTimestamp"] = ago(1)
    assert precision(step(cluster, now=NOW)) == "INT8"

    del cluster.objects["Pod", "shop", POD]["metadata"]["deletionTimestamp"]
    other = row(agreement="1", digest="sha256:" + "99" * 32, time="2026-11-20T11:30:00Z")
    put_profile(cluster, PROFILE, other)
    assert precision(step(cluster, now=NOW)) == "INT8"


def test_numbers_in_the_profile_are_kept() -> None:
    cluster = adopting()
    rows = [measurement({1: 30}).wire()]
    cluster.one("ModelProfile", PROFILE)["spec"]["measurements"] = rows
    put_new_pod(cluster, state={"terminated": MISMATCH})
    (written,) = profiles(step(cluster, now=NOW))

    assert written["spec"]["conversions"][0]["refusal"]
    assert written["spec"]["measurements"] == rows
