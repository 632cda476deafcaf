"""A model repository of somebody else's: an ensemble of a Python model and an ONNX model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tritonclient.http as triton

from e2e.services import Services
from tests.unit.model.repository_building import PREPARE, ensemble, placed, tarred

KEPT = b'metric_tags { key: "kept" value: "yes" }\n'
"""A line that only the repository's author can have written."""


def answer(services: Services, name: str) -> list[list[float]]:
    """The pipeline's answer for two items."""
    with services.address(name) as address, triton.InferenceServerClient(address) as client:
        raw = triton.InferInput("raw", [2, 4], "FP32")
        raw.set_data_from_numpy(np.array([[1, 2, 3, 4], [0, 0, 0, 1]], np.float32))
        answers = client.infer("pipeline", [raw]).as_numpy("y")
        assert answers is not None
        values: list[list[float]] = answers.tolist()
        return values


def test_an_ensemble_with_code_serves_where_code_may_run(
    coding: Services, services: Services, tmp_path: Path
) -> None:
    contents = {**ensemble(), "prepare/config.pbtxt": PREPARE + KEPT}
    placed(contents, tmp_path / "sums")
    archive = tmp_path / "sums.tar.gz"
    archive.write_bytes(tarred(contents, prefix="sums/"))
    files = {f"sums/{path}": tmp_path / "sums" / path for path in contents}
    services.place("models", files)
    coding.place("models", {**files, "sums.tar.gz": archive})
    model = {"uri": "pvc://models/sums", "format": "TritonRepository"}

    services.apply("sums", model=model)
    coding.apply("sums", model=model)

    refused = services.wait_for("sums", "ModelReady", "False", "CodeNotAllowed")
    assert "model 'prepare' runs in the backend 'python'" in refused["message"]
    coding.wait_for("sums", "Ready", "True")
    # Twice the input, summed, plus one; three times.
    assert answer(coding, "sums") == [[21.0] * 3, [3.0] * 3]
    status = coding.get("tisvc", "sums")["status"]
    assert status["model"]["name"] == "pipeline"
    reasons = " ".join(status["pools"][0]["reasons"])
    assert "completed in the config.pbtxt of classifier: instance_group" in reasons
    with coding.address("sums") as address, triton.InferenceServerClient(address) as client:
        config = client.get_model_config("classifier")
        assert config["instance_group"][0]["kind"] == "KIND_CPU"
        assert config["parameters"]["intra_op_thread_count"] == {"string_value": "1"}
        assert "max_queue_delay_microseconds" in config["dynamic_batching"]
        assert client.get_model_config("prepare")["metric_tags"] == {"kept": "yes"}

    coding.patch("sums", {"model": {"uri": "pvc://models/sums.tar.gz"}})

    coding.wait_for("sums", "Ready", "True")
    assert answer(coding, "sums") == [[21.0] * 3, [3.0] * 3]
    assert coding.get("tisvc", "sums")["status"]["model"]["uri"] == "pvc://models/sums.tar.gz"
