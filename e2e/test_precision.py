"""A copy in INT8 is made, compared, measured, and serves where it is faster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import onnxruntime
from tritonclient.http import InferenceServerClient, InferInput

from e2e.dense_model import write_model, write_rows
from e2e.harness.waiting import wait_until
from e2e.measured_elsewhere import measured_elsewhere
from e2e.services import Services

LONGEST_SECONDS = 300
"""For two measurements, a conversion and two rollouts, on a machine with other work."""
MIN_AGREEMENT = 0.8
"""Less than the net has: 0.92 of rows alone, 0.90 of rows in batches."""
OWN_CLOSENESS = 0.1
"""Relative L2 of one row; INT8 of this net has 0.02 in the mean."""
FASTER = 3
"""Of INT8 over FP32, in the profile from elsewhere: far beyond what is asked of a copy."""


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


def where_int8_is_faster(profile: dict[str, Any]) -> dict[str, Any]:
    """On the same CPUs."""
    (stored,) = [row for row in profile["measurements"] if row["precision"] == "FP32"]
    times = [
        {**one, "milliseconds": f"{float(one['milliseconds']) / FASTER:.6f}"}
        for one in stored["latency"]
    ]
    copy = {
        **stored,
        "precision": "INT8",
        "latency": times,
        "throughput": f"{float(stored['throughput']) * FASTER:.3f}",
    }
    return measured_elsewhere(profile, stored, copy)


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
    wait_until("a Job beside it", lambda: bool(services.every("jobs", "dense")), timeout_seconds=60)

    name = services.get("tisvc", "dense")["status"]["model"]["digest"].replace(":", "-")

    def both_are_measured() -> bool:
        rows = services.get("modelprofile", f"{name}-measured")["spec"].get("measurements", [])
        return {row["precision"] for row in rows} == {"FP32", "INT8"}

    wait_until("FP32 and INT8 to be measured", both_are_measured, timeout_seconds=LONGEST_SECONDS)
    profile = services.get("modelprofile", f"{name}-measured")["spec"]
    (copy,) = profile["conversions"]
    assert float(copy["agreement"]) >= MIN_AGREEMENT
    services.apply_profile("elsewhere", where_int8_is_faster(profile))

    services.wait_for(
        "dense", "PrecisionVerified", "True", "Verified", timeout_seconds=LONGEST_SECONDS
    )
    services.wait_for("dense", "Progressing", "False", timeout_seconds=LONGEST_SECONDS)
    (pool,) = services.get("tisvc", "dense")["status"]["pools"]
    assert pool["precision"] == "INT8", pool["reasons"]
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
