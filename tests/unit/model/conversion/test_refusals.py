"""What is not converted, and what the message names; what is hostile, and handled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.unit.model import nets
from tests.unit.model.building import model, relu, value
from triton_operator.api.conversion_method import Method
from triton_operator.model import reasons
from triton_operator.model.conversion.conversion import convert_model
from triton_operator.model.conversion.eligibility import LARGEST_HALF
from triton_operator.model.conversion.record import ConversionRecord
from triton_operator.model.conversion.source_model import SourceModel
from triton_operator.model.errors import ModelRefused
from triton_operator.model.onnx_session import OnnxSession
from triton_operator.model.verification.verification import verify

EVERY = nets.TO_ANOTHER_PRECISION


def convert(built: onnx.ModelProto, method: Method, folder: Path) -> ConversionRecord:
    source = nets.source_of(built, folder)
    return convert_model(source, method, folder / "out.onnx", samples=nets.rows_for(source))


def quantized() -> onnx.ModelProto:
    built = nets.mlp()
    built.graph.node[0].input[0] = "xf"
    scale = numpy_helper.from_array(np.array(0.1, "f4"), "s")
    zero = numpy_helper.from_array(np.array(0, "i1"), "z")
    built.graph.initializer.extend([scale, zero])
    there = nets.node("QuantizeLinear", ["x", "s", "z"], ["xq"], name="quantize")
    back = nets.node("DequantizeLinear", ["xq", "s", "z"], ["xf"], name="back")
    built.graph.node.insert(0, back)
    built.graph.node.insert(0, there)
    return built


def half_weights() -> onnx.ModelProto:
    built = nets.mlp()
    tensor = built.graph.initializer[0]
    tensor.CopyFrom(numpy_helper.from_array(nets.weights_of(built, "w1").astype("f2"), "w1"))
    built.graph.node.insert(0, nets.node("Cast", ["w1"], ["w1f"], to=TensorProto.FLOAT))
    built.graph.node[1].input[1] = "w1f"
    return built


def half_input() -> onnx.ModelProto:
    return relu(["n", 4], ["n", 4], TensorProto.FLOAT16)


def half_cast() -> onnx.ModelProto:
    built = nets.mlp()
    built.graph.node.insert(0, nets.node("Cast", ["x"], ["xh"], to=10, name="narrow"))
    built.graph.node.insert(1, nets.node("Cast", ["xh"], ["xf"], to=1))
    built.graph.node[2].input[0] = "xf"
    return built


def double() -> onnx.ModelProto:
    tensor = numpy_helper.from_array(np.ones((4, 3)), "w")
    return model(
        [nets.node("MatMul", ["x", "w"], ["y"])],
        [value("x", ["n", 4], TensorProto.DOUBLE)],
        [value("y", ["n", 3], TensorProto.DOUBLE)],
        weights=[tensor],
    )


def not_finite(number: float) -> Callable[[], onnx.ModelProto]:
    def build() -> onnx.ModelProto:
        array = nets.weights_of(nets.mlp(), "w1")
        array[3, 5] = number
        return nets.with_weights(nets.mlp(), "w1", array)

    return build


def sparse() -> onnx.ModelProto:
    built = nets.mlp()
    values = numpy_helper.from_array(np.ones(2, "f4"), "thin")
    indices = numpy_helper.from_array(np.array([0, 3]), "thin_indices")
    built.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [8]))
    return built


REFUSED = [
    ("quantised", quantized, EVERY, "node 'quantize' (QuantizeLinear) is quantised already"),
    ("FP16 weights", half_weights, EVERY, "tensor 'w1' is FP16 already"),
    ("FP16 input", half_input, EVERY, "'x' is FP16 already"),
    ("FP16 inside", half_cast, EVERY, "node 'narrow' (Cast) makes FP16 already"),
    ("FP64", double, EVERY, "no FP32 weights to convert: its largest tensor 'w' is DOUBLE"),
    ("no weights", lambda: relu(["n", 4], ["n", 4]), EVERY, "it has no weights"),
    ("NaN", not_finite(np.nan), EVERY, "tensor 'w1' has 1 values that are NaN or infinite"),
    ("infinite", not_finite(np.inf), EVERY, "tensor 'w1' has 1 values that are NaN or infinite"),
    ("sparse", sparse, EVERY, "tensor 'thin' is sparse"),
    (
        "control flow",
        nets.branching,
        (Method.FP16, Method.INT8_STATIC),
        "node 'choice' (If) has graphs inside (control flow)",
    ),
]


@pytest.mark.parametrize(
    ("build", "method", "words"),
    [
        pytest.param(build, method, words, id=f"{name}-{method}")
        for name, build, methods, words in REFUSED
        for method in methods
    ],
)
def test_what_cannot_be_converted(
    build: Callable[[], onnx.ModelProto], method: Method, words: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelRefused) as caught:
        convert(build(), method, tmp_path)

    assert caught.value.failure.reason == reasons.CONVERSION_REFUSED
    assert not caught.value.failure.retryable
    assert f"no conversion to {method}: " in caught.value.failure.message
    assert words in caught.value.failure.message
    assert [entry.name for entry in tmp_path.iterdir()] == ["source.onnx"]


def test_a_converted_model_is_not_converted_again(tmp_path: Path) -> None:
    convert(nets.mlp(), Method.INT8_DYNAMIC, tmp_path / "first")
    again = onnx.load(tmp_path / "first" / "out.onnx")

    with pytest.raises(ModelRefused, match="is quantised already"):
        convert(again, Method.FP16, tmp_path / "second")


def same_answers(source: SourceModel, path: Path, least: float = 0.99) -> bool:
    samples = nets.rows_for(source, 64, seed=9)
    return verify(source.path, path, source.facts.outputs, samples, least, batchable=False).accepted


def test_branches_stay_as_they_are_under_dynamic_int8(tmp_path: Path) -> None:
    source = nets.source_of(nets.branching(), tmp_path)

    convert_model(source, Method.INT8_DYNAMIC, tmp_path / "out.onnx")

    assert same_answers(source, tmp_path / "out.onnx", 0.9)
    assert "MatMulInteger" in {node.op_type for node in onnx.load(tmp_path / "out.onnx").graph.node}


@pytest.mark.parametrize(("method", "opset"), [("INT8Static", 12), ("INT8Dynamic", 10)])
def test_an_old_operator_set_is_raised(method: str, opset: int, tmp_path: Path) -> None:
    source = nets.source_of(nets.mlp(opset=opset), tmp_path)

    record = convert_model(
        source, Method(method), tmp_path / "out.onnx", samples=nets.rows_for(source)
    )

    assert f"operator set {opset} is raised to 13" in record.notes
    assert same_answers(source, tmp_path / "out.onnx", 0.9)


def test_an_operator_set_that_cannot_be_raised_is_refused(tmp_path: Path) -> None:
    built = model(
        [nets.node("MatMul", ["x", "w"], ["h"]), nets.node("ThresholdedRelu", ["h"], ["y"])],
        [value("x", ["n", 4])],
        [value("y", ["n", 3])],
        weights=[nets.weights("w", 4, 3)],
        domains=[("", 9)],
    )

    with pytest.raises(ModelRefused) as caught:
        convert(built, Method.INT8_DYNAMIC, tmp_path)

    assert caught.value.failure.reason == reasons.CONVERSION_REFUSED
    assert "ThresholdedRelu" in caught.value.failure.message


def test_weights_beyond_fp16_keep_their_node_in_fp32(tmp_path: Path) -> None:
    """Large weights that a small factor takes back: FP16 would make infinity of them."""
    built = nets.mlp()
    built = nets.with_weights(built, "w1", nets.weights_of(built, "w1") * 1e6)
    tiny = numpy_helper.from_array(np.array([1e-6], "f4"), "tiny")
    built.graph.initializer.append(tiny)
    built.graph.node.insert(0, nets.node("Mul", ["x", "tiny"], ["small"]))
    built.graph.node[1].input[0] = "small"
    source = nets.source_of(built, tmp_path)
    assert float(np.abs(nets.weights_of(built, "w1")).max()) > LARGEST_HALF

    record = convert_model(source, Method.FP16, tmp_path / "out.onnx")

    assert record.notes == [
        "tensor 'w1' has values beyond FP16; stays FP32: node 'MatMul_1' (MatMul)"
    ]
    graph = onnx.load(tmp_path / "out.onnx").graph
    kinds = {tensor.name: tensor.data_type for tensor in graph.initializer}
    assert kinds["w1"] == TensorProto.FLOAT
    assert kinds["w2"] == TensorProto.FLOAT16


def test_a_single_number_beyond_fp16_becomes_the_nearest(tmp_path: Path) -> None:
    """Minus infinity instead would make NaN of a row that is masked as a whole."""
    source = nets.source_of(nets.attention(), tmp_path)

    record = convert_model(source, Method.FP16, tmp_path / "out.onnx")

    assert record.notes == [
        "tensor 'never' is a single number beyond FP16; the nearest one is taken"
    ]
    graph = onnx.load(tmp_path / "out.onnx").graph
    never = next(tensor for tensor in graph.initializer if tensor.name == "never")
    assert never.data_type == TensorProto.FLOAT16
    assert float(numpy_helper.to_array(never)) == -LARGEST_HALF
    session = OnnxSession(tmp_path / "out.onnx", name="the model")
    ids, mask = np.ones((1, 16), "i8"), np.zeros((1, 16), "i8")
    assert np.isfinite(session.run({"ids": ids, "mask": mask})[0]).all()


def test_the_source_is_left_as_it_is(tmp_path: Path) -> None:
    source = nets.source_of(nets.mlp(opset=9), tmp_path)
    before = source.graph.SerializeToString()

    for method in EVERY:
        convert_model(source, method, tmp_path / "out.onnx", samples=nets.rows_for(source))

    assert source.graph.SerializeToString() == before
