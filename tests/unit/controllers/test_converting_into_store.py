"""What becomes of putting a copy into a store, as reconcile tells it. The copy itself counts."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.controllers.cluster import Body, Cluster
from tests.unit.controllers.test_converting import (
    COPY,
    asked,
    condition,
    converting,
    fails,
    jobs,
    profile,
    put_job_of_another,
    row,
    says,
)
from tests.unit.controllers.world import DEPLOYMENT, NOW, ago, failed, observed, step
from tests.unit.planning.building import DIGEST
from triton_operator.api import labels
from triton_operator.api.conversion_report import ConversionReport, encode_conversion
from triton_operator.api.model_profile import Conversion
from triton_operator.controllers.inference_service import reconcile

STORED = {"mode": "INT8", "store": {"uri": "s3://copies/shop"}}
REFUSED = failed("SourceForbidden", "the bucket answers 403", retryable=False)


COMPLETE = {"type": "Complete", "status": "True", "lastTransitionTime": ago(5)}


def ended(code: int, message: str = "", reason: str = "") -> Body:
    return {"terminated": {"exitCode": code, "message": message, "reason": reason}}


def end(cluster: Cluster, convert: Body, put: Body | None, *, failed: bool = False) -> None:
    """The pod of the Job ends, then the Job."""
    job = cluster.one("Job")["metadata"]["name"]
    cluster.put_pod(
        f"{job}-x",
        job=job,
        role=labels.CONVERT,
        phase="Failed" if failed else "Succeeded",
        init_containers=[{"name": "convert", "state": convert}],
        containers=[{"name": "put", "state": put}] if put else [],
    )
    told: Body = {"type": "Complete", "status": "True", "lastTransitionTime": ago(5)}
    if failed:
        told |= {"type": "Failed", "reason": "BackoffLimitExceeded", "message": "it failed"}
    cluster.observe("Job", "shop", job, conditions=[told])


@pytest.mark.parametrize(
    ("put", "job_failed", "why"),
    [
        pytest.param(ended(0), False, None, id="it is there"),
        pytest.param(ended(0, REFUSED), False, "the bucket answers 403", id="refused"),
        pytest.param(
            ended(137, reason="OOMKilled"),
            True,
            "container put ended without a report: OOMKilled, code 137",
            id="killed",
        ),
        pytest.param(ended(1, "Traceback:\n  no room"), True, "Traceback: no room", id="no report"),
        pytest.param(ended(1, "x" * 4000), True, "container put: ", id="a report without end"),
    ],
)
def test_the_row_is_written_and_says_where_the_copy_is_not(
    put: Body, job_failed: bool, why: str | None
) -> None:
    cluster = converting(precision=STORED)
    end(cluster, ended(0, says()), put, failed=job_failed)
    step(cluster, now=NOW)
    (found,) = profile(cluster)["conversions"]

    assert found["digest"] == COPY
    assert (found.get("storeFailure") is None) is (why is None)
    assert (why or "") in found.get("storeFailure", "")
    assert len(found.get("storeFailure", "")) <= 1024
    assert ("storeSource" in found) is ("storeFailure" in found)


def test_a_model_that_cannot_be_converted_is_nothing_to_store() -> None:
    cluster = converting(precision=STORED)
    refused: dict[str, Any] = {"digest": None, "files": [], "agreement": None, "refusal": "no"}
    end(cluster, ended(0, says(**refused)), ended(0, REFUSED))
    step(cluster, now=NOW)

    assert "storeFailure" not in profile(cluster)["conversions"][0]


def test_a_conversion_that_failed_is_a_failure_as_ever() -> None:
    cluster = converting(precision=STORED)
    end(cluster, ended(2, fails("WriteFailed")), None, failed=True)
    outcome = step(cluster, now=NOW)

    assert condition(outcome)[:2] == ("False", "WriteFailed")


ROW = row(agreement="1", rows=64)
"""It is good enough to be served."""


def putting(said: str) -> Cluster:
    """The Job has converted, and puts the copy into the store."""
    cluster = converting(precision=STORED)
    job = cluster.one("Job")["metadata"]["name"]
    cluster.put_pod(
        f"{job}-x",
        job=job,
        role=labels.CONVERT,
        init_containers=[{"name": "convert", "state": ended(0, said)}],
        containers=[{"name": "put", "state": {"running": {"startedAt": ago(9)}}}],
    )
    return cluster


def said(one: Conversion = ROW) -> str:
    return encode_conversion(ConversionReport(conversion=one))


def serves_the_copy(cluster: Cluster) -> bool:
    pod = cluster.one("Deployment", DEPLOYMENT)["spec"]["template"]["spec"]
    return "convert" in [one["name"] for one in pod["initContainers"]]


def test_while_the_copy_is_put_there_it_is_still_converting() -> None:
    outcome = reconcile(observed(putting(says())))

    assert condition(outcome)[:2] == ("Unknown", "Converting")
    assert "put: runs since" in condition(outcome)[2]


def test_what_was_found_out_is_kept_at_once_and_served_once_it_is_there() -> None:
    """A rollout that began now would find nothing in the store."""
    cluster = putting(said())
    step(cluster, now=NOW)
    (early,) = profile(cluster)["conversions"]
    again = step(cluster, now=NOW + 60)

    assert (early["digest"], early["time"]) == (COPY, ago(0))
    assert not [one for one in again.measuring if one["kind"] == "ModelProfile"], "once"
    assert [one["kind"] for one in again.measuring] == ["Job"]
    assert condition(again)[:2] == ("Unknown", "Converting")
    assert not serves_the_copy(cluster)

    end(cluster, ended(0, said()), ended(0))
    step(cluster, now=NOW + 60)
    (late,) = profile(cluster)["conversions"]
    assert "storeFailure" not in late
    step(cluster, now=NOW + 60)
    assert serves_the_copy(cluster)
    assert not list(cluster.of_kind("Job"))


def test_a_copy_that_is_there_within_the_second_is_no_broken_profile() -> None:
    cluster = putting(said())
    step(cluster, now=NOW - 5)
    end(cluster, ended(0, said()), ended(0))
    outcome = step(cluster, now=NOW)

    assert condition(outcome)[:2] == ("Unknown", "Converting")
    assert "storeFailure" not in profile(cluster)["conversions"][0]


@pytest.mark.parametrize("over", [True, False], ids=["deadline", "drained"])
def test_a_pod_that_goes_meanwhile_takes_nothing_with_it(over: bool) -> None:
    cluster = putting(said())
    step(cluster, now=NOW)
    job = cluster.one("Job")["metadata"]["name"]
    cluster.remove("Pod", "shop", f"{job}-x")
    if over:
        late = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}
        cluster.observe("Job", "shop", job, conditions=[{**late, "lastTransitionTime": ago(0)}])
    else:
        cluster.put_pod(f"{job}-y", job=job, role=labels.CONVERT, phase="Pending")
    step(cluster, now=NOW + 60)
    outcome = step(cluster, now=NOW + 60)

    assert serves_the_copy(cluster)
    assert not list(cluster.of_kind("Job")), "nothing is converted again"
    why = f"Job {job} was gone before container put had ended"
    assert profile(cluster)["conversions"][0]["storeFailure"] == why
    cluster.roll_out(DEPLOYMENT)
    outcome = step(cluster, now=NOW + 60)
    assert why in condition(outcome)[2]


def test_a_job_that_ends_while_its_pod_is_still_going_takes_nothing_with_it() -> None:
    """Its container has no exit code yet, and may never get one."""
    cluster = putting(said())
    step(cluster, now=NOW)
    job = cluster.one("Job")["metadata"]["name"]
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}
    cluster.observe("Job", "shop", job, conditions=[{**failed, "lastTransitionTime": ago(0)}])
    for _ in range(2):
        step(cluster, now=NOW + 60)

    assert serves_the_copy(cluster)
    assert not list(cluster.of_kind("Job")), "nothing is converted again"
    why = f"Job {job} had ended before container put"
    assert profile(cluster)["conversions"][0]["storeFailure"] == why


@pytest.mark.parametrize(
    ("put", "job_failed", "why"),
    [
        (ended(0), False, None),
        (ended(0, REFUSED), False, "the bucket answers 403"),
        (ended(137, reason="OOMKilled"), True, "OOMKilled, code 137"),
    ],
)
def test_a_job_whose_end_is_seen_before_its_pods_is_waited_for(
    put: Body, job_failed: bool, why: str | None
) -> None:
    """Or a store that works would be told to be broken, for good."""
    cluster = putting(said())
    step(cluster, now=NOW)
    job = cluster.one("Job")["metadata"]["name"]
    told: Body = {"type": "Complete", "status": "True", "lastTransitionTime": ago(0)}
    if job_failed:
        told |= {"type": "Failed", "reason": "BackoffLimitExceeded"}
    cluster.observe("Job", "shop", job, conditions=[told])
    outcome = step(cluster, now=NOW + 1)
    assert condition(outcome)[:2] == ("Unknown", "Converting")
    assert outcome.requeue_after_seconds is not None
    assert list(cluster.of_kind("Job"))

    end(cluster, ended(0, said()), put, failed=job_failed)
    for _ in range(2):
        step(cluster, now=NOW + 2)
    (found,) = profile(cluster)["conversions"]
    assert (found.get("storeFailure") is None) is (why is None)
    assert (why or "") in found.get("storeFailure", "")
    assert not list(cluster.of_kind("Job"))


@pytest.mark.parametrize("runs", [True, False])
def test_another_service_waits_for_the_store_as_well(runs: bool) -> None:
    cluster = asked(precision=STORED)
    (job,) = jobs(reconcile(observed(cluster)))
    put_job_of_another(cluster, **({} if runs else {"conditions": [COMPLETE]}))
    seen = observed(cluster)
    (other,) = seen.jobs_elsewhere
    kept = ROW.model_copy(
        update={"store_failure": f"Job {other.name} was gone before container put had ended"}
    )
    outcome = reconcile(replace(seen, conversions={DIGEST: (kept,)}))

    expected = "ConvertedElsewhere" if runs else "CopyRollingOut"
    assert condition(outcome)[1] == expected
    assert other.name != job["metadata"]["name"]
