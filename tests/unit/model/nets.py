"""Small nets with random weights, of the kinds that are converted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import convert_model_to_external_data

from tests.unit.model.building import model, saved, value
from triton_operator.api.conversion_method import CONVERTED, Method
from triton_operator.model.conversion.source_model import SourceModel, read_source
from triton_operator.model.sample_rows import Array, Samples, checked_samples

TO_ANOTHER_PRECISION = tuple(one for one in Method if one.precision in CONVERTED)
"""Ways to convert; what is left is in `test_dynamic_batch`."""

node = helper.make_node


def weights(name: str, *shape: int, seed: int = 1) -> TensorProto:
    """Scaled so that activations stay around 1."""
    source = np.random.default_rng([seed, *name.encode()])
    scale = 1 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.1
    return numpy_helper.from_array((source.standard_normal(shape) * scale).astype("f4"), name)


def mlp(rows: int | str = "n", opset: int = 17) -> onnx.ModelProto:
    """Scores of 10 classes; one MatMul, one Gemm, nodes without names."""
    nodes = [
        node("MatMul", ["x", "w1"], ["h"]),
        node("Add", ["h", "b1"], ["hb"]),
        node("Relu", ["hb"], ["r"]),
        node("Gemm", ["r", "w2", "b2"], ["y"], transB=1),
    ]
    tensors = [weights("w1", 16, 64), weights("b1", 64), weights("w2", 10, 64), weights("b2", 10)]
    return model(
        nodes,
        [value("x", [rows, 16])],
        [value("y", [rows, 10])],
        weights=tensors,
        domains=[("", opset)],
    )


def cnn(rows: int | str = "n", opset: int = 17) -> onnx.ModelProto:
    """Scores of 10 classes for 3 × 16 × 16 pixels; convolutions with BatchNormalization."""
    nodes = [
        node("Conv", ["x", "k1"], ["c1"], pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["c1", "g", "b", "m", "v"], ["bn"]),
        node("Relu", ["bn"], ["r1"]),
        node("MaxPool", ["r1"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["p", "k2"], ["c2"], pads=[1, 1, 1, 1]),
        node("Relu", ["c2"], ["r2"]),
        node("GlobalAveragePool", ["r2"], ["ga"]),
        node("Flatten", ["ga"], ["f"]),
        node("Gemm", ["f", "w", "bias"], ["y"]),
    ]
    ones = numpy_helper.from_array(np.ones(8, "f4"), "v")
    gains = numpy_helper.from_array(np.linspace(0.5, 2, 8).astype("f4"), "g")
    tensors = [
        weights("k1", 8, 3, 3, 3),
        weights("b", 8),
        weights("m", 8),
        ones,
        gains,
        weights("k2", 16, 8, 3, 3),
        # Differences of means are small: large weights tell the classes apart.
        numpy_helper.from_array(20 * numpy_helper.to_array(weights("w", 16, 10)), "w"),
        weights("bias", 10),
    ]
    return model(
        nodes,
        [value("x", [rows, 3, 16, 16])],
        [value("y", [rows, 10])],
        weights=tensors,
        domains=[("", opset)],
    )


def attention() -> onnx.ModelProto:
    """One head over sequences of 16 tokens of width 32, with embeddings, mask and LayerNorm."""
    nodes = [
        node("Gather", ["table", "ids"], ["x"]),
        *(node("MatMul", ["x", f"w{part}"], [part]) for part in "qkv"),
        node("Transpose", ["k"], ["kt"], perm=[0, 2, 1]),
        node("MatMul", ["q", "kt"], ["scores"]),
        node("Cast", ["mask"], ["seen"], to=TensorProto.BOOL),
        node("Unsqueeze", ["seen", "one"], ["wide"]),
        node("Where", ["wide", "scores", "never"], ["masked"]),
        node("Softmax", ["masked"], ["share"]),
        node("MatMul", ["share", "v"], ["mixed"]),
        node("Add", ["x", "mixed"], ["sum"]),
        node("LayerNormalization", ["sum", "scale"], ["y"]),
    ]
    tensors = [
        weights("table", 50, 32, seed=3),
        *(weights(f"w{part}", 32, 32) for part in "qkv"),
        numpy_helper.from_array(np.array([1], "i8"), "one"),
        numpy_helper.from_array(np.array(np.finfo("f4").min), "never"),
        numpy_helper.from_array(np.ones(32, "f4"), "scale"),
    ]
    ids = value("ids", ["n", 16], TensorProto.INT64)
    mask = value("mask", ["n", 16], TensorProto.INT64)
    return model(nodes, [ids, mask], [value("y", ["n", 16, 32])], weights=tensors)


def branching() -> onnx.ModelProto:
    """A MatMul, then an If whose branches use its result from outside."""

    def branch(name: str, kind: str) -> onnx.GraphProto:
        return helper.make_graph(
            [node(kind, ["h"], [f"{name}_y"])], name, [], [value(f"{name}_y", ["n", 8])]
        )

    nodes = [
        node("MatMul", ["x", "w"], ["h"], name="product"),
        node("ReduceSum", ["x"], ["total"], keepdims=0),
        node("Greater", ["total", "zero"], ["positive"]),
        node(
            "If",
            ["positive"],
            ["y"],
            name="choice",
            then_branch=branch("then", "Relu"),
            else_branch=branch("else", "Neg"),
        ),
    ]
    zero = numpy_helper.from_array(np.zeros((), "f4"), "zero")
    return model(
        nodes, [value("x", ["n", 16])], [value("y", ["n", 8])], weights=[weights("w", 16, 8), zero]
    )


def with_function() -> onnx.ModelProto:
    """y = relu(x · w), where MatMul and Relu are a local function."""
    function = helper.make_function(
        "local",
        "Dense",
        ["a", "b"],
        ["c"],
        [node("MatMul", ["a", "b"], ["t"]), node("Relu", ["t"], ["c"])],
        [helper.make_opsetid("", 17)],
    )
    return model(
        [node("Dense", ["x", "w"], ["y"], domain="local", name="call")],
        [value("x", ["n", 16])],
        [value("y", ["n", 8])],
        weights=[weights("w", 16, 8)],
        domains=[("", 17), ("local", 1)],
        functions=[function],
    )


def with_weights(built: onnx.ModelProto, name: str, array: Array) -> onnx.ModelProto:
    """The model with one tensor replaced."""
    changed = onnx.ModelProto.FromString(built.SerializeToString())
    for tensor in changed.graph.initializer:
        if tensor.name == name:
            tensor.CopyFrom(numpy_helper.from_array(array.astype("f4"), name))
            return changed
    raise AssertionError(name)


def weights_of(built: onnx.ModelProto, name: str) -> Array:
    """A writable copy of one tensor."""
    found = next(tensor for tensor in built.graph.initializer if tensor.name == name)
    return np.array(numpy_helper.to_array(found))


def source_of(built: onnx.ModelProto, folder: Path) -> SourceModel:
    folder.mkdir(parents=True, exist_ok=True)
    return read_source(saved(built, folder, "source.onnx"))


def saved_externally(built: onnx.ModelProto, folder: Path) -> Path:
    """The model with its weights in `weights.bin`."""
    folder.mkdir(parents=True, exist_ok=True)
    split = onnx.ModelProto.FromString(built.SerializeToString())
    convert_model_to_external_data(split, location="weights.bin", size_threshold=0)
    onnx.save_model(split, folder / "source.onnx")
    return folder / "source.onnx"


def rows_for(source: SourceModel, rows: int = 64, seed: int = 0) -> Samples:
    """Rows as users would give them: FP32 around 0, token ids below 50, masks of some length."""
    made = np.random.default_rng(seed)
    arrays: dict[str, Array] = {}
    for tensor in source.facts.inputs:
        shape: Sequence[int] = [rows, *tensor.shape[1:]]
        if tensor.name == "mask":
            arrays["mask"] = (np.arange(16) < made.integers(4, 17, (rows, 1))).astype("i8")
        elif tensor.datatype == "INT64":
            arrays[tensor.name] = made.integers(0, 50, shape)
        else:
            arrays[tensor.name] = made.standard_normal(shape).astype("f4")
    return checked_samples(arrays, source.facts.inputs)
