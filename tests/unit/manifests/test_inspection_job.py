"""The inspection Job: anew for a new source, never for anything else."""

from typing import Any, NamedTuple

import pytest

from tests.unit.manifests.building import FETCH, OWNER
from tests.unit.planning.building import DIGEST
from triton_operator.api import labels
from triton_operator.api.inference_service import Model
from triton_operator.manifests.inspection_job import (
    PERMANENT_EXIT_CODE,
    inspection_job,
    source_hash,
)
from triton_operator.model.errors import ModelFailure

MODEL = Model(uri="pvc://models/a.onnx")


class Change(NamedTuple):
    name: str
    changes: dict[str, Any]
    anew: bool
    why: str


@pytest.mark.parametrize(
    "row",
    [
        Change("address", {"uri": "pvc://models/b.onnx"}, True, "other bytes"),
        Change("format", {"format": "TensorRT"}, True, "other rules"),
        Change("pin", {"digest": DIGEST}, True, "the bytes must be these"),
        Change("credentials", {"secretName": "store"}, True, "may be allowed now"),
        Change("samples", {"samples": {"uri": "pvc://m/s.npz"}}, False, "not read by a Job"),
    ],
    ids=lambda row: row.name,
)
def test_a_job_is_named_by_its_source(row: Change) -> None:
    changed = Model.model_validate({"uri": MODEL.uri, **row.changes})

    assert (source_hash(changed) != source_hash(MODEL)) is row.anew, row.why
    before, after = (inspection_job(OWNER, model, FETCH) for model in (MODEL, changed))
    assert (before["metadata"]["name"] != after["metadata"]["name"]) is row.anew


def test_a_pin_is_checked_by_the_job() -> None:
    def arguments(model: Model) -> list[str]:
        job = inspection_job(OWNER, model, FETCH)
        return job["spec"]["template"]["spec"]["containers"][0]["args"]

    assert f"--digest={DIGEST}" in arguments(Model(uri=MODEL.uri, digest=DIGEST))
    assert not [one for one in arguments(MODEL) if one.startswith("--digest")]


def test_a_failure_that_would_repeat_itself_ends_the_job_at_once() -> None:
    job = inspection_job(OWNER, MODEL, FETCH)
    (rule,) = job["spec"]["podFailurePolicy"]["rules"]

    assert rule["action"] == "FailJob"
    assert rule["onExitCodes"]["values"] == [PERMANENT_EXIT_CODE]
    assert rule["onExitCodes"]["containerName"] == "inspect"
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    assert ModelFailure.__subclasses__(), "the failures whose exit code this is"


def test_the_deadline_leaves_time_for_more_than_the_download() -> None:
    job = inspection_job(OWNER, MODEL, FETCH)

    assert job["spec"]["activeDeadlineSeconds"] > FETCH.timeout_seconds
    assert job["spec"]["template"]["metadata"]["labels"][labels.ROLE] == labels.INSPECT
