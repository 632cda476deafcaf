"""Models with which something goes wrong only later than the inspection."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TURNS = 10**12


def _model(
    nodes: Sequence[onnx.NodeProto], weights: Sequence[onnx.TensorProto] = ()
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])],
        initializer=weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def inconsistent() -> bytes:
    """x · w with w of the wrong height: sound as a file, refused by ONNX Runtime at load."""
    weights = [numpy_helper.from_array(np.ones((3, 4), np.float32), "w")]
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    return bytes(_model(nodes, weights).SerializeToString())


def endless() -> bytes:
    """y = x + 0 + 0 …, a trillion times: it loads, and its warm-up never comes to an end."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["goes_on"]),
            helper.make_node("Add", ["so_far", "zero"], ["sum"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("so_far", TensorProto.FLOAT, ["n", 4]),
        ],
        [
            helper.make_tensor_value_info("goes_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["n", 4]),
        ],
    )
    weights = [
        numpy_helper.from_array(np.array(TURNS, np.int64), "turns"),
        numpy_helper.from_array(np.array(True), "yes"),
        numpy_helper.from_array(np.zeros(4, np.float32), "zero"),
    ]
    nodes = [helper.make_node("Loop", ["turns", "yes", "x"], ["y"], body=body)]
    return bytes(_model(nodes, weights).SerializeToString())
