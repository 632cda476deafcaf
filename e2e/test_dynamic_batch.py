"""A model whose batch is fixed at 1 gets a copy that takes batches, and serves it where it pays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import onnxruntime
import pytest
from tritonclient.http import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException

from e2e.dense_model import write_model, write_rows
from e2e.harness.waiting import wait_until
from e2e.measured_elsewhere import measured_elsewhere
from e2e.services import Services

LONGEST_SECONDS = 300
"""For two measurements, a conversion and two rollouts, on a machine with other work."""
METHOD = "DynamicBatch"
FASTER = 3
"""The copy's throughput over that of the model as it is stored, in the profile from elsewhere."""
SIZES = (1, 2, 4, 8)
CLOSENESS = 1e-4
"""Relative L2 of a row; it is the model's own arithmetic, in another order at most."""


def answered(services: Services, rows: numpy.ndarray) -> numpy.ndarray:
    """What the service answers to these rows in one request."""
    with services.address("fixed") as url:
        client = InferenceServerClient(url)
        given = InferInput("x", list(rows.shape), "FP32")
        given.set_data_from_numpy(rows)
        answer: numpy.ndarray = client.infer("fixed", [given]).as_numpy("y")
        client.close()
    return answer


def where_the_copy_is_faster(profile: dict[str, Any]) -> dict[str, Any]:
    """On the same CPUs."""
    (stored,) = [row for row in profile["measurements"] if row.get("method") is None]
    (copy,) = [row for row in profile["measurements"] if row.get("method") == METHOD]
    alone = float(stored["latency"][0]["milliseconds"])
    copy = {
        **copy,
        # A batch takes what one request took before, however many it has.
        "latency": [
            {"batchSize": size, "milliseconds": f"{alone * (1 + size / 100):.6f}"} for size in SIZES
        ],
        "throughput": f"{float(stored['throughput']) * FASTER:.3f}",
    }
    return measured_elsewhere(profile, stored, copy)


def test_a_fixed_batch_is_made_dynamic_where_that_pays(services: Services, tmp_path: Path) -> None:
    model, rows = tmp_path / "model.onnx", tmp_path / "rows.npz"
    write_model(model, batch=1)
    write_rows(rows)
    services.place("models", {"fixed/model.onnx": model, "fixed/rows.npz": rows})
    inputs = numpy.load(rows)["x"][:8]

    services.apply(
        "fixed",
        model={
            "uri": "pvc://models/fixed/model.onnx",
            "samples": {"uri": "pvc://models/fixed/rows.npz"},
        },
        precision={"mode": "FP32"},
        hardware={"resources": {"cpu": "500m"}},
        objective={"latency": {"milliseconds": 500}},
        measurement={"mode": "IfUnknown", "budgetSeconds": 20},
    )
    services.wait_for("fixed", "Ready", "True")
    with pytest.raises(InferenceServerException):
        answered(services, inputs)

    name = services.get("tisvc", "fixed")["status"]["model"]["digest"].replace(":", "-")

    def both_are_measured() -> bool:
        found = services.get("modelprofile", f"{name}-measured")["spec"].get("measurements", [])
        return {row.get("method") for row in found} == {None, METHOD}

    wait_until("model and copy to be measured", both_are_measured, timeout_seconds=LONGEST_SECONDS)
    profile = services.get("modelprofile", f"{name}-measured")["spec"]
    (copy,) = profile["conversions"]
    assert (copy["method"], float(copy["agreement"])) == (METHOD, 1.0)
    services.apply_profile("elsewhere", where_the_copy_is_faster(profile))

    def is_batched() -> bool:
        (pool,) = services.get("tisvc", "fixed")["status"]["pools"]
        return bool(pool.get("maxBatchSize", 0) > 1)

    wait_until("the plan to batch", is_batched, timeout_seconds=LONGEST_SECONDS)
    services.wait_for("fixed", "Progressing", "False", timeout_seconds=LONGEST_SECONDS)
    # One that is on its way out still answers on connections that it has.
    wait_until(
        "the pod of the stored model to be gone",
        lambda: len(services.every("pods", "fixed")) == 1,
        timeout_seconds=LONGEST_SECONDS,
    )

    largest = services.get("tisvc", "fixed")["status"]["pools"][0]["maxBatchSize"]
    inputs = inputs[:largest]
    stored = onnxruntime.InferenceSession(str(model))
    expected = numpy.concatenate([stored.run(None, {"x": row[None]})[0] for row in inputs])
    off = numpy.linalg.norm(answered(services, inputs) - expected, axis=1)
    assert (off <= CLOSENESS * numpy.linalg.norm(expected, axis=1)).all()
