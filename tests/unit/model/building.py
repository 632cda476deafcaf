"""Tiny real ONNX models, as bytes: built by onnx itself, one idea each."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def package_folder(name: str) -> Path:
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


MAGIKA = package_folder("magika") / "models" / "standard_v3_3" / "model.onnx"
LIGHT = sorted((package_folder("onnx") / "backend/test/data/light").glob("light_*.onnx"))

Axes = Sequence[int | str | None] | None


def value(name: str, axes: Axes, kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, axes)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    *,
    weights: Sequence[onnx.TensorProto] = (),
    domains: Sequence[tuple[str, int]] = (("", 17),),
    functions: Sequence[onnx.FunctionProto] = (),
) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializer=weights)
    return helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(name, version) for name, version in domains],
        functions=functions,
        ir_version=9,
    )


def relu(x: Axes, y: Axes, kind: int = TensorProto.FLOAT) -> onnx.ModelProto:
    """y = relu(x): the shapes can be claimed freely."""
    node = helper.make_node("Relu", ["x"], ["y"])
    return model([node], [value("x", x, kind)], [value("y", y, kind)])


def linear(rows: Axes = ("n", 4), out: Axes = ("n", 3)) -> onnx.ModelProto:
    """y = x · w + b: 12 + 3 parameters."""
    weights = [
        numpy_helper.from_array(np.ones((4, 3), np.float32), "w"),
        numpy_helper.from_array(np.ones(3, np.float32), "b"),
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["xw"]),
        helper.make_node("Add", ["xw", "b"], ["y"]),
    ]
    return model(nodes, [value("x", rows)], [value("y", out)], weights=weights)


def external(location: str, *, shape: Sequence[int] = (4, 3), **entries: str) -> onnx.ModelProto:
    """`linear`, with `w` in the file `location`."""
    built = linear()
    tensor = built.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.dims[:] = shape
    tensor.data_location = TensorProto.EXTERNAL
    for key, text in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=text)
    return built


def saved(built: onnx.ModelProto, folder: Path, name: str = "model.onnx") -> Path:
    path = folder / name
    path.write_bytes(built.SerializeToString())
    return path
