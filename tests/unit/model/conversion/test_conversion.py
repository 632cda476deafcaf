"""Each kind of net in each precision: it runs, it agrees, it is smaller, its interface is kept."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from tests.unit.model import nets
from tests.unit.model.building import LIGHT, MAGIKA, model, value
from triton_operator.api.conversion_method import Method
from triton_operator.model import reasons
from triton_operator.model.conversion.conversion import convert_model, recipe_for
from triton_operator.model.conversion.method import int8_method
from triton_operator.model.conversion.record import Calibration, ConversionRecord, recipe_of
from triton_operator.model.conversion.source_model import SourceModel, read_source
from triton_operator.model.digest import file_row, model_digest
from triton_operator.model.errors import ModelRefused, WorkFailed
from triton_operator.model.generated_rows import generated_samples
from triton_operator.model.inspection import inspect_model
from triton_operator.model.sample_rows import Samples
from triton_operator.model.verification.verification import Verification, verify

BUILT: dict[str, Callable[[], onnx.ModelProto]] = {
    "mlp": nets.mlp,
    "cnn": nets.cnn,
    "attention": nets.attention,
    "function": nets.with_function,
}


def converted(
    source: SourceModel, method: Method, folder: Path, samples: Samples | None = None
) -> tuple[Path, ConversionRecord]:
    path = folder / f"{method}.onnx"
    return path, convert_model(source, method, path, samples=samples)


def judged(source: SourceModel, path: Path, samples: Samples, least: float = 0.99) -> Verification:
    return verify(
        source.path, path, source.facts.outputs, samples, least, batchable=source.facts.batchable
    )


def operators(path: Path) -> set[str]:
    return {node.op_type for node in onnx.load(path).graph.node}


@pytest.mark.parametrize(("net", "method"), list(product(BUILT, nets.TO_ANOTHER_PRECISION)))
def test_a_converted_net_agrees_with_its_source(net: str, method: Method, tmp_path: Path) -> None:
    source = nets.source_of(BUILT[net](), tmp_path)
    samples = nets.rows_for(source, 200)

    path, record = converted(source, method, tmp_path, samples)

    verdict = judged(source, path, samples, 0.9)
    assert verdict.accepted, verdict
    assert not verdict.smoke_test
    assert record.size_bytes == path.stat().st_size
    assert verdict.outputs[0].relative_l2 is not None
    assert 0 < verdict.outputs[0].relative_l2 < (0.003 if method is Method.FP16 else 0.06)


@pytest.mark.parametrize("method", nets.TO_ANOTHER_PRECISION)
@pytest.mark.parametrize("net", list(BUILT))
def test_inputs_and_outputs_stay_to_the_letter(net: str, method: Method, tmp_path: Path) -> None:
    built = BUILT[net]()
    # Declared without a shape, which tools would write down.
    built.graph.output[0].type.tensor_type.ClearField("shape")
    source = nets.source_of(built, tmp_path)

    path, _ = converted(source, method, tmp_path, nets.rows_for(source))

    graph = onnx.load(path).graph
    assert list(graph.input) == list(built.graph.input)
    assert list(graph.output) == list(built.graph.output)
    facts = inspect_model(path)
    assert facts.inputs == source.facts.inputs
    assert facts.outputs == source.facts.outputs
    assert facts.batchable == source.facts.batchable


@pytest.mark.parametrize("method", nets.TO_ANOTHER_PRECISION)
@pytest.mark.parametrize("net", list(BUILT))
def test_the_same_conversion_gives_the_same_bytes(net: str, method: Method, tmp_path: Path) -> None:
    built = BUILT[net]()
    records = []
    for name in ("one", "two"):
        source = nets.source_of(built, tmp_path / name)
        records.append(converted(source, method, tmp_path / name, nets.rows_for(source))[1])

    assert records[0] == records[1]


def test_int8_follows_the_kind_of_net() -> None:
    assert int8_method(nets.cnn()) is Method.INT8_STATIC
    assert int8_method(nets.mlp()) is Method.INT8_DYNAMIC
    assert int8_method(nets.attention()) is Method.INT8_DYNAMIC
    assert int8_method(onnx.load(MAGIKA)) is Method.INT8_DYNAMIC


def test_products_of_two_activations_do_not_make_a_net_of_products() -> None:
    built = nets.attention()
    kept = [node for node in built.graph.node if node.output[0] in ("kt", "scores")]
    conv = nets.node("Conv", ["scores", "k"], ["c"])
    del built.graph.node[:]
    built.graph.node.extend([*kept, conv])

    assert int8_method(built) is Method.INT8_STATIC


def test_static_int8_quantises_convolutions_per_channel_with_their_normalisation(
    tmp_path: Path,
) -> None:
    source = nets.source_of(nets.cnn(), tmp_path)

    path, record = converted(source, Method.INT8_STATIC, tmp_path, nets.rows_for(source, 64))

    assert "BatchNormalization" not in operators(path)
    assert {"QuantizeLinear", "DequantizeLinear", "Conv"} <= operators(path)
    graph = onnx.load(path).graph
    scales = {tensor.name: tensor for tensor in graph.initializer if "scale" in tensor.name}
    assert [list(t.dims) for t in scales.values() if list(t.dims) == [8]], "one per channel"
    kinds = {tensor.data_type for tensor in graph.initializer}
    assert TensorProto.INT8 in kinds
    assert TensorProto.UINT8 not in kinds
    assert record.recipe.calibration is not None
    assert record.recipe.calibration.samples_digest == nets.rows_for(source, 64).digest


def test_dynamic_int8_of_a_net_of_products_is_a_quarter(tmp_path: Path) -> None:
    wide = model(
        [nets.node("MatMul", ["x", "w"], ["y"])],
        [value("x", ["n", 64])],
        [value("y", ["n", 512])],
        weights=[nets.weights("w", 64, 512)],
    )
    source = nets.source_of(wide, tmp_path)

    path, record = converted(source, Method.INT8_DYNAMIC, tmp_path)

    assert "MatMulInteger" in operators(path)
    assert record.size_bytes < 0.3 * record.source_size_bytes


def test_dynamic_int8_leaves_convolutions_alone(tmp_path: Path) -> None:
    source = nets.source_of(nets.cnn(), tmp_path)

    path, _ = converted(source, Method.INT8_DYNAMIC, tmp_path)

    assert {"Conv", "MatMulInteger"} <= operators(path)
    assert "ConvInteger" not in operators(path)


def test_the_bytes_do_not_depend_on_the_order_of_sets(tmp_path: Path) -> None:
    """Python's hashes of strings differ from process to process."""
    path = nets.source_of(nets.cnn(), tmp_path).path
    rows = tmp_path / "rows.npz"
    np.savez(rows, x=np.random.default_rng(0).standard_normal((8, 3, 16, 16)).astype("f4"))
    digests = set()
    for seed in ("1", "2"):
        output = tmp_path / f"{seed}.onnx"
        words = ["model", "convert", path, "--to", "INT8", "--samples", rows, output]
        subprocess.run(
            [sys.executable, "-m", "triton_operator.cli.main", *map(str, words)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
            capture_output=True,
        )
        digests.add(file_row(output, "model.onnx").digest)

    assert len(digests) == 1


def test_fp16_is_half_and_an_overflow_in_a_real_model_is_found(tmp_path: Path) -> None:
    """Magika's model sums squares in its LayerNorm: the answers on a CPU do not show it."""
    source = read_source(MAGIKA)

    path, record = converted(source, Method.FP16, tmp_path)

    assert 0.45 < record.size_bytes / record.source_size_bytes < 0.55
    verdict = judged(source, path, generated_samples(source.digest, source.facts.inputs, 8))
    assert verdict.agreement == 1
    assert not verdict.accepted
    assert verdict.smoke_test
    assert any("LayerNorm_1/Sum_1" in name for name in verdict.overflows)


def test_the_file_says_how_it_was_made(tmp_path: Path) -> None:
    source = nets.source_of(nets.mlp(), tmp_path)

    path, record = converted(source, Method.FP16, tmp_path)

    recipe = recipe_of(onnx.load(path))
    assert recipe == record.recipe
    assert recipe is not None
    assert recipe.key == record.key
    assert recipe.source_digest == source.digest == inspect_model(source.path).files[0].digest
    assert set(recipe.tool_versions) == {"numpy", "onnx", "onnxruntime", "conversion"}
    assert record.artifact_digest == model_digest(inspect_model(path).files)


def test_the_key_depends_on_everything_that_the_bytes_depend_on(tmp_path: Path) -> None:
    source = nets.source_of(nets.mlp(), tmp_path)
    few = Calibration(samples_digest=source.digest, ranges="QAA=")
    other = Calibration(samples_digest=source.digest, ranges="QAE=")
    base = recipe_for(source.digest, Method.INT8_STATIC, few)
    keys = [
        base.key,
        recipe_for("sha256:" + "0" * 64, Method.INT8_STATIC, few).key,
        recipe_for(source.digest, Method.INT8_DYNAMIC, few).key,
        recipe_for(source.digest, Method.INT8_STATIC, other).key,
        base.model_copy(update={"tool_versions": {"onnx": "0"}}).key,
        base.model_copy(update={"parameters": {}}).key,
    ]

    assert len(set(keys)) == len(keys)
    assert base.key == recipe_for(source.digest, Method.INT8_STATIC, few).key


@pytest.mark.parametrize("samples", [None, "generated"])
def test_static_int8_without_real_samples_is_refused(samples: str | None, tmp_path: Path) -> None:
    source = nets.source_of(nets.cnn(), tmp_path)
    made_up = generated_samples(source.digest, source.facts.inputs, 32) if samples else None

    with pytest.raises(WorkFailed) as caught:
        converted(source, Method.INT8_STATIC, tmp_path, made_up)

    assert caught.value.failure.reason == reasons.SAMPLES_REQUIRED
    assert not (tmp_path / "INT8Static.onnx").exists()


@pytest.mark.parametrize("method", nets.TO_ANOTHER_PRECISION)
def test_external_data_is_read(method: Method, tmp_path: Path) -> None:
    inside = nets.source_of(nets.mlp(), tmp_path / "inside")
    outside = read_source(nets.saved_externally(nets.mlp(), tmp_path / "outside"))
    samples = nets.rows_for(inside)

    path, record = converted(outside, method, tmp_path, samples)

    assert len(outside.facts.files) == 2
    assert record.recipe.source_digest == model_digest(outside.facts.files)
    assert judged(inside, path, samples, 0.9).accepted


@pytest.mark.parametrize("method", nets.TO_ANOTHER_PRECISION)
def test_large_results_have_their_weights_beside_them(method: Method, tmp_path: Path) -> None:
    """The bound is lowered instead of the model made 2 GB."""
    source = nets.source_of(nets.mlp(), tmp_path)
    samples = nets.rows_for(source)
    records = []
    for name in ("one.onnx", "two.onnx"):
        output = tmp_path / method / name
        output.parent.mkdir(exist_ok=True)
        records.append(
            convert_model(source, method, output, samples=samples, most_inline_bytes=1000)
        )
        assert judged(source, output, samples, 0.9).accepted

    record = records[0]
    assert record == records[1]
    assert [row.path for row in record.files] == [
        "model.onnx",
        f"weights-{record.key.removeprefix('sha256:')[:16]}.bin",
    ]
    assert record.artifact_digest == model_digest(inspect_model(output).files)
    assert sorted(path.name for path in output.parent.iterdir()) == [
        "one.onnx",
        "two.onnx",
        record.files[1].path,
    ]


@pytest.mark.parametrize("path", LIGHT, ids=lambda path: path.stem)
def test_light_models_of_the_onnx_project(path: Path, tmp_path: Path) -> None:
    """Old operator sets, initializers listed as inputs, weights that nodes make."""
    source = read_source(path)

    output, record = converted(source, Method.FP16, tmp_path)

    assert inspect_model(output).inputs == source.facts.inputs
    assert record.recipe.source_digest == source.digest
    with pytest.raises(ModelRefused, match=r"no node has constant weights .*Conv") as caught:
        converted(source, Method.INT8_DYNAMIC, tmp_path)
    assert caught.value.failure.reason == reasons.CONVERSION_REFUSED


def test_a_light_model_in_static_int8(tmp_path: Path) -> None:
    """Its weights come from nodes, and are folded to constants before they are quantised."""
    source = read_source(next(path for path in LIGHT if path.stem == "light_squeezenet"))
    samples = nets.rows_for(source, 4)

    path, record = converted(source, Method.INT8_STATIC, tmp_path, samples)

    assert record.notes == ["operator set 9 is raised to 13", "calibrated on 2 rows"]
    assert "DequantizeLinear" in operators(path)
    assert inspect_model(path).outputs == source.facts.outputs
    assert judged(source, path, samples).accepted


def test_nothing_is_left_behind_when_the_output_cannot_be_written(tmp_path: Path) -> None:
    source = nets.source_of(nets.mlp(), tmp_path)

    with pytest.raises(WorkFailed) as caught:
        convert_model(source, Method.FP16, tmp_path / "absent" / "a.onnx")

    assert caught.value.failure.reason == reasons.WRITE_FAILED
    assert [entry.name for entry in tmp_path.iterdir()] == ["source.onnx"]
