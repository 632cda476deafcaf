"""Measuring as a part of reconcile: on demand, beside what serves, once, and never in a loop."""

import asyncio
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.controllers.cluster import Body, Cluster
from tests.unit.controllers.shell import serving_shell
from tests.unit.controllers.world import (
    DEPLOYMENT,
    NOW,
    absorb,
    ago,
    edit,
    first_sight,
    observed,
    planned,
    serving,
    step,
)
from tests.unit.planning.building import (
    COPY_DIGEST,
    DIGEST,
    TOOLS,
    conversion,
    facts,
    gpu_pool,
    pool,
    resources,
)
from triton_operator.api import labels
from triton_operator.api.enums import Engine
from triton_operator.api.inspection import Failure
from triton_operator.api.measurement_report import MeasurementReport, encode_measurement
from triton_operator.api.model_profile import Measurement
from triton_operator.controllers.errors import ApiError, ApiRefused, ApiUnavailable
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.observed import Outcome
from triton_operator.manifests import names
from triton_operator.manifests.desired_hash import with_desired_hash
from triton_operator.manifests.model_profile import profile_of_facts, profile_of_findings
from triton_operator.planning.pools import Pool

ASKED = {"mode": "IfUnknown", "budgetSeconds": 60}
PROFILE = names.measured_profile(DIGEST)


def asked() -> Cluster:
    """It serves, and somebody asks how fast it is."""
    cluster = serving()
    edit(measurement=ASKED)(cluster)
    return cluster


def measuring() -> Cluster:
    """The Job runs."""
    cluster = asked()
    step(cluster)
    return cluster


TIMES = [
    {"batchSize": 1, "milliseconds": "8.5"},
    {"batchSize": 2, "milliseconds": "9.5"},
    {"batchSize": 4, "milliseconds": "11"},
]
"""Of these, the plan takes the largest batch, as it does without."""


def row(**changes: Any) -> Measurement:
    return Measurement.model_validate(
        {
            "precision": "FP32",
            "engine": "onnxruntime",
            "hardware": {"cpu": "EPYC", "tritonRelease": "26.09"},
            "latency": [dict(one) for one in TIMES],
            "ended": "Slower",
            "throughput": "118",
            "source": "Measured",
            "time": "2026-11-20T11:00:00Z",
            **changes,
        }
    )


def numbers(**changes: Any) -> str:
    return encode_measurement(MeasurementReport(measurement=row(**changes)))


def refused(reason: str, *, retryable: bool = False) -> str:
    failure = Failure(reason=reason, message="in its own words", retryable=retryable)
    return encode_measurement(MeasurementReport(failure=failure))


def end(
    cluster: Cluster,
    message: str,
    *,
    at: str,
    failed: bool = False,
    triton: Body | None = None,
    name: str = "",
) -> None:
    """The pod of the Job ends, then the Job. `triton` is more about the sidecar's status."""
    job = name or cluster.one("Job")["metadata"]["name"]
    state = {"terminated": {"exitCode": 2 if failed else 0, "message": message}}
    sidecar = {"name": "triton", "state": {"terminated": {"exitCode": 0}}, **(triton or {})}
    cluster.put_pod(
        f"{job}-x",
        job=job,
        role=labels.MEASURE,
        phase="Failed" if failed else "Succeeded",
        containers=[{"name": "measure", "state": state}] if message else [],
        init_containers=[sidecar],
    )
    ended: Body = {"type": "Complete", "status": "True", "lastTransitionTime": at}
    if failed:
        ended |= {"type": "Failed", "reason": "BackoffLimitExceeded", "message": "it failed"}
    cluster.observe("Job", "shop", job, conditions=[ended])


def job_name(job: Body) -> str:
    return str(job["metadata"]["name"])


def condition(outcome: Outcome) -> tuple[str, str, str]:
    assert outcome.status is not None
    for one in outcome.status["conditions"]:
        if one["type"] == "ModelMeasured":
            return one["status"], one["reason"], one["message"]
    return "", "", ""


def jobs(outcome: Outcome) -> list[Body]:
    return [one for one in outcome.measuring if one["kind"] == "Job"]


def test_nobody_asked() -> None:
    outcome = reconcile(observed(serving()))

    assert condition(outcome) == ("", "", "")
    assert not jobs(outcome)


def test_it_begins_when_the_service_serves() -> None:
    cluster = planned()
    edit(measurement=ASKED)(cluster)
    before = reconcile(observed(cluster))
    after = reconcile(observed(asked()))

    assert condition(before)[:2] == ("Unknown", "WaitingToMeasure")
    assert not jobs(before)
    assert condition(after)[:2] == ("Unknown", "Measuring")
    (job,) = jobs(after)
    assert job["metadata"]["name"] in condition(after)[2]


def test_what_serves_stays_as_it_is() -> None:
    """Neither the Deployment nor whether the service is ready has to do with it."""
    cluster = serving()
    before = reconcile(observed(cluster))
    edit(measurement=ASKED)(cluster)
    after = reconcile(observed(cluster))

    kinds = ("Deployment", "Service", "PodDisruptionBudget")
    assert [m for m in before.apply if m["kind"] in kinds] == [
        m for m in after.apply if m["kind"] in kinds
    ]
    assert not after.delete
    ready = [c for c in after.status["conditions"] if c["type"] == "Ready"]  # type: ignore[index]
    assert ready[0]["status"] == "True"


def test_the_config_comes_before_the_job_that_mounts_it() -> None:
    outcome = reconcile(observed(asked()))
    (job,) = jobs(outcome)
    (volume,) = [v for v in job["spec"]["template"]["spec"]["volumes"] if v["name"] == "config"]
    order = [(m["kind"], m["metadata"]["name"]) for m in (*outcome.apply, *outcome.measuring)]

    config = ("ConfigMap", volume["configMap"]["name"])
    assert order.index(config) < order.index(("Job", job["metadata"]["name"]))
    assert len(order) == len(set(order))


def test_while_it_runs_nothing_changes() -> None:
    cluster = measuring()
    job = cluster.one("Job")["metadata"]["name"]
    cluster.put_pod(
        f"{job}-x",
        job=job,
        role=labels.MEASURE,
        containers=[{"name": "measure", "state": {"running": {"startedAt": ago(9)}}}],
        init_containers=[{"name": "triton", "ready": True, "state": {"running": {}}}],
    )
    outcome = reconcile(observed(cluster))

    assert condition(outcome)[:2] == ("Unknown", "Measuring")
    assert not outcome.delete


def test_the_end_of_triton_is_no_failure_once_the_numbers_are_there() -> None:
    """The kubelet ends the sidecar before the Job is seen to have ended."""
    cluster = measuring()
    job = cluster.one("Job")
    end(cluster, numbers(), at=ago(5))
    cluster.observe("Job", "shop", job["metadata"]["name"], conditions=[])

    assert condition(reconcile(observed(cluster)))[:2] == ("Unknown", "Measuring")


def test_numbers_become_a_profile_and_the_job_goes() -> None:
    cluster = measuring()
    end(cluster, numbers(), at=ago(5))
    outcome = step(cluster, now=NOW)
    profile = cluster.one("ModelProfile", PROFILE)
    (found,) = profile["spec"]["measurements"]

    assert "ownerReferences" not in profile["metadata"]
    assert profile["spec"]["digest"] == DIGEST
    assert found["latency"] == TIMES
    assert (found["source"], found["throughput"]) == ("Measured", "118")
    assert (found["instances"], found["time"]) == (1, ago(5))

    outcome = step(cluster, now=NOW)
    assert condition(outcome)[:2] == ("True", "Measured")
    assert {child.kind for child in outcome.delete} == {"Job", "ConfigMap"}
    assert not list(cluster.of_kind("Job"))
    outcome = step(cluster, now=NOW + 7 * 86400)
    assert not jobs(outcome)


def test_the_job_is_believed_in_its_numbers_only() -> None:
    """It had to do with an untrusted file: what the numbers are of, the operator knows itself."""
    cluster = measuring()
    false = {"product": "H200", "cpu": "EPYC", "tritonRelease": "20.01"}
    said = numbers(precision="INT8", engine="magic", hardware=false, agreement="1", threads=99)
    end(cluster, said, at=ago(5))
    step(cluster, now=NOW)
    (found,) = cluster.one("ModelProfile", PROFILE)["spec"]["measurements"]

    assert (found["precision"], found["engine"]) == ("FP32", "onnxruntime")
    assert found["hardware"] == {"cpu": "EPYC", "tritonRelease": "26.09"}
    assert found["threads"] == 1
    assert "agreement" not in found


@pytest.mark.parametrize(
    ("said", "written"), [("300Mi", "300Mi"), ("9Gi", "LIMIT"), ("0", None), (None, None)]
)
def test_memory_is_believed_up_to_what_the_container_had(
    said: str | None, written: str | None
) -> None:
    """Its processes may share memory that counts for each of them."""
    cluster = measuring()
    triton = cluster.one("Job")["spec"]["template"]["spec"]["initContainers"][1]
    end(cluster, numbers(memory=said), at=ago(5))
    step(cluster, now=NOW)
    (found,) = cluster.one("ModelProfile", PROFILE)["spec"]["measurements"]

    limit = triton["resources"]["limits"]["memory"]
    assert found.get("memory") == (limit if written == "LIMIT" else written)


SAMPLED = {
    "model": {
        "uri": "pvc://models/magika/model.onnx",
        "samples": {"uri": "pvc://data/rows.npz"},
    },
    "precision": {"mode": "FP32"},
}
"""Without copies, which would be made first."""
ROWS = "sha256:" + "ef" * 32


def test_samples_that_come_later_are_measured_once() -> None:
    """What made-up inputs took stays beside it, and counts no more."""
    cluster = measuring()
    end(cluster, numbers(samplesDigest=ROWS), at=ago(9))
    step(cluster, now=NOW)
    step(cluster, now=NOW)
    (made_up,) = cluster.one("ModelProfile", PROFILE)["spec"]["measurements"]
    assert "samplesDigest" not in made_up, "the service had none"

    edit(**SAMPLED)(cluster)
    outcome = step(cluster, now=NOW)
    assert condition(outcome)[:2] == ("Unknown", "Measuring")
    slow = [{"batchSize": 1, "milliseconds": "90"}]
    end(cluster, numbers(samplesDigest=ROWS, latency=slow), at=ago(5))
    step(cluster, now=NOW)

    rows = cluster.one("ModelProfile", PROFILE)["spec"]["measurements"]
    assert [one.get("samplesDigest") for one in rows] == [None, ROWS]
    outcome = step(cluster, now=NOW)
    assert condition(outcome)[:2] == ("True", "Measured")
    assert "as measured on samples" in str(outcome.status["pools"])  # type: ignore[index]
    step(cluster, now=NOW)
    assert not jobs(reconcile(observed(cluster)))


def test_what_another_service_had_no_use_for_is_measured_for_this_one() -> None:
    """It took batches of two at most, and the profile is shared."""
    cluster = asked()
    short = row(
        latency=[dict(one) for one in TIMES[:2]], ended="MaxBatchSize", instances=1, threads=1
    )
    cluster.put(profile_of_findings("shop", DIGEST, [short], ()))
    step(cluster)
    cluster.roll_out(DEPLOYMENT)
    outcome = step(cluster)
    assert condition(outcome)[:2] == ("Unknown", "Measuring")

    end(cluster, numbers(), at=ago(5))
    step(cluster, now=NOW)
    (found,) = cluster.one("ModelProfile", PROFILE)["spec"]["measurements"]
    assert (found["latency"], found["ended"]) == (TIMES, "Slower")
    assert condition(step(cluster, now=NOW))[:2] == ("True", "Measured")
    cluster.roll_out(DEPLOYMENT)
    step(cluster, now=NOW)
    assert not jobs(reconcile(observed(cluster)))


@pytest.mark.parametrize(
    ("said", "missing"),
    [({"samplesDigest": None}, "on which samples"), ({"ended": None}, "why it ended")],
)
def test_a_report_that_leaves_something_open_is_a_failure(
    said: dict[str, Any], missing: str
) -> None:
    """An older image: its row would be asked for for ever."""
    cluster = asked()
    edit(**SAMPLED)(cluster)
    step(cluster)
    end(cluster, numbers(**{"samplesDigest": ROWS, **said}), at=ago(5))
    status, reason, message = condition(step(cluster, now=NOW))

    assert (status, reason) == ("False", "MeasurementFailed")
    assert f"{missing}; let Jobs use the image of the operator" in message


def test_who_has_samples_does_not_wait_for_who_has_none() -> None:
    cluster = asked()
    elsewhere(cluster, created=ago(60))
    edit(**SAMPLED)(cluster)

    assert condition(reconcile(observed(cluster)))[:2] == ("Unknown", "Measuring")


def test_a_declared_profile_is_enough() -> None:
    """Whoever commits one has nothing measured, and it is not written to."""
    cluster = asked()
    declared = row(source="Declared").wire()
    name = names.model_profile(DIGEST)
    cluster.edit("ModelProfile", "shop", name, measurements=[declared])
    outcome = reconcile(observed(cluster))

    assert condition(outcome)[:2] == ("True", "Measured")
    assert not jobs(outcome)
    assert not [one for one in outcome.measuring if one["kind"] == "ModelProfile"]


@pytest.mark.parametrize(
    "other",
    [
        {"precision": "INT8"},
        {"engine": "tensorrt"},
        {"hardware": {"product": "NVIDIA-L4"}},
        {"hardware": {"tritonRelease": "25.01"}},
        {"instances": 2},
        {"threads": 7},
        {"latency": []},
    ],
    ids=str,
)
def test_a_profile_of_something_else_is_not(other: dict[str, Any]) -> None:
    cluster = asked()
    name = names.model_profile(DIGEST)
    cluster.edit("ModelProfile", "shop", name, measurements=[row(**other).wire()])

    assert jobs(reconcile(observed(cluster)))


def test_older_rows_of_other_hardware_stay() -> None:
    cluster = measuring()
    old = [row(hardware={"product": "NVIDIA-L4"}).wire(), row(threads=1, instances=1).wire()]
    old[1]["hardware"] = {"cpu": "EPYC", "tritonRelease": "25.01"}
    profile = deepcopy(cluster.one("ModelProfile"))
    profile["metadata"] = {"name": PROFILE, "namespace": "shop"}
    cluster.put({**profile, "spec": {"digest": DIGEST, "measurements": old}})
    end(cluster, numbers(), at=ago(5))
    step(cluster, now=NOW)

    rows = cluster.one("ModelProfile", PROFILE)["spec"]["measurements"]
    assert rows[:2] == old
    assert len(rows) == 3


@pytest.mark.parametrize(("retryable", "pause"), [(True, 900), (False, 6 * 3600)])
def test_a_failure_is_told_and_tried_again_after_a_pause(retryable: bool, pause: int) -> None:
    cluster = measuring()
    name = cluster.one("Job")["metadata"]["name"]
    end(cluster, refused("RequestRefused", retryable=retryable), at=ago(0), failed=True)
    outcome = step(cluster, now=NOW + 1)

    assert condition(outcome)[:2] == ("False", "RequestRefused")
    assert "in its own words" in condition(outcome)[2]
    assert [event.reason for event in outcome.events] == ["RequestRefused"]
    assert outcome.requeue_after_seconds == pause - 1
    assert cluster.one("Job")["metadata"]["name"] == name
    step(cluster, now=NOW + pause - 1)
    assert list(cluster.of_kind("Job")), "it is what is known of the failure"
    outcome = step(cluster, now=NOW + pause)
    assert not list(cluster.of_kind("Job"))
    assert condition(outcome)[:2] == ("False", "RequestRefused")
    assert jobs(reconcile(observed(cluster, now=NOW + pause + 1)))


def test_what_is_changed_is_measured_at_once() -> None:
    """What made the Job fail may be what was changed."""
    cluster = measuring()
    old = cluster.one("Job")["metadata"]["name"]
    end(cluster, refused("RequestRefused"), at=ago(0), failed=True)
    edit(measurement={**ASKED, "budgetSeconds": 600})(cluster)
    outcome = reconcile(observed(cluster))

    (job,) = jobs(outcome)
    assert job["metadata"]["name"] != old


def test_triton_says_itself_why_it_has_no_model() -> None:
    cluster = measuring()
    words = "E1128 failed to load 'filetype' version 1: Invalid argument: no such tensor"
    last = {"lastState": {"terminated": {"exitCode": 1, "message": words}}, "restartCount": 4}
    end(cluster, refused("ModelNotLoaded"), at=ago(5), failed=True, triton=last)
    status, reason, message = condition(reconcile(observed(cluster)))

    assert (status, reason) == ("False", "ModelLoadFailed")
    assert "no such tensor" in message


def test_an_engine_that_does_not_load_is_a_result() -> None:
    """It is written down, told in the plan, and not tried again."""
    cluster = asked()
    own = (pool("cpu", engines=(Engine.OPENVINO,)),)
    known = row(source="Declared", threads=None).wire()
    cluster.edit("ModelProfile", "shop", names.model_profile(DIGEST), measurements=[known])
    outcome = step(cluster, pools=own)
    assert condition(outcome)[:2] == ("Unknown", "Measuring")
    assert "FP32 by OpenVINO" in condition(outcome)[2]

    words = "E1128 failed to load 'filetype' version 1: Not found: backend 'openvino'"
    last = {"lastState": {"terminated": {"exitCode": 1, "message": words}}, "restartCount": 4}
    end(cluster, refused("ModelNotLoaded"), at=ago(5), failed=True, triton=last)
    step(cluster, now=NOW, pools=own)
    (found,) = cluster.one("ModelProfile", PROFILE)["spec"]["measurements"]
    assert (found["engine"], found["latency"], found["source"]) == ("openvino", [], "Measured")
    assert "Not found: backend 'openvino'" in found["refusal"]

    outcome = step(cluster, now=NOW, pools=own)
    assert condition(outcome)[:2] == ("True", "Measured")
    assert "OpenVINO not used: Triton refuses the model" in str(outcome.status)
    step(cluster, now=NOW, pools=own)
    assert not jobs(reconcile(observed(cluster, now=NOW + 7 * 86400, pools=own)))


def test_of_onnx_runtime_itself_it_is_tried_again() -> None:
    """Else nothing would be left to serve with; and the model serves, so it is something else."""
    cluster = measuring()
    end(cluster, refused("ModelNotLoaded"), at=ago(5), failed=True)
    step(cluster, now=NOW)

    assert condition(reconcile(observed(cluster, now=NOW)))[:2] == ("False", "ModelNotLoaded")
    assert not [one for one in cluster.of_kind("ModelProfile") if "measured" in str(one)]


def test_a_report_that_is_none() -> None:
    cluster = measuring()
    end(cluster, "Traceback: something else", at=ago(60), failed=True)
    status, reason, message = condition(reconcile(observed(cluster)))

    assert (status, reason) == ("False", "MeasurementFailed")
    assert "Traceback" in message


def test_a_job_without_a_pod_is_waited_for_and_given_up() -> None:
    cluster = measuring()
    name = cluster.one("Job")["metadata"]["name"]
    ended = {"type": "Failed", "status": "True", "message": "DeadlineExceeded"}
    cluster.observe("Job", "shop", name, conditions=[{**ended, "lastTransitionTime": ago(5)}])
    early = reconcile(observed(cluster))
    late = reconcile(observed(cluster, now=NOW + 20))

    assert condition(early)[:2] == ("Unknown", "Measuring")
    assert early.requeue_after_seconds == 10
    assert condition(late)[:2] == ("False", "MeasurementFailed")
    assert "DeadlineExceeded" in condition(late)[2]


def elsewhere(cluster: Cluster, *, created: str) -> None:
    """Another service of the same model has a Job for it."""
    (job,) = jobs(reconcile(observed(asked())))
    job = deepcopy(job)
    job["metadata"]["name"] = "other-cpu-measure-1"
    job["metadata"]["creationTimestamp"] = created
    job["metadata"]["labels"] |= {labels.SERVICE: "other", labels.OWNER_UID: "uid-other"}
    cluster.put(job)


def test_what_another_service_measures_is_not_measured_twice() -> None:
    cluster = asked()
    elsewhere(cluster, created=ago(60))
    outcome = reconcile(observed(cluster))

    assert condition(outcome)[:2] == ("Unknown", "MeasuredElsewhere")
    assert not jobs(outcome)
    assert outcome.requeue_after_seconds == 60.0


@pytest.mark.parametrize(("created", "stays"), [(ago(90), False), (ago(30), True)])
def test_of_two_that_began_at_once_the_first_goes_on(created: str, stays: bool) -> None:
    cluster = measuring()
    name = cluster.one("Job")["metadata"]["name"]
    body = cluster.objects["Job", "shop", name]
    body["metadata"]["creationTimestamp"] = ago(60)
    elsewhere(cluster, created=created)
    outcome = reconcile(observed(cluster))

    assert bool(jobs(outcome)) is stays
    assert [child.name for child in outcome.delete if child.kind == "Job"] == (
        [] if stays else [name]
    )


def test_paused_starts_nothing() -> None:
    cluster = serving()
    edit(measurement=ASKED, paused=True)(cluster)
    outcome = reconcile(observed(cluster))

    assert condition(outcome)[:2] == ("Unknown", "Paused")
    assert not outcome.apply


def test_who_no_longer_asks_has_no_job() -> None:
    cluster = measuring()
    edit(measurement={"mode": "Never"})(cluster)
    outcome = reconcile(observed(cluster))

    assert condition(outcome) == ("", "", "")
    assert "Job" in [child.kind for child in outcome.delete]
    absorb(cluster, outcome)
    assert not list(cluster.of_kind("Job"))


GPUS = gpu_pool("gpus", product="NVIDIA-L4", accelerators_per_replica=2)
"""Two accelerators per replica."""


def serving_on(pool: Pool, **spec: Any) -> Cluster:
    """It serves on this pool, and somebody asks how fast it is."""
    cluster = first_sight(
        model={"uri": "pvc://models/magika/model.onnx", "digest": DIGEST},
        hardware={"pools": [pool.name]},
        measurement=ASKED,
        **spec,
    )
    cluster.put(with_desired_hash(profile_of_facts("shop", DIGEST, facts())))
    step(cluster, pools=(pool,))
    serve(cluster, pool)
    return cluster


def serve(cluster: Cluster, pool: Pool) -> None:
    """Its rollout ends."""
    cluster.roll_out(f"filetype-{pool.name}")
    running = [{"name": "triton", "state": {"running": {}}}]
    cluster.put_pod(f"filetype-{pool.name}-1", containers=running)


def test_one_job_measures_a_replica_with_several_accelerators() -> None:
    """Instances are per accelerator, for who measures and for who plans."""
    cluster = serving_on(GPUS)
    names_seen = set()
    for _ in range(6):
        outcome = step(cluster, pools=(GPUS,), now=NOW)
        for job in cluster.of_kind("Job"):
            names_seen.add(job["metadata"]["name"])
            end(cluster, numbers(instances=2), at=ago(5))
        serve(cluster, GPUS)
    (found,) = cluster.one("ModelProfile", PROFILE)["spec"]["measurements"]

    assert len(names_seen) == 1
    assert found["instances"] == 1
    assert condition(outcome)[:2] == ("True", "Measured")
    assert not jobs(outcome)


def test_what_is_measured_runs_as_many_instances_as_the_plan() -> None:
    """The plan follows a row of another release: that way is measured on this one."""
    one = pool("cpu", replica_resources=resources("4"))
    cluster = serving_on(one)
    declared = row(
        instances=4, threads=1, hardware={"tritonRelease": "25.01"}, source="Declared"
    ).wire()
    cluster.edit("ModelProfile", "shop", names.model_profile(DIGEST), measurements=[declared])
    step(cluster, pools=(one,))
    serve(cluster, one)
    outcome = step(cluster, pools=(one,))
    (job,) = jobs(outcome)
    (volume,) = [v for v in job["spec"]["template"]["spec"]["volumes"] if v["name"] == "config"]
    config = cluster.one("ConfigMap", volume["configMap"]["name"])["data"]
    end(cluster, numbers(), at=ago(5))
    step(cluster, pools=(one,), now=NOW)
    (found,) = cluster.one("ModelProfile", PROFILE)["spec"]["measurements"]

    assert any("count: 4" in text for text in config.values()), config
    assert (found["instances"], found["threads"]) == (4, 1)
    assert condition(step(cluster, pools=(one,), now=NOW))[:2] == ("True", "Measured")


TWO_CORES = pool("cpu", replica_resources=resources("2"))


def measured_until_the_end(cluster: Cluster, failing: str = "") -> list[str]:
    """What each Job was said to measure, one after the other; `failing` is what fails."""
    said: list[str] = []
    for _ in range(12):
        outcome = step(cluster, pools=(TWO_CORES,), now=NOW)
        serve(cluster, TWO_CORES)
        started = jobs(outcome)
        if outcome.status and condition(outcome)[1] != "Measuring":
            return said
        told = condition(outcome)[2]
        if " measures " not in told:
            continue
        said.append(told.partition(" measures ")[2].partition(", for at most")[0])
        job = next(one["metadata"]["name"] for one in started if one["metadata"]["name"] in told)
        failed = bool(failing) and said[-1].startswith(failing)
        end(
            cluster,
            refused("ModelNotLoaded") if failed else numbers(),
            at=ago(5),
            failed=failed,
            name=job,
        )
    raise AssertionError(f"no end: {said}")


def test_ways_to_use_the_cores_are_measured_one_after_the_other() -> None:
    cluster = serving_on(TWO_CORES)

    said = measured_until_the_end(cluster)

    rows = cluster.one("ModelProfile", PROFILE)["spec"]["measurements"]
    assert said == [
        "FP32 with 1 instance of 2 threads on pool cpu (1 of 2)",
        "FP32 with 2 instances of 1 thread each on pool cpu (2 of 2)",
    ]
    assert [(one["instances"], one["threads"]) for one in rows] == [(1, 2), (2, 1)]
    outcome = step(cluster, pools=(TWO_CORES,), now=NOW)
    assert condition(outcome)[:2] == ("True", "Measured")
    assert not list(cluster.of_kind("Job"))


def test_a_way_that_does_not_run_is_a_result_too() -> None:
    """What the plan runs is measured; the Job that failed stays, and is tried again in its time."""
    cluster = serving_on(TWO_CORES)

    measured_until_the_end(cluster, failing="FP32 with 2 instances")
    outcome = step(cluster, pools=(TWO_CORES,), now=NOW)

    status, reason, message = condition(outcome)
    assert (status, reason) == ("True", "Measured")
    assert "FP32 with 2 instances of 1 thread each on pool cpu: in its own words" in message
    assert len(list(cluster.of_kind("Job"))) == 1
    assert outcome.requeue_after_seconds == 6 * 3600 - 5


def test_what_the_plan_runs_has_to_be_measured() -> None:
    """Others are measured meanwhile, and the failure is what is told in the end."""
    cluster = serving_on(TWO_CORES)

    said = measured_until_the_end(cluster, failing="FP32 with 1 instance")
    outcome = step(cluster, pools=(TWO_CORES,), now=NOW)

    assert len(said) == 2
    rows = cluster.one("ModelProfile", PROFILE)["spec"]["measurements"]
    assert [one["instances"] for one in rows] == [2]
    assert condition(outcome)[:2] == ("True", "Measured"), "that runs now"


def test_a_next_try_waits_for_what_runs() -> None:
    """Or a way that takes longer than the pause would never get its numbers."""
    four = (pool("cpu", replica_resources=resources("4")),)
    cluster = serving_on(*four)

    def turn(seconds: float) -> str:
        outcome = step(cluster, pools=four, now=NOW + seconds)
        serve(cluster, *four)
        return condition(outcome)[2]

    def named(told: str) -> str:
        return next(name for name in map(job_name, cluster.of_kind("Job")) if name in told)

    first = turn(0)
    assert "FP32 with 1 instance" in first
    end(cluster, numbers(), at=ago(5), name=named(first))
    turn(0)
    second = turn(1)
    assert "FP32 with 4 instances" in second
    bad = named(second)
    end(cluster, refused("NoRoom", retryable=True), at=ago(0), failed=True, name=bad)
    third = turn(1)
    assert "FP32 with 2 instances" in third
    runs = named(third)

    for seconds in (899, 901, 902, 903):
        assert "FP32 with 2 instances" in turn(seconds)
        assert runs in map(job_name, cluster.of_kind("Job"))
    assert bad not in map(job_name, cluster.of_kind("Job")), "its pause is over"
    end(cluster, numbers(), at=ago(-903), name=runs)
    turn(904)
    assert "FP32 with 4 instances" in turn(905)
    assert len(list(cluster.of_kind("Job"))) == 1


def with_copy(cluster: Cluster, **changes: Any) -> Outcome:
    """A reconcile that knows of an INT8 copy."""
    seen = observed(cluster, now=NOW)
    known = {DIGEST: (conversion(**changes),)}
    return reconcile(replace(seen, conversions=known, tool_versions=TOOLS))


def test_a_copy_is_measured_once_there_is_something_to_beat() -> None:
    cluster = asked()
    before = with_copy(cluster)
    step(cluster)
    end(cluster, numbers(), at=ago(5))
    step(cluster, now=NOW)
    after = with_copy(cluster)

    assert "measures FP32 with" in condition(before)[2]
    assert "measures INT8 with 1 instance of 1 thread on pool cpu" in condition(after)[2]
    assert len(jobs(after)) == 1
    assert condition(with_copy(cluster, agreement="0.9"))[:2] == ("True", "Measured")
    assert condition(with_copy(cluster, rows=31))[:2] == ("True", "Measured")


LAST_WORDS = "E1128 failed to load 'filetype' version 1: Internal: onnx runtime error 10"


def test_a_copy_that_does_not_load_is_a_result() -> None:
    """It is written down, told in the plan, and not tried again."""
    cluster = asked()
    known = row(source="Declared", threads=None).wire()
    cluster.edit("ModelProfile", "shop", names.model_profile(DIGEST), measurements=[known])
    absorb(cluster, with_copy(cluster))
    last = {"lastState": {"terminated": {"exitCode": 1, "message": LAST_WORDS}}, "restartCount": 4}
    end(cluster, refused("ModelNotLoaded"), at=ago(5), failed=True, triton=last)
    absorb(cluster, with_copy(cluster))

    (found,) = cluster.one("ModelProfile", PROFILE)["spec"]["measurements"]
    assert (found["precision"], found["latency"], found["source"]) == ("INT8", [], "Measured")
    assert found["copyDigest"] == COPY_DIGEST
    assert "onnx runtime error 10" in found["refusal"]
    outcome = with_copy(cluster)
    assert condition(outcome)[:2] == ("True", "Measured")
    assert f"INT8 not used: Triton refuses the model: {LAST_WORDS}" in str(outcome.status)
    absorb(cluster, outcome)
    assert not jobs(with_copy(cluster))


def test_a_copy_that_serves_is_not_refused() -> None:
    """Its pods have loaded it, so that it is something else; in other instances too."""
    cluster = asked()
    edit(precision={"mode": "INT8"}, hardware={"resources": {"cpu": "2"}})(cluster)
    absorb(cluster, with_copy(cluster))
    serve(cluster, pool("cpu"))
    last = {"lastState": {"terminated": {"exitCode": 1, "message": LAST_WORDS}}, "restartCount": 4}
    for instances in ("1 instance", "2 instances"):
        outcome = with_copy(cluster)
        told = condition(outcome)[2]
        assert f"measures INT8 with {instances}" in told
        absorb(cluster, outcome)
        job = next(name for name in map(job_name, jobs(outcome)) if name in told)
        end(cluster, refused("ModelNotLoaded"), at=ago(5), failed=True, triton=last, name=job)
    outcome = with_copy(cluster)

    assert condition(outcome)[:2] == ("False", "ModelLoadFailed")
    assert not [one for one in outcome.measuring if one["kind"] == "ModelProfile"]


@pytest.mark.parametrize(
    "words",
    [
        "onnx runtime error 6: std::bad_alloc",
        "onnx runtime error 6: BFCArena::Extend Failed to allocate memory for 9 bytes",
        "unable to create stream: CUDA-capable device(s) is/are busy or unavailable",
    ],
)
def test_want_of_what_others_use_is_no_refusal(words: str) -> None:
    cluster = asked()
    known = row(source="Declared", threads=None).wire()
    cluster.edit("ModelProfile", "shop", names.model_profile(DIGEST), measurements=[known])
    absorb(cluster, with_copy(cluster))
    message = f"E1128 failed to load 'filetype' version 1: Internal: {words}"
    last = {"lastState": {"terminated": {"exitCode": 1, "message": message}}, "restartCount": 4}
    end(cluster, refused("ModelNotLoaded"), at=ago(5), failed=True, triton=last)
    outcome = with_copy(cluster)

    assert words in condition(outcome)[2]
    assert not [one for one in outcome.measuring if one["kind"] == "ModelProfile"]


def test_a_copy_that_takes_long_to_load_is_tried_again() -> None:
    """It loads as fast as the model does, so that it is the node's fault, or another's."""
    cluster = asked()
    known = row(source="Declared", threads=None).wire()
    cluster.edit("ModelProfile", "shop", names.model_profile(DIGEST), measurements=[known])
    absorb(cluster, with_copy(cluster))
    end(cluster, refused("ModelNotLoaded"), at=ago(5), failed=True)
    outcome = with_copy(cluster)

    assert condition(outcome)[:2] == ("True", "Measured")
    assert "INT8 with 1 instance of 1 thread on pool cpu: in its own words" in condition(outcome)[2]
    assert not [one for one in outcome.measuring if one["kind"] == "ModelProfile"]


def test_a_copy_is_not_measured_where_fp32_cannot_be() -> None:
    cluster = asked()
    step(cluster)
    end(cluster, refused("RequestRefused"), at=ago(5), failed=True)
    outcome = with_copy(cluster)

    assert condition(outcome)[:2] == ("False", "RequestRefused")
    assert len(jobs(outcome)) == 1, "that which failed"


def test_a_job_keeps_the_part_of_the_budget_that_it_has_begun_with() -> None:
    """A copy that is there since leaves less for each way; what runs does not begin anew."""
    cluster = asked()
    step(cluster)
    name = cluster.one("Job")["metadata"]["name"]
    outcome = with_copy(cluster)

    assert [job["metadata"]["name"] for job in jobs(outcome)] == [name]
    assert "for at most 60 s" in condition(outcome)[2]
    assert not [child for child in outcome.delete if child.kind == "Job"]


def test_ways_share_the_budget() -> None:
    cluster = asked()
    (job,) = jobs(with_copy(cluster))
    (container,) = job["spec"]["template"]["spec"]["containers"]

    assert "--budget-seconds=30" in container["args"]
    assert "for at most 30 s" in condition(with_copy(cluster))[2]


def test_an_accelerator_without_a_name_is_not_measured() -> None:
    """Its row would name no product, as those of CPUs do."""
    nameless = gpu_pool("l4")
    outcome = reconcile(observed(serving_on(nameless), pools=(nameless,)))

    assert condition(outcome)[:2] == ("False", "NotMeasurable")
    assert "pool l4" in condition(outcome)[2]
    assert "spec.accelerator.product" in condition(outcome)[2]
    assert not outcome.measuring


def test_a_row_that_is_not_read_is_not_reported_again() -> None:
    """Somebody broke the operator's own profile."""
    cluster = measuring()
    end(cluster, numbers(), at=ago(5))
    step(cluster, now=NOW)
    cluster.edit("ModelProfile", "shop", PROFILE, facts={"format": "None"})
    outcome = step(cluster, now=NOW)

    assert condition(outcome)[:2] == ("False", "MeasurementFailed")
    assert PROFILE in condition(outcome)[2]
    assert not [one for one in outcome.measuring if one["kind"] == "ModelProfile"]
    assert outcome.requeue_after_seconds == 900


def test_no_end_of_a_job_is_looked_at_again_at_once() -> None:
    """Whatever is written or deleted, its event brings the next look."""
    written, given_up = measuring(), measuring()
    end(written, numbers(), at=ago(5))
    end(given_up, refused("RequestRefused", retryable=True), at=ago(1000), failed=True)

    assert reconcile(observed(written)).requeue_after_seconds == 60
    assert reconcile(observed(given_up)).requeue_after_seconds == 60


def test_numbers_that_no_profile_takes_are_a_failure() -> None:
    product = "x" * 129
    cluster = serving_on(long := gpu_pool("gpus", product=product))
    step(cluster, pools=(long,))
    end(cluster, numbers(), at=ago(5))
    outcome = reconcile(observed(cluster, pools=(long,)))

    assert condition(outcome)[:2] == ("False", "MeasurementFailed")
    assert "product" in condition(outcome)[2]


def test_rows_of_another_model_do_not_count() -> None:
    """The status names the model before it still, and that one has been measured."""
    seen = observed(asked())
    other = "sha256:" + "cd" * 32

    assert jobs(reconcile(replace(seen, measurements={other: (row(),)})))


@pytest.mark.parametrize(
    ("failed", "since", "counts"),
    [(True, 3600, True), (True, 7 * 3600, False), (False, 30, True), (False, 90, False)],
)
def test_an_ended_job_of_another_counts_for_a_while(failed: bool, since: int, counts: bool) -> None:
    """Its service may be paused or broken: nobody takes the Job away then."""
    cluster = asked()
    elsewhere(cluster, created=ago(86400))
    kind = "Failed" if failed else "Complete"
    ended = {"type": kind, "status": "True", "lastTransitionTime": ago(since)}
    cluster.observe("Job", "shop", "other-cpu-measure-1", conditions=[ended])
    outcome = reconcile(observed(cluster))

    assert (condition(outcome)[1] == "MeasuredElsewhere") is counts
    assert bool(jobs(outcome)) is not counts


@pytest.mark.parametrize("kind", ["Job", "ConfigMap", "ModelProfile"])
@pytest.mark.parametrize(
    "error",
    [
        ApiRefused(403, "Forbidden", "exceeded quota: team"),
        ApiUnavailable(500, "InternalError", "a webhook is away"),
    ],
    ids=["refused", "unavailable"],
)
def test_a_measurement_that_is_refused_leaves_the_service_alone(kind: str, error: ApiError) -> None:
    shell = serving_shell()
    cluster = shell.cluster

    async def scenario() -> None:
        edit(measurement=ASKED)(cluster)
        if kind == "ModelProfile":
            await shell.run()
            end(cluster, numbers(), at=ago(5))
        edit(scaling={"minReplicas": 2})(cluster)
        cluster.failures["apply", kind] = [error] * 9
        await shell.run()
        cluster.roll_out(DEPLOYMENT)
        await shell.run()

    asyncio.run(scenario())

    assert shell.condition("ModelMeasured").startswith("False")
    assert cluster.one("Deployment")["spec"]["replicas"] == 2
    assert shell.condition("Ready") == "True Serving"
    assert set(shell.controller.counts.reconciles) == {"ok"}
    assert 0 < len(cluster.failures["apply", kind]) < 9, "it is tried, and not in a loop"
