"""A model is measured with Triton beside it on its pool, and the plan goes by what was measured."""

from __future__ import annotations

from e2e.sample_files import magika_model
from e2e.services import Services
from e2e.test_serving import DIGEST, assert_answers
from triton_operator.planning.quantities import MEBIBYTE, size_bytes

BUDGET_SECONDS = 20
LONGEST_SECONDS = 240
"""Room on the node, Triton's start, the budget, and a rollout by what came of it."""


def test_a_service_that_asks_for_it_is_measured_and_planned_by_that(services: Services) -> None:
    services.place("models", {"magika/model.onnx": magika_model()})

    services.apply(
        "filetype",
        model={"uri": "pvc://models/magika/model.onnx"},
        # Measuring at a fifth of a CPU would last as long as the budget for the first batch.
        hardware={"resources": {"cpu": "500m"}},
        objective={"latency": {"milliseconds": 1000}},
        measurement={"mode": "IfUnknown", "budgetSeconds": BUDGET_SECONDS},
    )
    services.wait_for("filetype", "Ready", "True")
    services.wait_for("filetype", "ModelMeasured", "True", timeout_seconds=LONGEST_SECONDS)

    profile = services.get("modelprofile", DIGEST.replace(":", "-") + "-measured")
    (row,) = profile["spec"]["measurements"]
    assert (row["precision"], row["engine"], row["source"]) == ("FP32", "onnxruntime", "Measured")
    times = {one["batchSize"]: float(one["milliseconds"]) for one in row["latency"]}
    assert times[1] > 0
    assert times[max(times)] >= times[1], "a larger batch takes longer"
    assert 32 * MEBIBYTE < size_bytes(row["memory"]) < 1024 * MEBIBYTE, "of Triton, not of a shell"
    assert services.every("jobs", "filetype") == [], "its answer is kept, so it is pruned"

    services.wait_for("filetype", "Progressing", "False", timeout_seconds=LONGEST_SECONDS)
    (pool,) = services.get("tisvc", "filetype")["status"]["pools"]
    assert any("measured" in one for one in pool["reasons"]), pool["reasons"]
    assert pool["maxBatchSize"] in times
    assert any(f"{row['memory']} by the model's profile" in one for one in pool["reasons"])
    assert_answers(services, "filetype")
