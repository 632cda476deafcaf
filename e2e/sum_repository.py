"""A small model repository: `pipeline` doubles in Python, then sums in ONNX and adds one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_DOUBLED = """\
# Kept as it is.
name: "doubled"
backend: "python"
max_batch_size: 8
input [ { name: "raw" data_type: TYPE_FP32 dims: [ 4 ] } ]
output [ { name: "twice" data_type: TYPE_FP32 dims: [ 4 ] } ]
instance_group [ { kind: KIND_CPU count: 1 } ]
metric_tags { key: "kept" value: "yes" }
"""
_DOUBLED_PY = '''\
"""Doubles its input."""

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        return [
            pb_utils.InferenceResponse(
                [
                    pb_utils.Tensor(
                        "twice", pb_utils.get_input_tensor_by_name(request, "raw").as_numpy() * 2
                    )
                ]
            )
            for request in requests
        ]
'''
_SUM = """\
backend: "onnxruntime"
max_batch_size: 8
input { name: "x" data_type: TYPE_FP32 dims: [ 4 ] }
output { name: "y" data_type: TYPE_FP32 dims: [ 1 ] }
"""
_PIPELINE = """\
platform: "ensemble"
max_batch_size: 8
input { name: "raw" data_type: TYPE_FP32 dims: [ 4 ] }
output { name: "y" data_type: TYPE_FP32 dims: [ 1 ] }
ensemble_scheduling {
  step {
    model_name: "doubled"
    model_version: -1
    input_map { key: "raw" value: "raw" }
    output_map { key: "twice" value: "twice" }
  }
  step {
    model_name: "sum"
    model_version: -1
    input_map { key: "x" value: "twice" }
    output_map { key: "y" value: "y" }
  }
}
"""


def sum_repository(folder: Path) -> Path:
    """Write it to `folder`."""
    texts = {
        "doubled/config.pbtxt": _DOUBLED,
        "doubled/1/model.py": _DOUBLED_PY,
        "sum/config.pbtxt": _SUM,
        "pipeline/config.pbtxt": _PIPELINE,
    }
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / "sum" / "1").mkdir()
    (folder / "sum" / "1" / "model.onnx").write_bytes(_sum_model().SerializeToString())
    return folder


def _sum_model() -> onnx.ModelProto:
    def tensor(name: str, axes: list[int | str]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, axes)

    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["xw"]),
        helper.make_node("Add", ["xw", "b"], ["y"]),
    ]
    weights = [
        numpy_helper.from_array(np.ones((4, 1), np.float32), "w"),
        numpy_helper.from_array(np.ones(1, np.float32), "b"),
    ]
    graph = helper.make_graph(
        nodes, "sum", [tensor("x", ["n", 4])], [tensor("y", ["n", 1])], initializer=weights
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
