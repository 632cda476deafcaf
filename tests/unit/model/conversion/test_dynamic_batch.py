"""Models with a batch fixed at 1: which can take any, which cannot, and what stands in the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from tests.unit.model import nets
from tests.unit.model.building import LIGHT, model, value
from triton_operator.api.conversion_method import Method
from triton_operator.model import reasons
from triton_operator.model.conversion.conversion import convert_model
from triton_operator.model.conversion.dynamic_batch import with_dynamic_batch
from triton_operator.model.conversion.record import recipe_of
from triton_operator.model.conversion.source_model import read_source
from triton_operator.model.errors import ModelRefused, WorkFailed
from triton_operator.model.generated_rows import generated_samples
from triton_operator.model.inspection import inspect_model
from triton_operator.model.onnx_session import OnnxSession


def shape(name: str, *lengths: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(lengths, "i8"), name)


def reshaping(*lengths: int, constant: bool = False) -> onnx.ModelProto:
    """A product whose result is reshaped twice, by one shape, to `[1, 8]`."""
    nodes = [
        nets.node("MatMul", ["x", "w"], ["h"]),
        nets.node("Reshape", ["h", "s"], ["r"], name="first"),
        nets.node("Reshape", ["r", "s"], ["y"], name="second"),
    ]
    tensors = [nets.weights("w", 16, 8)]
    if constant:
        nodes.insert(0, nets.node("Constant", [], ["s"], value=shape("", *lengths)))
    else:
        tensors.append(shape("s", *lengths))
    return model(nodes, [value("x", [1, 16])], [value("y", [1, 8])], weights=tensors)


def flattened_cnn() -> onnx.ModelProto:
    built = nets.cnn(rows=1)
    flatten = next(node for node in built.graph.node if node.op_type == "Flatten")
    flatten.CopyFrom(nets.node("Reshape", [flatten.input[0], "flat"], list(flatten.output)))
    built.graph.initializer.append(shape("flat", 1, 16))
    return built


BATCHABLE = [
    ("mlp", lambda: nets.mlp(rows=1)),
    ("cnn", lambda: nets.cnn(rows=1)),
    ("reshape", lambda: reshaping(1, 8)),
    ("reshape, open", lambda: reshaping(1, -1)),
    ("reshape by a constant", lambda: reshaping(1, 8, constant=True)),
    ("reshape that is right already", lambda: reshaping(-1, 8)),
    ("flattened cnn", flattened_cnn),
]


@pytest.mark.parametrize("build", [row[1] for row in BATCHABLE], ids=[row[0] for row in BATCHABLE])
def test_a_batch_of_any_size(build: Callable[[], onnx.ModelProto], tmp_path: Path) -> None:
    source = nets.source_of(build(), tmp_path)
    assert not source.facts.batchable
    samples = nets.rows_for(source, 9)

    record = with_dynamic_batch(source, tmp_path / "out.onnx", samples)

    facts = inspect_model(tmp_path / "out.onnx")
    assert facts.batchable, facts.reason
    assert [tensor.name for tensor in facts.inputs] == ["x"]
    assert facts.inputs[0].shape[1:] == source.facts.inputs[0].shape[1:]
    x = samples.arrays["x"]
    together = OnnxSession(tmp_path / "out.onnx", name="out").run({"x": x})[0]
    alone = OnnxSession(source.path, name="source")
    for row in range(9):
        expected = alone.run({"x": x[row : row + 1]})[0]
        np.testing.assert_allclose(together[row : row + 1], expected, rtol=1e-4, atol=1e-5)
    recipe = recipe_of(onnx.load(tmp_path / "out.onnx"))
    assert recipe == record.recipe
    assert record.notes[0].startswith("rows get the same alone and in batches")


def test_freed_reshapes_are_told(tmp_path: Path) -> None:
    source = nets.source_of(reshaping(1, 8), tmp_path)

    record = with_dynamic_batch(source, tmp_path / "out.onnx", nets.rows_for(source, 4))

    assert record.notes[1:] == [
        "node 'first' (Reshape) keeps the batch as it comes",
        "node 'second' (Reshape) keeps the batch as it comes",
    ]


def across_rows() -> onnx.ModelProto:
    """Shapes are those of a batch; every row's answer depends on all of them."""
    nodes = [
        nets.node("MatMul", ["x", "w"], ["h"]),
        nets.node("Softmax", ["h"], ["y"], axis=0),
    ]
    weights = [nets.weights("w", 16, 8)]
    return model(nodes, [value("x", [1, 16])], [value("y", [1, 8])], weights=weights)


def pooled_rows() -> onnx.ModelProto:
    nodes = [
        nets.node("MatMul", ["x", "w"], ["h"]),
        nets.node("ReduceMean", ["h"], ["y"], axes=[0], keepdims=1, name="mean"),
    ]
    weights = [nets.weights("w", 16, 8)]
    return model(nodes, [value("x", [1, 16])], [value("y", [1, 8])], weights=weights)


def two_inputs(second: int) -> onnx.ModelProto:
    nodes = [nets.node("Add", ["x", "z"], ["y"])]
    return model(
        nodes, [value("x", [1, 4]), value("z", [second, 4])], [value("y", [max(1, second), 4])]
    )


REFUSED = [
    ("rows are mixed", across_rows, "output 'y' of a row is another one"),
    ("rows are reduced", pooled_rows, "node 'mean' (ReduceMean) does not keep the batch"),
    ("a shape by heads", lambda: reshaping(2, 4), "node 'first' (Reshape) does not keep"),
    ("dynamic already", nets.mlp, "axis 0 of input 'x' is n, not fixed at 1"),
    ("another batch", lambda: nets.mlp(rows=4), "axis 0 of input 'x' is 4, not fixed at 1"),
    ("another input", lambda: two_inputs(3), "axis 0 of input 'z' is 3, not fixed at 1"),
]


@pytest.mark.parametrize(
    ("build", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_what_keeps_the_batch_at_one(
    build: Callable[[], onnx.ModelProto], words: str, tmp_path: Path
) -> None:
    built = build()
    if built.graph.node[-1].name == "second" and words.startswith("node"):
        # `[2, 4]` in between, `[1, 8]` at the end.
        built.graph.initializer.append(shape("end", 1, 8))
        built.graph.node[-1].input[1] = "end"
    source = nets.source_of(built, tmp_path)
    samples = generated_samples(source.digest, source.facts.inputs, 8)

    with pytest.raises(ModelRefused) as caught:
        with_dynamic_batch(source, tmp_path / "out.onnx", samples)

    assert caught.value.failure.reason == reasons.CONVERSION_REFUSED
    assert caught.value.failure.message.startswith("the batch stays fixed at 1: ")
    assert words in caught.value.failure.message
    assert [entry.name for entry in tmp_path.iterdir()] == ["source.onnx"]


def test_one_row_proves_nothing(tmp_path: Path) -> None:
    source = nets.source_of(nets.mlp(rows=1), tmp_path)

    with pytest.raises(WorkFailed) as caught:
        with_dynamic_batch(source, tmp_path / "out.onnx", nets.rows_for(source, 1))

    assert caught.value.failure.reason == reasons.SAMPLES_REQUIRED


@pytest.mark.parametrize("name", ["light_squeezenet", "light_shufflenet"])
def test_light_models_of_the_onnx_project(name: str, tmp_path: Path) -> None:
    source = read_source(next(path for path in LIGHT if path.stem == name))
    samples = generated_samples(source.digest, source.facts.inputs, 2)

    record = with_dynamic_batch(source, tmp_path / "out.onnx", samples)

    assert inspect_model(tmp_path / "out.onnx").batchable
    assert "made-up inputs" in record.notes[0]


def test_what_was_rewritten_can_be_converted(tmp_path: Path) -> None:
    source = nets.source_of(nets.mlp(rows=1), tmp_path)
    with_dynamic_batch(source, tmp_path / "any.onnx", nets.rows_for(source, 4))

    record = convert_model(read_source(tmp_path / "any.onnx"), Method.FP16, tmp_path / "out.onnx")

    assert inspect_model(tmp_path / "out.onnx").batchable
    assert recipe_of(onnx.load(tmp_path / "out.onnx")) == record.recipe
