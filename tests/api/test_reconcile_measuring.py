"""Measuring on demand: the Job is a real one, its controller and the API server have to like it."""

from typing import Any

from tests.api import model_facts
from tests.api.audit import Audit
from tests.api.shop import Shop
from triton_operator.api import labels
from triton_operator.api.inspection import Failure
from triton_operator.api.measurement_report import MeasurementReport, encode_measurement
from triton_operator.api.model_profile import Measurement

ASKED = {"mode": "IfUnknown"}
PERMANENT = 2


def row(**changes: Any) -> dict[str, Any]:
    return {
        "precision": "FP32",
        "engine": "onnxruntime",
        "hardware": {"cpu": "EPYC"},
        "latency": [
            {"batchSize": 1, "milliseconds": "8.5"},
            {"batchSize": 2, "milliseconds": "12.25"},
        ],
        "ended": "Slower",
        "throughput": "118",
        "source": "Measured",
        "time": "2026-11-23T00:00:00Z",
        **changes,
    }


def numbers() -> str:
    return encode_measurement(
        MeasurementReport(measurement=Measurement.model_validate(row(instances=1, memory="700Mi")))
    )


def profile(number: int) -> str:
    return f"{model_facts.digest(number).replace(':', '-')}-measured"


def test_numbers_are_kept_for_every_service_of_the_model(shop: Shop, audit: Audit) -> None:
    shop.add_running("first", measurement=ASKED)
    shop.until_condition("first", "ModelMeasured", "Unknown", "WaitingToMeasure")
    assert not shop.all("Job", "first"), "it begins once the service serves"
    shop.serve("first")
    deployment = shop.get("Deployment", "first-cpu")["metadata"]["generation"]

    job = shop.until_measurement("first")
    shop.until_condition("first", "ModelMeasured", "Unknown", "Measuring")
    assert shop.condition("first", "Ready") == ("True", "Serving")
    sidecar = job["spec"]["template"]["spec"]["initContainers"][1]
    assert sidecar["restartPolicy"] == "Always", "the API server kept it"
    assert job["spec"]["template"]["spec"]["shareProcessNamespace"] is True
    shop.answer_measurement("first", numbers())

    shop.until_condition("first", "ModelMeasured", "True", "Measured")
    (found,) = shop.get("ModelProfile", profile(1))["spec"]["measurements"]
    assert found["latency"] == row()["latency"]
    assert (found["source"], found["hardware"]["cpu"]) == ("Measured", "EPYC")
    shop.until("the Job to go", lambda: not shop.all("Job", "first"))
    shop.until_settled("first")
    rolled = shop.get("Deployment", "first-cpu")["metadata"]["generation"]
    assert rolled == deployment + 1, "once, to the batches that were measured"
    assert shop.status("first")["pools"][0]["maxBatchSize"] == 2
    pod = shop.get("Deployment", "first-cpu")["spec"]["template"]["spec"]
    limits = pod["containers"][0]["resources"]["limits"]
    assert limits["memory"] == "896Mi", "with the rollout that there was anyway"

    mark = audit.mark()
    shop.add_running("second", measurement=ASKED)
    shop.serve("second")
    shop.until_condition("second", "ModelMeasured", "True", "Measured")
    assert not [w for w in audit.writes(shop.namespace, since=mark) if w.resource == "jobs"]


def test_two_services_of_one_model_measure_once(shop: Shop) -> None:
    for name in ("first", "second"):
        shop.add_running(name, measurement=ASKED)
        shop.serve(name)
    shop.until(
        "one of them to wait for the other",
        lambda: (
            {shop.condition(name, "ModelMeasured")[1] for name in ("first", "second")}
            == {"Measuring", "MeasuredElsewhere"}
        ),
    )
    (job,) = shop.all("Job")
    shop.answer_measurement(job["metadata"]["labels"][labels.SERVICE], numbers())

    for name in ("first", "second"):
        shop.until_condition(name, "ModelMeasured", "True", "Measured")


def test_a_failure_is_told_and_what_serves_goes_on(shop: Shop) -> None:
    shop.add_running("first", measurement=ASKED)
    shop.serve("first")
    failure = Failure(reason="RequestRefused", message="batch of 2: 400: wrong shape")
    text = encode_measurement(MeasurementReport(failure=failure))
    shop.answer_measurement("first", text, exit_code=PERMANENT)

    shop.until_condition("first", "ModelMeasured", "False", "RequestRefused")
    assert shop.condition("first", "Ready") == ("True", "Serving")
    shop.until("nothing to be left to do", shop.operator.is_quiet)
    assert len(shop.all("Job", "first")) == 1, "its pod's log can be read, and it is no loop"
    assert shop.find("ModelProfile", profile(1)) is None


def test_a_declared_profile_needs_no_job(shop: Shop, audit: Audit) -> None:
    shop.add_profile(1)
    name = model_facts.digest(1).replace(":", "-")
    shop.merge("ModelProfile", name, {"spec": {"measurements": [row(source="Declared")]}})
    mark = audit.mark()
    shop.add_running("first", measurement=ASKED)
    shop.serve("first")

    shop.until_condition("first", "ModelMeasured", "True", "Measured")
    writes = audit.writes(shop.namespace, since=mark)
    assert not [w for w in writes if w.resource in ("jobs", "modelprofiles")]
