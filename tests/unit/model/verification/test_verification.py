"""Verdicts on real models: sound ones pass, broken ones do not, and the reason says why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from tests.unit.model import nets
from tests.unit.model.building import model, saved, value
from triton_operator.api.conversion_method import Method
from triton_operator.model import reasons
from triton_operator.model.conversion.conversion import convert_model
from triton_operator.model.conversion.source_model import SourceModel
from triton_operator.model.errors import ModelRefused, WorkFailed
from triton_operator.model.generated_rows import generated_samples
from triton_operator.model.sample_rows import Samples, checked_samples
from triton_operator.model.verification.half_values import half_values
from triton_operator.model.verification.held_out import rows_to_verify
from triton_operator.model.verification.pair import read_pair
from triton_operator.model.verification.verification import (
    Verification,
    is_deterministic,
    verify,
)


def judged(source: SourceModel, path: Path, samples: Samples, least: float = 0.99) -> Verification:
    facts = source.facts
    return verify(source.path, path, facts.outputs, samples, least, batchable=facts.batchable)


def broken_weight(path: Path) -> str:
    """Flip the sign of the largest weights of a converted file; the tensor's name."""
    built = onnx.load(path)
    wide = [
        t for t in built.graph.initializer if len(t.dims) >= 2 and t.data_type != TensorProto.INT64
    ]
    tensor = max(wide, key=lambda t: int(np.prod(t.dims)))
    array = np.array(numpy_helper.to_array(tensor))
    flat = array.reshape(-1)
    largest = np.argsort(-np.abs(flat.astype("f4")))[: flat.size // 20 + 1]
    flat[largest] = -flat[largest]
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    path.write_bytes(built.SerializeToString())
    return str(tensor.name)


@pytest.mark.parametrize("method", nets.TO_ANOTHER_PRECISION)
@pytest.mark.parametrize("net", [nets.mlp, nets.cnn, nets.attention])
def test_a_broken_weight_is_rejected(net: object, method: Method, tmp_path: Path) -> None:
    source = nets.source_of(net(), tmp_path)  # type: ignore[operator]
    samples = nets.rows_for(source, 64)
    path = tmp_path / "out.onnx"
    convert_model(source, method, path, samples=samples)
    assert judged(source, path, samples, 0.9).accepted

    broken_weight(path)

    verdict = judged(source, path, samples, 0.9)
    assert not verdict.accepted
    assert verdict.agreement < 0.9
    assert "< 0.9" in verdict.reason


def test_overflow_is_rejected_whatever_the_share(tmp_path: Path) -> None:
    """One row of a hundred leaves FP16's range; 99 % of the rows agree to the last class."""
    source = nets.source_of(nets.mlp(), tmp_path)
    convert_model(source, Method.FP16, tmp_path / "out.onnx")
    x = np.array(nets.rows_for(source, 200).arrays["x"])
    x[17] *= 1e6
    samples = checked_samples({"x": x}, source.facts.inputs)

    verdict = judged(source, tmp_path / "out.onnx", samples)

    assert verdict.agreement == 0.995
    assert not verdict.accepted
    assert verdict.reason.startswith("output 'y' has 10 values that are NaN or infinite")


def with_a_detour(factor: float) -> onnx.ModelProto:
    """`mlp`, with its hidden values multiplied by a factor and divided by it again."""
    built = nets.mlp()
    for name, number in (("up", factor), ("down", 1 / factor)):
        built.graph.initializer.append(numpy_helper.from_array(np.array([number], "f4"), name))
    built.graph.node[3].input[0] = "back"
    built.graph.node.insert(3, nets.node("Mul", ["far", "down"], ["back"]))
    built.graph.node.insert(3, nets.node("Mul", ["r", "up"], ["far"]))
    return built


def test_an_overflow_inside_is_seen_that_a_cpu_hides(tmp_path: Path) -> None:
    """ONNX Runtime computes FP16 in FP32 on CPUs: the answers alone are fine."""
    for factor, accepted in ((1e3, True), (6e4, False)):
        source = nets.source_of(with_a_detour(factor), tmp_path / str(factor))
        convert_model(source, Method.FP16, tmp_path / "out.onnx")

        verdict = judged(source, tmp_path / "out.onnx", nets.rows_for(source, 40))

        assert verdict.accepted is accepted, verdict
        assert list(verdict.overflows) == ([] if accepted else ["far"])
    assert verdict.reason.startswith("the value 'far' inside is NaN or infinite in FP16 in ")


def test_infinity_that_the_fp32_model_has_too_is_no_overflow(tmp_path: Path) -> None:
    built = nets.mlp()
    built.graph.node[3].input[0] = "safe"
    built.graph.node.insert(3, nets.node("Where", ["known", "r", "nothing"], ["safe"]))
    built.graph.node.insert(3, nets.node("Not", ["odd"], ["known"]))
    built.graph.node.insert(3, nets.node("IsInf", ["log"], ["odd"]))
    built.graph.node.insert(3, nets.node("Log", ["r"], ["log"]))
    built.graph.initializer.append(numpy_helper.from_array(np.zeros(1, "f4"), "nothing"))
    # IsInf takes FP16 from operator set 20 on only.
    built.opset_import[0].version = 20
    source = nets.source_of(built, tmp_path)
    convert_model(source, Method.FP16, tmp_path / "out.onnx")

    verdict = judged(source, tmp_path / "out.onnx", nets.rows_for(source, 40), 0.5)

    assert "log" in half_values(tmp_path / "out.onnx").names
    assert verdict.overflows == {}
    assert verdict.accepted, verdict


def wide_mlp(rows: int | str = "n") -> onnx.ModelProto:
    """64 → 128 → 10, of products without anything between that would hold values down."""
    nodes = [
        nets.node("MatMul", ["x", "w1"], ["h"]),
        nets.node("Relu", ["h"], ["r"]),
        nets.node("MatMul", ["r", "w2"], ["y"]),
    ]
    tensors = [nets.weights("w1", 64, 128), nets.weights("w2", 128, 10)]
    return model(nodes, [value("x", [rows, 64])], [value("y", [rows, 10])], weights=tensors)


def rows_with_outliers(source: SourceModel) -> Samples:
    """64 rows, every eighth a hundred times as large."""
    x = np.array(nets.rows_for(source, 64).arrays["x"])
    x[::8] *= 100
    return checked_samples({"x": x}, source.facts.inputs)


def test_dynamic_int8_is_compared_in_the_batches_that_it_may_be_served_in(tmp_path: Path) -> None:
    source = nets.source_of(wide_mlp(), tmp_path)
    convert_model(source, Method.INT8_DYNAMIC, tmp_path / "out.onnx")
    samples = rows_with_outliers(source)

    verdict = judged(source, tmp_path / "out.onnx", samples)

    assert verdict.in_batches is not None
    assert verdict.outputs[0].agreement > 0.95
    assert verdict.agreement == verdict.in_batches[0].agreement < 0.8
    assert not verdict.accepted
    assert verdict.batch_size == 16
    assert verdict.reason.endswith("< 0.99, least of output 'y' in batches of 16 rows")
    assert judged(source, tmp_path / "out.onnx", samples) == verdict, "the order is drawn anew"


@pytest.mark.parametrize("whole", [False, True])
def test_rows_without_outliers_agree_in_batches_too(whole: bool, tmp_path: Path) -> None:
    source = nets.source_of(wide_mlp(), tmp_path)
    convert_model(source, Method.INT8_DYNAMIC, tmp_path / "out.onnx")
    x = nets.rows_for(source, 40).arrays["x"]
    samples = checked_samples({"x": x[:, None] if whole else x}, source.facts.inputs)

    verdict = judged(source, tmp_path / "out.onnx", samples, 0.9)

    assert verdict.accepted, verdict
    assert verdict.in_batches is not None
    assert verdict.in_batches[0].relative_l2 != verdict.outputs[0].relative_l2


def test_requests_of_several_rows_are_taken_apart_again(tmp_path: Path) -> None:
    source = nets.source_of(wide_mlp(), tmp_path)
    convert_model(source, Method.INT8_DYNAMIC, tmp_path / "out.onnx")
    x = nets.rows_for(source, 3 * 40).arrays["x"].reshape(40, 3, 64)

    verdict = judged(source, tmp_path / "out.onnx", checked_samples({"x": x}, source.facts.inputs))

    assert verdict.in_batches is not None
    assert verdict.in_batches[0].kind == "Values"
    assert verdict.in_batches[0].relative_l2 is not None
    assert verdict.in_batches[0].relative_l2 < 0.05


@pytest.mark.parametrize(
    ("rows", "method"), [("n", Method.FP16), ("n", Method.INT8_STATIC), (1, Method.INT8_DYNAMIC)]
)
def test_rows_that_cannot_meet_are_compared_alone(
    rows: int | str, method: Method, tmp_path: Path
) -> None:
    source = nets.source_of(wide_mlp(rows), tmp_path)
    samples = rows_with_outliers(source)
    convert_model(source, method, tmp_path / "out.onnx", samples=samples)

    verdict = judged(source, tmp_path / "out.onnx", samples)

    assert (verdict.in_batches, verdict.batch_size) == (None, None)


def test_the_worst_output_decides(tmp_path: Path) -> None:
    def twice(second: float) -> onnx.ModelProto:
        nodes = [nets.node("Mul", ["x", "a"], ["good"]), nets.node("Mul", ["x", "b"], ["bad"])]
        tensors = [
            numpy_helper.from_array(np.array([factor], "f4"), name)
            for name, factor in (("a", 1.0), ("b", second))
        ]
        outputs = [value("good", ["n", 3]), value("bad", ["n", 3])]
        return model(nodes, [value("x", ["n", 3])], outputs, weights=tensors)

    source = nets.source_of(twice(1.0), tmp_path)
    other = saved(twice(1.1), tmp_path)

    verdict = judged(source, other, nets.rows_for(source, 40))

    assert [row.agreement for row in verdict.outputs] == [1.0, 0.0]
    assert verdict.agreement == 0.0
    assert "'bad'" in verdict.reason


def test_agreement_is_not_rounded_up_to_the_bound(tmp_path: Path) -> None:
    source = nets.source_of(nets.mlp(), tmp_path)
    x = np.array(nets.rows_for(source, 300).arrays["x"])
    samples = checked_samples({"x": x}, source.facts.inputs)
    convert_model(source, Method.INT8_DYNAMIC, tmp_path / "out.onnx")

    agreement = judged(source, tmp_path / "out.onnx", samples, 0).agreement

    assert 0.9 < agreement < 1
    assert judged(source, tmp_path / "out.onnx", samples, agreement).accepted
    verdict = judged(source, tmp_path / "out.onnx", samples, agreement + 1e-9)
    assert not verdict.accepted


@pytest.mark.parametrize(("rows", "smoke"), [(31, True), (32, False)])
def test_few_rows_are_a_smoke_test(rows: int, smoke: bool, tmp_path: Path) -> None:
    source = nets.source_of(nets.mlp(), tmp_path)

    verdict = judged(source, source.path, nets.rows_for(source, rows))

    assert verdict.accepted
    assert verdict.smoke_test is smoke
    assert ("smoke test on only 31 rows" in verdict.reason) is smoke


def test_made_up_rows_are_a_smoke_test_however_many(tmp_path: Path) -> None:
    source = nets.source_of(nets.mlp(), tmp_path)

    verdict = judged(source, source.path, generated_samples(source.digest, source.facts.inputs, 64))

    assert verdict.smoke_test
    assert "made-up inputs" in verdict.reason
    assert verdict.samples_digest is None


def test_rows_of_a_fixed_batch_are_judged_one_by_one(tmp_path: Path) -> None:
    source = nets.source_of(nets.mlp(rows=4), tmp_path)
    worse = nets.weights_of(source.graph, "w2")
    worse[3] += 0.02
    other = saved(nets.with_weights(source.graph, "w2", worse), tmp_path)

    verdict = judged(source, other, nets.rows_for(source, 40))

    assert verdict.rows == 40
    assert verdict.outputs[0].kind == "Classes"
    assert 0 < verdict.agreement < 1
    assert (verdict.agreement * 40) % 1 == 0


def test_calibration_rows_are_kept_out(tmp_path: Path) -> None:
    source = nets.source_of(nets.cnn(), tmp_path)
    samples = nets.rows_for(source, 65)
    record = convert_model(source, Method.INT8_STATIC, tmp_path / "out.onnx", samples=samples)
    recipe = read_pair(source.path, tmp_path / "out.onnx").recipe
    assert recipe == record.recipe

    left, note = rows_to_verify(samples, recipe)

    assert left.rows == 32
    assert np.array_equal(left.arrays["x"], samples.arrays["x"][1::2])
    assert note == "32 of 65 rows: the others were taken to calibrate the model"
    others = nets.rows_for(source, 40, seed=5)
    assert rows_to_verify(others, recipe) == (others, None)
    assert rows_to_verify(samples, None) == (samples, None)


def test_batches_that_calibrated_are_kept_out(tmp_path: Path) -> None:
    source = nets.source_of(nets.cnn(rows=4), tmp_path)
    samples = nets.rows_for(source, 20)
    record = convert_model(source, Method.INT8_STATIC, tmp_path / "out.onnx", samples=samples)

    left, _ = rows_to_verify(samples, record.recipe)

    assert np.array_equal(left.arrays["x"], samples.arrays["x"][8:])
    assert judged(source, tmp_path / "out.onnx", left, 0).rows == 12


def test_a_single_row_cannot_calibrate_and_verify(tmp_path: Path) -> None:
    source = nets.source_of(nets.cnn(), tmp_path)
    samples = nets.rows_for(source, 1)
    record = convert_model(source, Method.INT8_STATIC, tmp_path / "out.onnx", samples=samples)

    with pytest.raises(WorkFailed) as caught:
        rows_to_verify(samples, record.recipe)

    assert caught.value.failure.reason == reasons.SAMPLES_REQUIRED


@pytest.mark.parametrize("method", nets.TO_ANOTHER_PRECISION)
@pytest.mark.parametrize("net", [nets.mlp, nets.cnn, nets.attention])
def test_models_give_the_same_bits_for_the_same_input(
    net: object, method: Method, tmp_path: Path
) -> None:
    source = nets.source_of(net(), tmp_path)  # type: ignore[operator]
    samples = nets.rows_for(source, 8)
    convert_model(source, method, tmp_path / "out.onnx", samples=samples)

    assert is_deterministic(source.path, samples)
    assert is_deterministic(tmp_path / "out.onnx", samples)


def test_a_model_that_throws_dice_is_found(tmp_path: Path) -> None:
    nodes = [
        nets.node("RandomNormalLike", ["x"], ["noise"]),
        nets.node("Add", ["x", "noise"], ["y"]),
    ]
    source = nets.source_of(model(nodes, [value("x", ["n", 3])], [value("y", ["n", 3])]), tmp_path)

    assert not is_deterministic(source.path, nets.rows_for(source, 4))


def differing(left: onnx.ModelProto, right: onnx.ModelProto, folder: Path) -> str:
    with pytest.raises(ModelRefused) as caught:
        read_pair(saved(left, folder, "a.onnx"), saved(right, folder, "b.onnx"))
    assert caught.value.failure.reason == reasons.MODELS_DIFFER
    return caught.value.failure.message


def test_models_of_other_tensors_are_not_compared(tmp_path: Path) -> None:
    assert "input 'ids'" in differing(nets.attention(), nets.mlp(), tmp_path)
    fixed = differing(nets.mlp(), nets.mlp(rows=1), tmp_path)
    assert "'x' is FP32 [-1, 16] in the FP32 model; the converted one has FP32 [1, 16]" in fixed


def test_a_conversion_of_another_model_is_not_compared(tmp_path: Path) -> None:
    one = nets.source_of(nets.mlp(), tmp_path / "one")
    weights = nets.weights_of(nets.mlp(), "b2") + 1
    two = nets.source_of(nets.with_weights(nets.mlp(), "b2", weights), tmp_path / "two")
    convert_model(one, Method.FP16, tmp_path / "out.onnx")

    with pytest.raises(ModelRefused, match="was made from a model with the digest") as caught:
        read_pair(two.path, tmp_path / "out.onnx")

    assert one.digest in caught.value.failure.message
    assert two.digest in caught.value.failure.message


def test_a_model_that_fails_on_the_samples_is_named(tmp_path: Path) -> None:
    source = nets.source_of(nets.attention(), tmp_path)
    beyond = checked_samples(
        {"ids": np.full((2, 16), 50), "mask": np.ones((2, 16), int)}, source.facts.inputs
    )

    with pytest.raises(ModelRefused, match="the FP32 model fails on inputs of shapes") as caught:
        judged(source, source.path, beyond)

    assert caught.value.failure.reason == reasons.MODEL_DOES_NOT_RUN
