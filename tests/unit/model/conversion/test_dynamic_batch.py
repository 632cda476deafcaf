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
from triton_operator.model.conversion.record import ConversionRecord, recipe_of
from triton_operator.model.conversion.source_model import SourceModel, read_source
from triton_operator.model.errors import ModelRefused, WorkFailed
from triton_operator.model.generated_rows import generated_samples
from triton_operator.model.inspection import inspect_model
from triton_operator.model.onnx_session import OnnxSession
from triton_operator.model.sample_rows import Samples, checked_samples
from triton_operator.model.verification.rows_together import refuse_mixed_rows


def proven(source: SourceModel, output: Path, samples: Samples) -> ConversionRecord:
    """As the command does it: written only if rows that share a batch get what each gets alone."""
    return with_dynamic_batch(
        source, output, check=lambda path: refuse_mixed_rows(source.path, path, samples)
    )


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


def bias_of_a_reshape() -> onnx.ModelProto:
    """The weights that are reshaped have no batch."""
    nodes = [
        nets.node("Reshape", ["b", "s"], ["bias"]),
        nets.node("Add", ["x", "bias"], ["y"]),
    ]
    weights = [nets.weights("b", 8), shape("s", 1, 8)]
    return model(nodes, [value("x", [1, 8])], [value("y", [1, 8])], weights=weights)


def words_together() -> onnx.ModelProto:
    """Rows of a text lose the batch for a product, and get it back."""
    nodes = [
        nets.node("Reshape", ["x", "flat"], ["rows"]),
        nets.node("MatMul", ["rows", "w"], ["h"]),
        nets.node("Reshape", ["h", "back"], ["y"]),
    ]
    weights = [nets.weights("w", 4, 4), shape("flat", -1, 4), shape("back", 1, 5, 4)]
    return model(nodes, [value("x", [1, 5, 4])], [value("y", [1, 5, 4])], weights=weights)


def length_of_its_own() -> onnx.ModelProto:
    """A reshape by the length of the input, which holds for any batch."""
    nodes = [
        nets.node("Shape", ["x"], ["all"], start=0, end=1),
        nets.node("Concat", ["all", "rest"], ["s"], axis=0),
        nets.node("Reshape", ["x", "s"], ["y"]),
    ]
    weights = [shape("rest", 8)]
    return model(nodes, [value("x", [1, 2, 4])], [value("y", [1, 8])], weights=weights)


def own_state(rows: int = 1) -> onnx.ModelProto:
    """A state that comes in and goes out beside the row."""
    nodes = [
        nets.node("Add", ["x", "state"], ["sum"]),
        nets.node("Tanh", ["sum"], ["next"]),
        nets.node("ReduceSum", ["next", "axes"], ["y"], keepdims=1),
    ]
    ends = (
        [value("x", [1, 4]), value("state", [rows, 4])],
        [
            value("y", [1, 1]),
            value("next", [rows, 4]),
        ],
    )
    return model(nodes, *ends, weights=[shape("axes", 1)])


def labels() -> onnx.ModelProto:
    """Integers, which have to be equal to the bit."""
    nodes = [
        nets.node("MatMul", ["x", "w"], ["h"]),
        nets.node("ArgMax", ["h"], ["y"], axis=1, keepdims=1),
    ]
    out = value("y", [1, 1], onnx.TensorProto.INT64)
    return model(nodes, [value("x", [1, 16])], [out], weights=[nets.weights("w", 16, 8)])


def one_node(kind: str, out: list[int], *more: str, **attributes: object) -> onnx.ModelProto:
    """Of `x` of shape `[1, 4]`, and of `i`, which is 0."""
    nodes = [nets.node(kind, ["x", *more], ["y"], name="it", **attributes)]
    return model(nodes, [value("x", [1, 4])], [value("y", out)], weights=[shape("i", 0)])


BATCHABLE = [
    ("mlp", lambda: nets.mlp(rows=1)),
    ("cnn", lambda: nets.cnn(rows=1)),
    ("reshape", lambda: reshaping(1, 8)),
    ("reshape, open", lambda: reshaping(1, -1)),
    ("reshape by a constant", lambda: reshaping(1, 8, constant=True)),
    ("reshape that is right already", lambda: reshaping(-1, 8)),
    ("flattened cnn", flattened_cnn),
    ("a reshape of weights", bias_of_a_reshape),
    ("words together", words_together),
    ("reshape by its own length", length_of_its_own),
    ("a state for each row", own_state),
    ("labels", labels),
    ("not a number", lambda: one_node("Log", [1, 4])),
]


@pytest.mark.parametrize("build", [row[1] for row in BATCHABLE], ids=[row[0] for row in BATCHABLE])
def test_a_batch_of_any_size(build: Callable[[], onnx.ModelProto], tmp_path: Path) -> None:
    source = nets.source_of(build(), tmp_path)
    assert not source.facts.batchable
    samples = nets.rows_for(source, 9)

    record = proven(source, tmp_path / "out.onnx", samples)

    facts = inspect_model(tmp_path / "out.onnx")
    assert facts.batchable, facts.reason
    for ours, theirs in (
        (facts.inputs, source.facts.inputs),
        (facts.outputs, source.facts.outputs),
    ):
        assert [one.name for one in ours] == [one.name for one in theirs]
        assert [one.shape for one in ours] == [[-1, *one.shape[1:]] for one in theirs]
    together = OnnxSession(tmp_path / "out.onnx", name="out").run(samples.arrays)
    alone = OnnxSession(source.path, name="source")
    for row in range(9):
        one = alone.run({name: rows[row : row + 1] for name, rows in samples.arrays.items()})
        for expected, found in zip(one, together, strict=True):
            np.testing.assert_allclose(found[row : row + 1], expected, rtol=1e-4, atol=1e-5)
    recipe = recipe_of(onnx.load(tmp_path / "out.onnx"))
    assert recipe == record.recipe


def test_weights_in_files_of_their_own(tmp_path: Path) -> None:
    """Read from there, and written there again if they are many; the same bytes each time."""
    source = read_source(nets.saved_externally(nets.mlp(rows=1), tmp_path / "source"))
    records = []
    for name in ("one.onnx", "two.onnx"):
        output = tmp_path / name
        records.append(with_dynamic_batch(source, output, most_inline_bytes=1000))
        refuse_mixed_rows(source.path, output, nets.rows_for(source, 32))

    assert records[0] == records[1]
    weights = f"weights-{records[0].key.removeprefix('sha256:')[:16]}.bin"
    assert [row.path for row in records[0].files] == ["model.onnx", weights]
    assert inspect_model(output).batchable


def test_freed_reshapes_are_told(tmp_path: Path) -> None:
    source = nets.source_of(reshaping(1, 8), tmp_path)

    record = proven(source, tmp_path / "out.onnx", nets.rows_for(source, 4))

    assert record.notes == [
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


def shuffled_rows() -> onnx.ModelProto:
    """Sound for one row. With more, a reshape puts parts of several rows into one, of the right
    length: only a run shows that."""
    nodes = [
        nets.node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
        nets.node("Reshape", ["t", "s"], ["y"]),
    ]
    weights = [shape("s", 1, 20)]
    return model(nodes, [value("x", [1, 5, 4])], [value("y", [1, 20])], weights=weights)


def joined_inputs() -> onnx.ModelProto:
    nodes = [
        nets.node("Concat", ["x", "z"], ["both"], axis=0, name="joined"),
        nets.node("Reshape", ["both", "s"], ["y"]),
    ]
    ends = [value("x", [1, 4]), value("z", [1, 4])]
    return model(nodes, ends, [value("y", [1, 8])], weights=[shape("s", 1, 8)])


def with_a_state_of_one() -> onnx.ModelProto:
    """A recurrence whose first state is a constant of one row: shapes say nothing of that."""
    nodes = [
        nets.node("Transpose", ["x"], ["steps"], perm=[1, 0, 2]),
        nets.node(
            "RNN", ["steps", "w", "r", "", "", "first"], ["h"], hidden_size=3, layout=0, name="rnn"
        ),
        nets.node("Squeeze", ["h", "directions"], ["s"]),
        nets.node("Transpose", ["s"], ["y"], perm=[1, 0, 2]),
    ]
    weights = [
        nets.weights("w", 1, 3, 4),
        nets.weights("r", 1, 3, 3),
        nets.weights("first", 1, 1, 3),
        shape("directions", 1),
    ]
    return model(nodes, [value("x", [1, 5, 4])], [value("y", [1, 5, 3])], weights=weights)


REFUSED = [
    (
        "rows are mixed",
        across_rows,
        "rows of output 'y' influence each other: node that makes 'y' (Softmax) works over axis 0",
    ),
    (
        "rows are shuffled",
        shuffled_rows,
        "output 'y' of a row is another one when the row shares a batch of 2: some operator mixes "
        "rows, maybe node that makes 't' (Transpose), which changes axis 0",
    ),
    ("inputs are joined", joined_inputs, "maybe node 'joined' (Concat), which changes axis 0"),
    (
        "all is one row",
        lambda: one_node("Flatten", [1, 4], axis=0),
        "node 'it' (Flatten) does not keep the batch",
    ),
    (
        "the first row",
        lambda: one_node("Gather", [1, 4], "i", axis=0),
        "node 'it' (Gather) does not keep the batch",
    ),
    ("a state for all rows", lambda: own_state(2), "axis 0 of input 'state' is 2, not fixed at 1"),
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
        proven(source, tmp_path / "out.onnx", samples)

    assert caught.value.failure.reason == reasons.CONVERSION_REFUSED
    assert caught.value.failure.message.startswith("the batch stays fixed at 1: ")
    assert words in caught.value.failure.message
    assert [entry.name for entry in tmp_path.iterdir()] == ["source.onnx"]


def test_an_operator_that_takes_one_row_only(tmp_path: Path) -> None:
    source = nets.source_of(with_a_state_of_one(), tmp_path)

    with pytest.raises(ModelRefused) as caught:
        proven(source, tmp_path / "out.onnx", nets.rows_for(source, 8))

    assert caught.value.failure.reason == reasons.MODEL_DOES_NOT_RUN
    assert "the model with a dynamic batch fails" in caught.value.failure.message
    assert "'rnn'" in caught.value.failure.message


@pytest.mark.parametrize("alike", [1, 40])
def test_rows_that_are_alike_prove_nothing(alike: int, tmp_path: Path) -> None:
    """Also where nothing would be found: a neighbour that is the same row is none."""
    source = nets.source_of(shuffled_rows(), tmp_path)
    row = nets.rows_for(source, 1).arrays["x"]
    samples = checked_samples({"x": np.repeat(row, alike, axis=0)}, source.facts.inputs)

    with pytest.raises(WorkFailed) as caught:
        proven(source, tmp_path / "out.onnx", samples)

    assert caught.value.failure.reason == reasons.SAMPLES_REQUIRED


def only_full_batches(size: int) -> onnx.ModelProto:
    """Each row gets a part of the batch's length: rows of it are more than `size`."""
    nodes = [
        nets.node("Shape", ["x"], ["n"], start=0, end=1),
        nets.node("GreaterOrEqual", ["n", "size"], ["full"]),
        nets.node("Cast", ["full"], ["more"], to=onnx.TensorProto.FLOAT),
        nets.node("Add", ["x", "more"], ["y"]),
    ]
    return model(nodes, [value("x", [1, 4])], [value("y", [1, 4])], weights=[shape("size", size)])


@pytest.mark.parametrize("size", [2, 7, 16, 17])
def test_batches_are_of_two_and_seven_and_sixteen(size: int, tmp_path: Path) -> None:
    source = nets.source_of(only_full_batches(size), tmp_path)
    samples = nets.rows_for(source, 32)

    if size > 16:
        proven(source, tmp_path / "out.onnx", samples)
        return
    with pytest.raises(ModelRefused) as caught:
        proven(source, tmp_path / "out.onnx", samples)

    assert f"when the row shares a batch of {size}: " in caught.value.failure.message


@pytest.mark.parametrize("name", ["light_squeezenet", "light_shufflenet"])
def test_light_models_of_the_onnx_project(name: str, tmp_path: Path) -> None:
    source = read_source(next(path for path in LIGHT if path.stem == name))
    samples = generated_samples(source.digest, source.facts.inputs, 2)

    proven(source, tmp_path / "out.onnx", samples)

    assert inspect_model(tmp_path / "out.onnx").batchable


def test_what_was_rewritten_can_be_converted(tmp_path: Path) -> None:
    source = nets.source_of(nets.mlp(rows=1), tmp_path)
    with_dynamic_batch(source, tmp_path / "any.onnx")

    record = convert_model(read_source(tmp_path / "any.onnx"), Method.FP16, tmp_path / "out.onnx")

    assert inspect_model(tmp_path / "out.onnx").batchable
    assert recipe_of(onnx.load(tmp_path / "out.onnx")) == record.recipe
