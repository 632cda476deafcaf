"""What becomes of putting a copy into a store, as reconcile tells it. The copy itself counts."""

from typing import Any

import pytest

from tests.unit.controllers.cluster import Body, Cluster
from tests.unit.controllers.test_converting import (
    COPY,
    condition,
    converting,
    fails,
    profile,
    says,
)
from tests.unit.controllers.world import NOW, ago, failed, observed, step
from triton_operator.api import labels
from triton_operator.controllers.inference_service import reconcile

STORED = {"mode": "INT8", "store": {"uri": "s3://copies/shop"}}
REFUSED = failed("SourceForbidden", "the bucket answers 403", retryable=False)


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


def test_while_the_copy_is_put_there_it_is_still_converting() -> None:
    cluster = converting(precision=STORED)
    job = cluster.one("Job")["metadata"]["name"]
    cluster.put_pod(
        f"{job}-x",
        job=job,
        role=labels.CONVERT,
        init_containers=[{"name": "convert", "state": ended(0, says())}],
        containers=[{"name": "put", "state": {"running": {"startedAt": ago(9)}}}],
    )

    outcome = reconcile(observed(cluster))

    assert condition(outcome)[:2] == ("Unknown", "Converting")
    assert "put: runs since" in condition(outcome)[2]
