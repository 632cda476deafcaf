"""The inspection Job: anew for a new source, never for anything else."""

from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from tests.unit.manifests.building import FETCH, OWNER
from tests.unit.planning.building import DIGEST
from triton_operator.api import labels
from triton_operator.api.model_source import Model
from triton_operator.api.runtime import Runtime
from triton_operator.manifests.desired_hash import content_hash
from triton_operator.manifests.inspection_job import (
    PERMANENT_EXIT_CODE,
    inspection_job,
    source_hash,
)
from triton_operator.model.errors import ModelFailure

MODEL = Model(uri="pvc://models/a.onnx")
RUNTIME = Runtime()


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
        Change("endpoint", {"endpoint": "https://minio"}, True, "another store"),
        Change("cache", {"cacheClaimName": "models"}, False, "not used by a Job"),
        Change("samples", {"samples": {"uri": "pvc://m/s.npz"}}, False, "not read by a Job"),
    ],
    ids=lambda row: row.name,
)
def test_a_job_is_named_by_its_source(row: Change) -> None:
    changed = Model.model_validate({"uri": MODEL.uri, **row.changes})

    assert (hash_of(changed) != hash_of(MODEL)) is row.anew, row.why
    before, after = (inspection_job(OWNER, model, RUNTIME, FETCH) for model in (MODEL, changed))
    assert (before["metadata"]["name"] != after["metadata"]["name"]) is row.anew


@pytest.mark.parametrize(
    ("runtime", "anew"),
    [
        ({"imagePullSecrets": [{"name": "registry"}]}, True),
        ({"serviceAccountName": "models"}, True),
        ({"podLabels": {"team": "search"}}, True),
        ({"podAnnotations": {"sidecar.istio.io/inject": "false"}}, True),
        ({"priorityClassName": "high", "image": "triton:26.09"}, False),
    ],
)
def test_a_job_that_could_not_run_is_tried_anew_when_it_can(
    runtime: dict[str, Any], anew: bool
) -> None:
    """A Job cannot be changed: it would wait for its image until its deadline."""
    changed = Runtime.model_validate(runtime)

    assert (hash_of(MODEL, changed) != hash_of(MODEL)) is anew


def test_an_upgrade_of_the_operator_inspects_nothing_anew() -> None:
    """The name without options is that of earlier versions."""
    source = [MODEL.uri, MODEL.format, MODEL.digest, MODEL.secret_name]

    assert hash_of(MODEL) == content_hash(source)


def hash_of(model: Model, runtime: Runtime = RUNTIME) -> str:
    return source_hash(model, runtime, allow_code=False)


@pytest.mark.parametrize(
    ("format", "anew"),
    [("ONNX", False), ("TensorRT", False), ("TorchScript", True), ("TritonRepository", True)],
)
def test_a_namespace_that_gets_the_right_to_code_is_inspected_anew(format: str, anew: bool) -> None:
    model = Model.model_validate({"uri": MODEL.uri, "format": format})
    allowed = replace(FETCH, code_namespaces=(OWNER.namespace,))

    before, after = (
        inspection_job(OWNER, model, RUNTIME, settings) for settings in (FETCH, allowed)
    )

    assert (before["metadata"]["name"] != after["metadata"]["name"]) is anew
    arguments = after["spec"]["template"]["spec"]["containers"][0]["args"]
    assert ("--allow-code" in arguments) is anew


def test_a_pin_is_checked_by_the_job() -> None:
    def arguments(model: Model) -> list[str]:
        job = inspection_job(OWNER, model, RUNTIME, FETCH)
        return job["spec"]["template"]["spec"]["containers"][0]["args"]

    assert f"--digest={DIGEST}" in arguments(Model(uri=MODEL.uri, digest=DIGEST))
    assert not [one for one in arguments(MODEL) if one.startswith("--digest")]


def test_a_failure_that_would_repeat_itself_ends_the_job_at_once() -> None:
    job = inspection_job(OWNER, MODEL, RUNTIME, FETCH)
    (rule,) = job["spec"]["podFailurePolicy"]["rules"]

    assert rule["action"] == "FailJob"
    assert rule["onExitCodes"]["values"] == [PERMANENT_EXIT_CODE]
    assert rule["onExitCodes"]["containerName"] == "inspect"
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    assert ModelFailure.__subclasses__(), "the failures whose exit code this is"


def test_the_deadline_leaves_time_for_more_than_the_download() -> None:
    job = inspection_job(OWNER, MODEL, RUNTIME, FETCH)

    assert job["spec"]["activeDeadlineSeconds"] > FETCH.timeout_seconds
    assert job["spec"]["template"]["metadata"]["labels"][labels.ROLE] == labels.INSPECT
