"""The model with which an installation is checked: inspected by us, and what it computes."""

import ssl
import urllib.request
from pathlib import Path

import numpy as np
import onnx
import onnx.reference
import pytest

from tests.unit.model.store import certificate
from triton_operator.cli.local_model import local_model
from triton_operator.cli.sample_model import (
    SAMPLE_DIGEST,
    SAMPLE_MODEL,
    SAMPLE_VALUES,
    is_right,
)
from triton_operator.cli.sample_store import PATH, sample_store


def test_the_model_is_what_the_check_says(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(SAMPLE_MODEL)

    found = local_model(file)

    assert found.digest == SAMPLE_DIGEST
    assert found.facts.batchable
    assert [(tensor.name, tensor.datatype) for tensor in found.facts.inputs] == [("x", "FP32")]


def test_only_the_right_answer_is_right() -> None:
    onnx.checker.check_model(onnx.load_from_string(SAMPLE_MODEL), full_check=True)
    model = onnx.reference.ReferenceEvaluator(SAMPLE_MODEL)
    (answer,) = model.run(None, {"x": np.array([SAMPLE_VALUES], dtype=np.float32)})

    assert is_right(answer.ravel().tolist())
    assert not is_right(list(SAMPLE_VALUES))
    assert not is_right([])


def test_the_store_has_the_model_and_nothing_else(tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).write_bytes(pem.read_bytes())
    trust = ssl.create_default_context(cafile=tmp_path / "ca.crt")
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
    )

    with sample_store(tmp_path, 0) as port:
        root = f"https://localhost:{port}"
        assert opener.open(root + PATH, timeout=10).read() == SAMPLE_MODEL
        with pytest.raises(urllib.error.HTTPError, match="404") as refused:
            opener.open(f"{root}/tls.key", timeout=10)
        refused.value.close()
