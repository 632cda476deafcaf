"""The revision of our own part of a conversion stands for its bytes."""

import hashlib
from pathlib import Path

import onnx
import pytest

from tests.unit.model import nets
from tests.unit.model.building import saved
from triton_operator.api.conversion_method import Method
from triton_operator.api.tool_versions import CONVERSION_REVISION
from triton_operator.model.conversion.conversion import convert_model
from triton_operator.model.conversion.source_model import read_source

GRAPHS = {
    ("2", Method.FP16): "42a8d0e11cfd450b6e36fcff6b6909ddcf47667b39709c43b4585d3a8cf98cda",
    ("2", Method.INT8_DYNAMIC): "4ad276fdf6930ca3fa88981f7e29caa7417b115d0c8c8f7e53e204a1a5e4dd93",
    (
        "2",
        Method.DYNAMIC_BATCH,
    ): "08b7294973be93c81069697647c6f233cea1bf3138233d75aade0abf013180a6",
}
"""sha256 of the converted graph, without the metadata that has the versions."""


@pytest.mark.parametrize("method", [Method.FP16, Method.INT8_DYNAMIC, Method.DYNAMIC_BATCH])
def test_other_bytes_are_another_revision(method: Method, tmp_path: Path) -> None:
    """Pods compare their copy with a digest that an older operator may have written."""
    rows = 1 if method is Method.DYNAMIC_BATCH else "n"
    source = saved(nets.mlp(rows=rows), tmp_path, "model.onnx")
    convert_model(read_source(source), method, tmp_path / "copy.onnx")

    graph = onnx.load(tmp_path / "copy.onnx").graph
    found = hashlib.sha256(graph.SerializeToString(deterministic=True)).hexdigest()

    assert found == GRAPHS[CONVERSION_REVISION, method], (
        "if no pinned tool has changed, raise CONVERSION_REVISION; then write down the digest"
    )
