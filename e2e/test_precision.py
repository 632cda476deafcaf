"""A copy in INT8 is made, compared, measured, and serves: nobody says more than `Auto`."""

from __future__ import annotations

from pathlib import Path

import numpy
import onnxruntime
from tritonclient.http import InferenceServerClient, InferInput

from e2e.dense_model import write_model, write_rows
from e2e.harness.waiting import wait_until
from e2e.services import Services

LONGEST_SECONDS = 300
"""For two measurements, a conversion and two rollouts, on a machine with other work."""
MIN_AGREEMENT = 0.9
OWN_CLOSENESS = 0.1
"""Relative L2 of one row; INT8 of this net has 0.02 in the mean."""


def served(services: Services, name: str, rows: numpy.ndarray) -> numpy.ndarray:
    """What the service answers to each row, alone in its request."""
    answers = []
    with services.address(name) as url:
        client = InferenceServerClient(url)
        for row in rows:
            given = InferInput("x", [1, len(row)], "FP32")
            given.set_data_from_numpy(row[None])
            answers.append(client.infer(name, [given]).as_numpy("y"))
        client.close()
    return numpy.concatenate(answers)


def test_a_copy_that_agrees_and_is_faster_is_adopted(services: Services, tmp_path: Path) -> None:
    model, rows = tmp_path / "model.onnx", tmp_path / "rows.npz"
    write_model(model)
    write_rows(rows)
    services.place("models", {"dense/model.onnx": model, "dense/rows.npz": rows})

    services.apply(
        "dense",
        model={
            "uri": "pvc://models/dense/model.onnx",
            "samples": {"uri": "pvc://models/dense/rows.npz"},
        },
        precision={"mode": "Auto", "minAgreement": str(MIN_AGREEMENT)},
        hardware={"resources": {"cpu": "500m"}},
        objective={"latency": {"milliseconds": 500}},
        measurement={"mode": "IfUnknown", "budgetSeconds": 20},
    )
    services.wait_for("dense", "Ready", "True")
    (pool,) = services.get("tisvc", "dense")["status"]["pools"]
    assert pool["precision"] == "FP32", "it serves before anything else is tried"

    services.wait_for(
        "dense", "PrecisionVerified", "True", "Verified", timeout_seconds=LONGEST_SECONDS
    )
    services.wait_for("dense", "Progressing", "False", timeout_seconds=LONGEST_SECONDS)

    (pool,) = services.get("tisvc", "dense")["status"]["pools"]
    assert pool["precision"] == "INT8", pool["reasons"]
    digest = services.get("tisvc", "dense")["status"]["model"]["digest"]
    profile = services.get("modelprofile", digest.replace(":", "-") + "-measured")["spec"]
    (copy,) = profile["conversions"]
    assert float(copy["agreement"]) >= MIN_AGREEMENT
    assert {row["precision"] for row in profile["measurements"]} == {"FP32", "INT8"}
    assert services.every("jobs", "dense") == [], "their answers are kept, so they are pruned"

    # One that is on its way out still answers on connections that it has.
    wait_until(
        "the FP32 pod to be gone",
        lambda: len(services.every("pods", "dense")) == 1,
        timeout_seconds=LONGEST_SECONDS,
    )
    inputs = numpy.load(rows)["x"][:16]
    expected = onnxruntime.InferenceSession(str(model)).run(None, {"x": inputs})[0]
    answers = served(services, "dense", inputs)
    off = numpy.linalg.norm(answers - expected, axis=1) / numpy.linalg.norm(expected, axis=1)
    assert off.max() > 0, "FP32 itself answers"
    assert off.mean() < OWN_CLOSENESS
