"""Converting as a part of reconcile: beside what serves, once, one Job at a time."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.controllers import test_measuring as speed
from tests.unit.controllers.cluster import Body, Cluster
from tests.unit.controllers.world import (
    DEPLOYMENT,
    NOW,
    TOOLS,
    absorb,
    ago,
    edit,
    failed,
    observed,
    planned,
    serving,
    step,
)
from tests.unit.planning.building import DIGEST, pool
from triton_operator.api import labels
from triton_operator.api.conversion_report import ConversionReport, encode_conversion
from triton_operator.api.enums import Precision
from triton_operator.api.inspection import Failure
from triton_operator.api.model_profile import Conversion
from triton_operator.api.model_source import Samples
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.observed import ApplyProblem, Outcome
from triton_operator.manifests import names
from triton_operator.planning.samples_source import samples_source

INT8 = {"mode": "INT8"}
SAMPLES = {
    "uri": "pvc://models/magika/model.onnx",
    "samples": {"uri": "pvc://data/rows.npz"},
}
PROFILE = names.measured_profile(DIGEST)
COPY = "sha256:" + "cd" * 32
ROWS = "sha256:" + "ef" * 32


def row(**changes: Any) -> Conversion:
    return Conversion.model_validate(
        {
            "precision": "INT8",
            "method": "INT8Dynamic",
            "toolVersions": TOOLS,
            "digest": COPY,
            "files": [{"path": "model.onnx", "digest": COPY, "sizeBytes": 800_000}],
            # Whether a planner takes it is not the question here: no one takes that.
            "agreement": "0.5",
            "rows": 32,
            "time": "2026-11-20T11:00:00Z",
            **changes,
        }
    )


def says(**changes: Any) -> str:
    return encode_conversion(ConversionReport(conversion=row(**changes)))


def fails(reason: str, *, retryable: bool = False) -> str:
    failure = Failure(reason=reason, message="in its own words", retryable=retryable)
    return encode_conversion(ConversionReport(failure=failure))


def asked(**spec: Any) -> Cluster:
    """It serves, and somebody asks for INT8."""
    cluster = serving()
    edit(**(spec or {"precision": INT8}))(cluster)
    return cluster


def converting(**spec: Any) -> Cluster:
    """The Job runs."""
    cluster = asked(**spec)
    step(cluster)
    return cluster


def end(
    cluster: Cluster,
    message: str,
    *,
    at: str,
    failed: bool = False,
    container: str = "convert",
    init: bool = False,
) -> None:
    """The pod of the Job ends, then the Job."""
    job = cluster.one("Job")["metadata"]["name"]
    state = {"terminated": {"exitCode": 2 if failed else 0, "message": message}}
    ended_container = [{"name": container, "state": state}] if message else []
    cluster.put_pod(
        f"{job}-x",
        job=job,
        role=labels.CONVERT,
        phase="Failed" if failed else "Succeeded",
        containers=[] if init else ended_container,
        init_containers=ended_container if init else [],
    )
    ended: Body = {"type": "Complete", "status": "True", "lastTransitionTime": at}
    if failed:
        ended |= {"type": "Failed", "reason": "BackoffLimitExceeded", "message": "it failed"}
    cluster.observe("Job", "shop", job, conditions=[ended])


def condition(outcome: Outcome, of: str = "PrecisionVerified") -> tuple[str, str, str]:
    assert outcome.status is not None
    for one in outcome.status["conditions"]:
        if one["type"] == of:
            return one["status"], one["reason"], one["message"]
    return "", "", ""


def jobs(outcome: Outcome) -> list[Body]:
    return [one for one in outcome.measuring if one["kind"] == "Job"]


def profile(cluster: Cluster) -> dict[str, Any]:
    spec: dict[str, Any] = cluster.one("ModelProfile", PROFILE)["spec"]
    return spec


def test_nobody_asked() -> None:
    for precision in ({"mode": "Auto"}, {"mode": "FP32"}, {"mode": "BF16"}):
        assert not jobs(reconcile(observed(asked(precision=precision))))


def test_it_begins_when_the_service_serves() -> None:
    cluster = planned()
    edit(precision=INT8)(cluster)
    before = reconcile(observed(cluster))
    after = reconcile(observed(asked()))

    assert condition(before)[:2] == ("Unknown", "WaitingToConvert")
    assert not jobs(before)
    assert condition(after)[:2] == ("Unknown", "Converting")
    (job,) = jobs(after)
    assert job["metadata"]["name"] in condition(after)[2]
    assert job["metadata"]["labels"][labels.ROLE] == labels.CONVERT


def test_what_serves_stays_as_it_is() -> None:
    cluster = serving()
    before = reconcile(observed(cluster))
    edit(precision=INT8)(cluster)
    after = reconcile(observed(cluster))

    assert before.apply == after.apply
    assert not after.delete
    assert condition(after, "Ready")[0] == "True"


def test_while_it_runs_nothing_changes() -> None:
    cluster = converting()
    job = cluster.one("Job")["metadata"]["name"]
    running = [{"name": "convert", "state": {"running": {"startedAt": ago(9)}}}]
    cluster.put_pod(f"{job}-x", job=job, role=labels.CONVERT, containers=running)
    outcome = reconcile(observed(cluster))

    assert condition(outcome)[:2] == ("Unknown", "Converting")
    assert [one["metadata"]["name"] for one in jobs(outcome)] == [job]
    assert not outcome.delete


def test_the_row_goes_into_the_profile_and_the_job_goes() -> None:
    cluster = converting()
    end(cluster, says(), at=ago(5))
    step(cluster, now=NOW)
    (found,) = profile(cluster)["conversions"]

    assert profile(cluster)["digest"] == DIGEST
    assert "ownerReferences" not in cluster.one("ModelProfile", PROFILE)["metadata"]
    assert (found["digest"], found["agreement"], found["rows"]) == (COPY, "0.5", 32)
    assert found["time"] == ago(5)
    outcome = step(cluster, now=NOW)
    assert not jobs(outcome)
    assert not list(cluster.of_kind("Job"))
    assert not jobs(step(cluster, now=NOW + 7 * 86400))


def test_a_refusal_is_known_from_then_on() -> None:
    cluster = converting()
    end(cluster, says(digest=None, files=[], agreement=None, refusal="no weights"), at=ago(5))
    step(cluster, now=NOW)
    step(cluster, now=NOW)

    assert profile(cluster)["conversions"][0]["refusal"] == "no weights"
    assert not list(cluster.of_kind("Job"))
    assert not jobs(reconcile(observed(cluster, now=NOW + 7 * 86400)))


def test_the_job_is_believed_in_its_copy_only() -> None:
    cluster = converting()
    said = says(precision="FP16", samplesDigest=ROWS, time="2036-01-01T00:00:00Z")
    end(cluster, said, at=ago(5))
    step(cluster, now=NOW)
    (found,) = profile(cluster)["conversions"]

    assert (found["precision"], found["time"]) == ("INT8", ago(5))
    assert "samplesDigest" not in found, "the service has none"


def test_another_image_with_other_tools_is_no_loop() -> None:
    """Its rows would never count, and be asked for again and again."""
    cluster = converting()
    end(cluster, says(toolVersions={"onnx": "1.0"}), at=ago(5))
    outcome = step(cluster, now=NOW)
    status, reason, message = condition(outcome)

    assert (status, reason) == ("False", "ConversionFailed")
    assert "onnx 1.0" in message
    assert "onnx 1.23.2" in message
    assert outcome.requeue_after_seconds == 6 * 3600 - 5
    assert ("ModelProfile", "shop", PROFILE) not in cluster.objects


def test_a_new_operator_converts_again_and_replaces_the_row() -> None:
    cluster = converting()
    end(cluster, says(), at=ago(5))
    step(cluster, now=NOW)
    step(cluster, now=NOW)
    newer = {**TOOLS, "onnx": "1.24.0"}
    outcome = reconcile(observed(cluster, tools=newer))
    absorb(cluster, outcome)
    end(cluster, says(toolVersions=newer), at=ago(1))
    absorb(cluster, reconcile(observed(cluster, tools=newer)))

    (found,) = profile(cluster)["conversions"]
    assert found["toolVersions"] == newer


@pytest.mark.parametrize(("retryable", "pause"), [(True, 900), (False, 6 * 3600)])
def test_a_failure_is_told_and_tried_again_after_a_pause(retryable: bool, pause: int) -> None:
    cluster = converting()
    name = cluster.one("Job")["metadata"]["name"]
    end(cluster, fails("WriteFailed", retryable=retryable), at=ago(0), failed=True)
    outcome = step(cluster, now=NOW + 1)

    assert condition(outcome)[:2] == ("False", "WriteFailed")
    assert "in its own words" in condition(outcome)[2]
    assert outcome.requeue_after_seconds == pause - 1
    assert cluster.one("Job")["metadata"]["name"] == name
    step(cluster, now=NOW + pause - 1)
    assert list(cluster.of_kind("Job")), "it is what is known of the failure"
    step(cluster, now=NOW + pause)
    assert not list(cluster.of_kind("Job"))
    assert jobs(reconcile(observed(cluster, now=NOW + pause + 1)))


@pytest.mark.parametrize("container", ["fetch", "samples"])
def test_what_could_not_be_fetched_is_told(container: str) -> None:
    cluster = converting(precision=INT8, model=SAMPLES)
    words = failed("SourceNotFound", "spec.model.samples: there is nothing", retryable=False)
    end(cluster, words, at=ago(60), failed=True, container=container, init=True)
    status, reason, message = condition(reconcile(observed(cluster)))

    assert (status, reason) == ("False", "SourceNotFound")
    assert "spec.model.samples" in message


def test_samples_at_another_address_are_tried_at_once() -> None:
    cluster = converting(precision=INT8, model=SAMPLES)
    old = cluster.one("Job")["metadata"]["name"]
    end(cluster, fails("SamplesRefused"), at=ago(0), failed=True)
    moved = {**SAMPLES, "samples": {"uri": "pvc://data/better.npz"}}
    edit(model=moved)(cluster)

    (job,) = jobs(reconcile(observed(cluster)))
    assert job["metadata"]["name"] != old


def test_no_memory_says_what_to_do() -> None:
    cluster = converting()
    job = cluster.one("Job")["metadata"]["name"]
    end(cluster, "", at=ago(60), failed=True)
    killed = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    cluster.put_pod(
        f"{job}-x",
        job=job,
        role=labels.CONVERT,
        phase="Failed",
        containers=[{"name": "convert", "state": killed}],
    )
    done = reconcile(observed(cluster))
    status, reason, message = condition(done)

    assert (status, reason) == ("False", "OutOfMemory")
    assert "triton-operator model convert" in message
    assert "spec.precision.mode: FP32 if it was converted to FP16 or INT8" in message
    assert 'spec.batching.mode: "Off" if to a dynamic batch' in message
    assert "tried again after 360 min" in message, "the next Job would have no more memory"


def test_a_report_that_is_none() -> None:
    cluster = converting()
    end(cluster, "Traceback: something else", at=ago(60), failed=True)
    status, reason, message = condition(reconcile(observed(cluster)))

    assert (status, reason) == ("False", "ContainerFailed")
    assert "Traceback" in message


def test_a_job_without_a_pod_is_waited_for_and_given_up() -> None:
    cluster = converting()
    name = cluster.one("Job")["metadata"]["name"]
    ended = {"type": "Failed", "status": "True", "message": "DeadlineExceeded"}
    cluster.observe("Job", "shop", name, conditions=[{**ended, "lastTransitionTime": ago(5)}])
    early = reconcile(observed(cluster))
    late = reconcile(observed(cluster, now=NOW + 20))

    assert condition(early)[:2] == ("Unknown", "Converting")
    assert early.requeue_after_seconds == 10
    assert condition(late)[:2] == ("False", "ConversionFailed")
    assert "DeadlineExceeded" in condition(late)[2]


def put_job_of_another(cluster: Cluster, **status: Any) -> None:
    """The Job that this service would start, but another service has started it."""
    (job,) = jobs(reconcile(observed(cluster)))
    job = deepcopy(job)
    job["metadata"]["name"] = "other-cpu-convert-1"
    job["metadata"]["creationTimestamp"] = ago(60)
    job["metadata"]["labels"] |= {labels.SERVICE: "other", labels.OWNER_UID: "uid-other"}
    cluster.put({**job, "status": status})


def test_what_another_service_converts_is_not_converted_twice() -> None:
    cluster = asked()
    put_job_of_another(cluster)
    outcome = reconcile(observed(cluster))

    assert condition(outcome)[:2] == ("Unknown", "ConvertedElsewhere")
    assert not jobs(outcome)
    assert outcome.requeue_after_seconds == 60.0


@pytest.mark.parametrize(
    ("samples", "reason"),
    [(SAMPLES["samples"], "ConvertedElsewhere"), ({"uri": "pvc://data/good.npz"}, "Converting")],
)
def test_bad_samples_of_another_service_hold_up_who_has_the_same(
    samples: dict[str, str], reason: str
) -> None:
    cluster = asked(precision=INT8, model=SAMPLES)
    ended = {"type": "Failed", "status": "True", "lastTransitionTime": ago(30)}
    put_job_of_another(cluster, conditions=[ended])
    edit(model={**SAMPLES, "samples": samples})(cluster)

    assert condition(reconcile(observed(cluster)))[:2] == ("Unknown", reason)


def test_a_failure_beside_a_copy_that_runs_is_told() -> None:
    """It was compared on made-up inputs, runs, and now there are samples."""
    smoke = row(agreement="1")
    cluster = asked()
    seen = replace(observed(cluster), conversions={DIGEST: (smoke,)})
    absorb(cluster, reconcile(seen))
    cluster.roll_out(DEPLOYMENT)
    edit(model=SAMPLES)(cluster)
    for expected in ("made-up inputs", "SamplesRefused: INT8: in its own words"):
        outcome = reconcile(replace(observed(cluster), conversions={DIGEST: (smoke,)}))
        absorb(cluster, outcome)
        assert condition(outcome)[:2] == ("True", "SmokeTestOnly")
        assert expected in condition(outcome)[2]
        assert "converts the model" not in condition(outcome)[2]
        end(cluster, fails("SamplesRefused"), at=ago(0), failed=True)


def test_paused_starts_nothing() -> None:
    outcome = reconcile(observed(asked(precision=INT8, paused=True)))

    assert condition(outcome)[:2] == ("Unknown", "Paused")
    assert not jobs(outcome)


def test_who_no_longer_asks_has_no_job() -> None:
    cluster = converting()
    edit(precision={"mode": "FP32"})(cluster)
    outcome = step(cluster)

    assert condition(outcome)[:2] == ("True", "AsStored")
    assert not list(cluster.of_kind("Job"))


def test_what_is_refused_is_told_and_stops_nothing_else() -> None:
    problem = ApplyProblem("QuotaExceeded", "Job x: exceeded quota")
    outcome = reconcile(replace(observed(asked()), measuring_problem=problem))

    assert condition(outcome) == ("False", "QuotaExceeded", "Job x: exceeded quota")
    assert condition(outcome, "Ready")[0] == "True"


AUTO: dict[str, Any] = {"measurement": speed.ASKED, "model": SAMPLES}
"""Both are found out: whether there is a good copy, and how fast the model is."""


def test_auto_converts_first_and_then_measures() -> None:
    cluster = asked(**AUTO)
    outcome = step(cluster)
    (job,) = cluster.of_kind("Job")

    assert job["metadata"]["labels"][labels.ROLE] == labels.CONVERT
    assert condition(outcome, "ModelMeasured")[:2] == ("Unknown", "WaitingToMeasure")
    assert job["metadata"]["name"] in condition(outcome, "ModelMeasured")[2]

    outcome = step(cluster)
    assert [one["metadata"]["labels"][labels.ROLE] for one in cluster.of_kind("Job")] == ["convert"]
    end(cluster, says(samplesDigest=ROWS), at=ago(5))
    step(cluster, now=NOW)
    step(cluster, now=NOW)
    (job,) = cluster.of_kind("Job")
    assert job["metadata"]["labels"][labels.ROLE] == labels.MEASURE


def test_a_next_try_waits_for_the_copy_that_is_being_made() -> None:
    """Or one that takes longer than the pause would never be there."""
    both = (pool("cpu", precisions=(Precision.FP16, Precision.INT8)),)
    cluster = asked(**AUTO)

    def turn(seconds: float) -> str:
        return condition(step(cluster, pools=both, now=NOW + seconds))[2]

    assert "FP16" in turn(0)
    bad = cluster.one("Job")["metadata"]["name"]
    end(cluster, fails("NoRoom", retryable=True), at=ago(0), failed=True)
    assert "INT8" in turn(1)
    (runs,) = {one["metadata"]["name"] for one in cluster.of_kind("Job")} - {bad}

    for seconds in (899, 901, 902, 903):
        assert f"Job {runs} converts the model to INT8" in turn(seconds)
        assert runs in {one["metadata"]["name"] for one in cluster.of_kind("Job")}
    assert cluster.one("Job")["metadata"]["name"] == runs, "the other's pause is over"


def test_a_measurement_that_runs_is_not_disturbed() -> None:
    cluster = speed.measuring()
    (job,) = cluster.of_kind("Job")
    edit(precision=INT8)(cluster)
    outcome = step(cluster)

    assert condition(outcome)[:2] == ("Unknown", "WaitingToConvert")
    assert job["metadata"]["name"] in condition(outcome)[2]
    assert [one["metadata"]["name"] for one in cluster.of_kind("Job")] == [job["metadata"]["name"]]


def test_neither_drops_what_the_other_found() -> None:
    cluster = converting(**AUTO)
    end(cluster, says(samplesDigest=ROWS), at=ago(5))
    step(cluster, now=NOW)
    step(cluster, now=NOW)
    assert "measurements" not in profile(cluster)
    speed.end(cluster, speed.numbers(samplesDigest=ROWS), at=ago(5))
    step(cluster, now=NOW)

    assert len(profile(cluster)["measurements"]) == 1
    assert len(profile(cluster)["conversions"]) == 1

    edit(precision=INT8, measurement={"mode": "Never"})(cluster)
    newer = {**TOOLS, "onnx": "1.24.0"}
    absorb(cluster, reconcile(observed(cluster)))
    cluster.roll_out(DEPLOYMENT)
    absorb(cluster, reconcile(observed(cluster, tools=newer)))
    end(cluster, says(samplesDigest=ROWS, toolVersions=newer), at=ago(3))
    outcome = reconcile(observed(cluster, tools=newer))
    (written,) = [one for one in outcome.measuring if one["kind"] == "ModelProfile"]
    assert len(written["spec"]["measurements"]) == 1
    assert [one["toolVersions"] for one in written["spec"]["conversions"]] == [newer]


def test_both_that_end_at_once_are_one_profile() -> None:
    """Of two writes of one object in one reconcile, the second would take the first one's row."""
    cluster = speed.measuring()
    measure = cluster.one("Job")["metadata"]["name"]
    edit(precision=INT8)(cluster)
    (job,) = jobs(reconcile(observed(asked())))
    cluster.put(job)
    end_of(cluster, job["metadata"]["name"], "convert", says())
    end_of(cluster, measure, "measure", speed.numbers())
    outcome = reconcile(observed(cluster))

    (written,) = [one for one in outcome.measuring if one["kind"] == "ModelProfile"]
    assert len(written["spec"]["measurements"]) == 1
    assert len(written["spec"]["conversions"]) == 1


def end_of(cluster: Cluster, job: str, container: str, message: str) -> None:
    state = {"terminated": {"exitCode": 0, "message": message}}
    ended = [{"name": container, "state": state}]
    cluster.put_pod(f"{job}-x", job=job, role=container, phase="Succeeded", containers=ended)
    complete = {"type": "Complete", "status": "True", "lastTransitionTime": ago(5)}
    cluster.observe("Job", "shop", job, conditions=[complete])


def test_a_profile_that_cannot_be_read_is_no_loop() -> None:
    """The row was written, but the profile is about something else by now."""
    cluster = converting()
    end(cluster, says(), at=ago(5))
    step(cluster, now=NOW)
    cluster.one("ModelProfile", PROFILE)["spec"]["digest"] = COPY
    outcome = step(cluster, now=NOW)

    assert condition(outcome)[:2] == ("False", "ConversionFailed")
    assert PROFILE in condition(outcome)[2]
    assert outcome.requeue_after_seconds == 900
    assert not [one for one in outcome.measuring if one["kind"] == "ModelProfile"]


def test_with_samples_a_row_without_them_does_not_settle_it() -> None:
    cluster = converting()
    end(cluster, says(), at=ago(5))
    step(cluster, now=NOW)
    step(cluster, now=NOW)
    edit(model=SAMPLES)(cluster)
    step(cluster, now=NOW)
    end(cluster, says(samplesDigest=ROWS), at=ago(1))
    step(cluster, now=NOW)
    step(cluster, now=NOW)

    assert [one.get("samplesDigest") for one in profile(cluster)["conversions"]] == [None, ROWS]
    assert not list(cluster.of_kind("Job"))


def test_each_address_of_samples_has_a_row_of_its_own() -> None:
    """As for two services that share a profile: neither takes the other's row away, or one would
    convert after the other for ever. What lies there may even be the same.
    """
    cluster = converting(precision=INT8, model=SAMPLES)
    end(cluster, says(samplesDigest=ROWS, samplesSource=COPY), at=ago(9))
    step(cluster, now=NOW)
    edit(model={**SAMPLES, "samples": {"uri": "pvc://data/others.npz"}})(cluster)
    outcome = step(cluster, now=NOW)
    assert condition(outcome)[:2] == ("Unknown", "Converting")
    end(cluster, says(samplesDigest=ROWS), at=ago(1))
    step(cluster, now=NOW)
    step(cluster, now=NOW)

    sources = [one["samplesSource"] for one in profile(cluster)["conversions"]]
    assert sources == [
        samples_source(Samples(uri=uri)) for uri in ("pvc://data/rows.npz", "pvc://data/others.npz")
    ]
    assert not list(cluster.of_kind("Job"))
    edit(model=SAMPLES)(cluster)
    step(cluster, now=NOW)
    assert not list(cluster.of_kind("Job"))
