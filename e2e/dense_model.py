"""A net of matrix products, for which INT8 is several times as fast where the CPU has VNNI."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

INPUTS, WIDTH, LAYERS, OUTPUTS = 256, 1536, 4, 4
"""About 20 MB: long enough for a batch to be more than what a server adds to it."""
ROWS = 256


def write_model(path: Path, seed: int = 7, batch: str | int = "N") -> None:
    """Write the model, of `x` [batch, 256] to `y` [batch, 4], in FP32."""
    random = numpy.random.default_rng(seed)
    sizes = [INPUTS, *[WIDTH] * (LAYERS - 1), OUTPUTS]
    nodes, weights, last = [], [], "x"
    for number, (rows, columns) in enumerate(itertools.pairwise(sizes)):
        values = random.standard_normal((rows, columns)) / numpy.sqrt(rows)
        weights.append(numpy_helper.from_array(values.astype(numpy.float32), f"w{number}"))
        product = "y" if number == LAYERS - 1 else f"product{number}"
        nodes.append(helper.make_node("MatMul", [last, f"w{number}"], [product], name=product))
        last = product
        if number < LAYERS - 1:
            last = f"layer{number}"
            nodes.append(helper.make_node("Relu", [product], [last], name=last))
    graph = helper.make_graph(
        nodes,
        "dense",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, INPUTS])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, OUTPUTS])],
        weights,
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path
    )


def write_rows(path: Path, seed: int = 8) -> None:
    """Write inputs as samples: an .npz with `x` [256, 256]."""
    random = numpy.random.default_rng(seed)
    numpy.savez(path, x=random.standard_normal((ROWS, INPUTS)).astype(numpy.float32))
