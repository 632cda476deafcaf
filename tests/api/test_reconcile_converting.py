"""Converting on demand: the Job is a real one, which its controller and the API server take."""

from typing import Any

import pytest

from tests.api import model_facts
from tests.api.audit import Audit
from tests.api.shop import Shop
from tests.api.test_reconcile_measuring import ASKED, PERMANENT, numbers, profile
from triton_operator.api import labels
from triton_operator.api.conversion_report import ConversionReport, encode_conversion
from triton_operator.api.inspection import Failure, Report, encode_report
from triton_operator.api.model_profile import Conversion
from triton_operator.api.tool_versions import tool_versions

INT8 = {"mode": "INT8"}
COPY = "sha256:" + "cd" * 32


TIME = "2026-11-23T00:00:00Z"
COPIED: dict[str, Any] = {
    "precision": "INT8",
    "method": "INT8Dynamic",
    "toolVersions": tool_versions(),
    "digest": COPY,
    "files": [{"path": "model.onnx", "digest": COPY, "sizeBytes": 800_000}],
    # No planner takes a copy that agrees so little.
    "agreement": "0.5",
    "rows": 32,
    "time": TIME,
}


def row(**changes: Any) -> str:
    conversion = Conversion.model_validate({**COPIED, **changes})
    return encode_conversion(ConversionReport(conversion=conversion))


def test_a_row_is_kept_for_every_service_of_the_model(shop: Shop, audit: Audit) -> None:
    shop.add_running("first", precision=INT8)
    shop.until_condition("first", "PrecisionVerified", "Unknown", "WaitingToConvert")
    assert not shop.all("Job", "first"), "it begins once the service serves"
    shop.serve("first")
    deployment = shop.get("Deployment", "first-cpu")["metadata"]["generation"]

    job = shop.until_conversion("first")
    shop.until_condition("first", "PrecisionVerified", "Unknown", "Converting")
    assert shop.condition("first", "Ready") == ("True", "Serving")
    assert job["spec"]["backoffLimit"] == 0
    shop.answer_conversion("first", row())

    shop.until("the Job to go", lambda: not shop.all("Job", "first"))
    (found,) = shop.get("ModelProfile", profile(1))["spec"]["conversions"]
    assert (found["digest"], found["agreement"], found["rows"]) == (COPY, "0.5", 32)
    shop.until_settled("first")
    assert shop.get("Deployment", "first-cpu")["metadata"]["generation"] == deployment

    mark = audit.mark()
    shop.add_running("second", precision=INT8)
    shop.serve("second")
    shop.until_settled("second")
    assert not [w for w in audit.writes(shop.namespace, since=mark) if w.resource == "jobs"]


def test_two_services_of_one_model_convert_once(shop: Shop) -> None:
    for name in ("first", "second"):
        shop.add_running(name, precision=INT8)
        shop.serve(name)
    shop.until(
        "one of them to wait for the other",
        lambda: (
            {shop.condition(name, "PrecisionVerified")[1] for name in ("first", "second")}
            == {"Converting", "ConvertedElsewhere"}
        ),
    )
    (job,) = shop.all("Job")
    shop.answer_conversion(job["metadata"]["labels"][labels.SERVICE], row())

    shop.until("the Job to go", lambda: not shop.all("Job"))
    (found,) = shop.get("ModelProfile", profile(1))["spec"]["conversions"]
    assert found["digest"] == COPY


def test_a_failure_is_told_and_what_serves_goes_on(shop: Shop) -> None:
    shop.add_running("first", precision=INT8)
    shop.serve("first")
    failure = Failure(reason="SamplesRefused", message="spec.model.samples: no zip")
    text = encode_conversion(ConversionReport(failure=failure))
    shop.answer_conversion("first", text, exit_code=PERMANENT)

    shop.until_condition("first", "PrecisionVerified", "False", "SamplesRefused")
    assert shop.condition("first", "Ready") == ("True", "Serving")
    shop.until("nothing to be left to do", shop.operator.is_quiet)
    assert len(shop.all("Job", "first")) == 1, "its pod's log can be read, and it is no loop"
    assert shop.find("ModelProfile", profile(1)) is None


@pytest.mark.parametrize("exit_code", [0, 1])
def test_a_copy_counts_whatever_becomes_of_putting_it_into_a_store(
    shop: Shop, exit_code: int
) -> None:
    shop.add_running("first", precision={**INT8, "store": {"uri": "s3://copies/shop"}})
    shop.serve("first")
    failure = Failure(reason="SourceForbidden", message="the bucket answers 403")
    put = encode_report(Report(failure=failure))
    shop.answer_storing("first", row(agreement="0.999"), put, exit_code=exit_code)

    shop.until_condition("first", "PrecisionVerified", "Unknown", "CopyRollingOut")
    (found,) = shop.get("ModelProfile", profile(1))["spec"]["conversions"]
    assert (found["digest"], found["storeFailure"]) == (COPY, failure.message)

    def containers() -> list[str]:
        pod = shop.get("Deployment", "first-cpu")["spec"]["template"]["spec"]
        return [one["name"] for one in pod["initContainers"]]

    shop.until("pods to take it", lambda: containers() == ["take", "fetch", "convert"])
    shop.serve("first")
    shop.until_condition("first", "PrecisionVerified", "True", "SmokeTestOnly")
    (told,) = [
        one["message"]
        for one in shop.status("first")["conditions"]
        if one["type"] == "PrecisionVerified"
    ]
    assert "not put it into spec.precision.store: the bucket answers 403" in told


def test_a_pod_that_goes_before_the_copy_is_stored_takes_nothing_with_it(shop: Shop) -> None:
    shop.add_running("first", precision={**INT8, "store": {"uri": "s3://copies/shop"}})
    shop.serve("first")
    pods = shop.store_copy("first", row(agreement="0.999"))
    shop.until("the row", lambda: shop.find("ModelProfile", profile(1)) is not None)
    shop.until_condition("first", "PrecisionVerified", "Unknown", "Converting")

    for name in pods:
        shop.delete("Pod", name)

    shop.until_condition("first", "PrecisionVerified", "Unknown", "CopyRollingOut")
    shop.until("the Job to go", lambda: not shop.all("Job"))
    (found,) = shop.get("ModelProfile", profile(1))["spec"]["conversions"]
    assert found["digest"] == COPY
    # Which of the two the operator sees first, that the pod is gone or that the Job has ended, is
    # not the test's to say.
    assert found["storeFailure"].endswith(
        ("was gone before container put had ended", "had ended before container put")
    )


def test_copies_and_speed_share_a_profile(shop: Shop) -> None:
    """One Job after the other; the rows of the first are there when the second has written."""
    shop.add_running("first", precision=INT8, measurement=ASKED)
    shop.serve("first")
    shop.until_conversion("first")
    shop.until_condition("first", "ModelMeasured", "Unknown", "WaitingToMeasure")
    shop.answer_conversion("first", row())
    shop.answer_measurement("first", numbers())

    shop.until_condition("first", "ModelMeasured", "True", "Measured")
    spec = shop.get("ModelProfile", profile(1))["spec"]
    assert spec["digest"] == model_facts.digest(1)
    assert [one["digest"] for one in spec["conversions"]] == [COPY]
    assert [one["precision"] for one in spec["measurements"]] == ["FP32"]


def test_a_copy_that_no_pod_can_make_gives_way_to_fp32(shop: Shop) -> None:
    """Somebody committed its row, and that it is faster; no Job finds anything out here."""
    shop.add_running("first")
    shop.serve("first")
    accepted = {**COPIED, "agreement": "0.999", "rows": 300, "samplesDigest": COPY}
    speed = {"engine": "onnxruntime", "hardware": {}, "source": "Declared", "time": TIME}
    rows = [
        {**speed, "precision": name, "latency": [{"batchSize": 1, "milliseconds": time}]}
        for name, time in (("FP32", "30"), ("INT8", "15"))
    ]
    theirs = {"measurements": rows, "conversions": [accepted]}
    shop.merge("ModelProfile", model_facts.digest(1).replace(":", "-"), {"spec": theirs})
    shop.until_condition("first", "PrecisionVerified", "Unknown", "CopyRollingOut")
    failure = Failure(reason="DigestMismatch", message="it is another copy")
    text = encode_conversion(ConversionReport(failure=failure))

    def is_refused() -> bool:
        shop.fail_copies("first", text)
        return shop.find("ModelProfile", profile(1)) is not None

    shop.until("a refusal in the operator's own profile", is_refused)
    (found,) = shop.get("ModelProfile", profile(1))["spec"]["conversions"]
    assert "it is another copy" in found["refusal"]
    shop.serve("first")
    shop.until_settled("first")
    (pool,) = shop.status("first")["pools"]
    assert pool["precision"] == "FP32"
    shop.until_condition("first", "PrecisionVerified", "True", "AsStored")
    names = [
        one["name"] for pod in shop.all("Pod", "first") for one in pod["spec"]["initContainers"]
    ]
    assert "convert" not in names, "nobody says it any more, but the profile does"
