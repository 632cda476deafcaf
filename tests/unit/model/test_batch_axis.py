"""Whether axis 0 is a batch axis: the grades of evidence, and the sentence for each."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.unit.model.building import MAGIKA, linear, model, relu, saved, value
from triton_operator.model.batch_axis import batch_axis, symbol
from triton_operator.model.graph_tensors import GraphTensor
from triton_operator.model.inspection import inspect_model


def reshaped(rows: int, columns: int) -> onnx.ModelProto:
    """x of [n, 4] as [rows, columns]; the output is declared dynamic whatever happens to it."""
    shape = numpy_helper.from_array(np.array([rows, columns], np.int64), "s")
    return model(
        [helper.make_node("Reshape", ["x", "s"], ["y"])],
        [value("x", [None, 4])],
        [value("y", [None, columns])],
        weights=[shape],
    )


def non_zero() -> onnx.ModelProto:
    """Rows of the output are what was found: no batch."""
    return model(
        [
            helper.make_node("NonZero", ["x"], ["i"]),
            helper.make_node("Transpose", ["i"], ["y"], perm=[1, 0]),
        ],
        [value("x", [None, 4])],
        [value("y", [None, 2], TensorProto.INT64)],
    )


def two_inputs(first: str | int | None, second: str | int | None) -> onnx.ModelProto:
    return model(
        [helper.make_node("Concat", ["a", "b"], ["y"], axis=1)],
        [value("a", [first, 2]), value("b", [second, 2])],
        [value("y", [first, 4])],
    )


@pytest.mark.parametrize(
    ("built", "batchable", "reason"),
    [
        pytest.param(
            linear(("n", 4), ("n", 3)),
            True,
            "batchable: axis 0 is the dynamic axis 'n' of every input and output; shape inference "
            "carries a batch through",
            id="one name, and inference agrees",
        ),
        pytest.param(
            linear((None, 4), (None, 3)),
            True,
            "batchable: axis 0 of every input and output is dynamic, and shape inference carries a "
            "batch through",
            id="unnamed, inference agrees",
        ),
        pytest.param(
            linear(("unk__7", 4), ("unk__9", 3)),
            True,
            "batchable: axis 0 of every input and output is dynamic, and shape inference carries a "
            "batch through",
            id="names that an exporter counted up",
        ),
        pytest.param(
            non_zero(),
            True,
            "batchable, on weaker evidence: axis 0 of every input and output is dynamic, but "
            "input 'x', output 'y' does not name it, and shape inference cannot follow it; name "
            "the axis when exporting, or set batching mode Off",
            id="unnamed, and inference cannot tell",
        ),
        pytest.param(
            reshaped(-1, 2),
            False,
            "not batchable: output 'y' has 194 rows for a batch of 97",
            id="two rows of output for each of input",
        ),
        pytest.param(
            linear(("n", 4), ("m", 3)),
            False,
            "not batchable: axis 0 has different names: 'n' on input 'x', 'm' on output 'y'",
            id="two names",
        ),
        pytest.param(
            two_inputs("batch", "sequence"),
            False,
            "not batchable: axis 0 has different names: 'batch' on input 'a', 'sequence' on "
            "input 'b'",
            id="two inputs with two names",
        ),
        pytest.param(
            two_inputs(None, 1),
            False,
            "not batchable: input 'b' has batch dimension fixed at 1",
            id="one of two inputs fixed",
        ),
        pytest.param(
            relu([1, 4], [1, 4]),
            False,
            "not batchable: input 'x' has batch dimension fixed at 1, output 'y' has batch "
            "dimension fixed at 1",
            id="all fixed",
        ),
        pytest.param(
            relu(["n", 4], [8, 4]),
            False,
            "not batchable: output 'y' has batch dimension fixed at 8",
            id="output fixed",
        ),
        pytest.param(
            relu([], []),
            False,
            "not batchable: input 'x' is a scalar, output 'y' is a scalar",
            id="scalars",
        ),
        pytest.param(
            model(
                [helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)],
                [value("x", ["n", 4])],
                [value("y", [])],
            ),
            False,
            "not batchable: output 'y' is a scalar",
            id="scalar output",
        ),
    ],
)
def test_verdict_and_reason(
    built: onnx.ModelProto, batchable: bool, reason: str, tmp_path: Path
) -> None:
    facts = inspect_model(saved(built, tmp_path))

    assert (facts.batchable, facts.reason) == (batchable, reason)


def stateful(x: list[str | int | None], state: list[str | int | None]) -> onnx.ModelProto:
    """An LSTM that is given its state, and gives it back for the next request."""
    h, c = (value(name, state) for name in ("h", "c"))
    weights = [
        numpy_helper.from_array(np.full(shape, 0.1, "f4"), name)
        for name, shape in (("w", (1, 32, 4)), ("r", (1, 32, 8)), ("b", (1, 64)))
    ]
    lstm = helper.make_node(
        "LSTM", ["x", "w", "r", "b", "", "h", "c"], ["y", "hn", "cn"], "lstm", hidden_size=8
    )
    outputs = [value("y", [x[0], 1, x[1], 8]), value("hn", state), value("cn", state)]
    return model([lstm], [value("x", x), h, c], outputs, weights=weights)


@pytest.mark.parametrize(
    ("x", "state", "reason"),
    [
        pytest.param(
            ["steps", "n", 4],
            [1, "n", 8],
            "not batchable: input 'h' has batch dimension fixed at 1",
            id="state of [directions, batch, hidden]",
        ),
        pytest.param(
            [None, 1, 4],
            [None, 1, 8],
            "not batchable: output 'hn' has 1 rows for a batch of 97",
            id="all axes are dynamic and nameless: steps look like rows",
        ),
    ],
)
def test_a_model_that_is_given_its_state_is_not_batched(
    x: list[str | int | None], state: list[str | int | None], reason: str, tmp_path: Path
) -> None:
    facts = inspect_model(saved(stateful(x, state), tmp_path))

    assert not facts.batchable
    assert facts.reason.startswith(reason)


def test_many_culprits_are_named_in_few_words() -> None:
    tensors = [GraphTensor("input", f"x{i}", "FP32", (1, 2)) for i in range(9)]

    verdict = batch_axis(tensors, [], {})

    assert verdict.reason.endswith("input 'x3' has batch dimension fixed at 1 and 5 more")


@pytest.mark.parametrize(
    ("axis", "name"),
    [
        ("batch", "batch"),
        ("N", "N"),
        ("batch_dim_0", "batch_dim_0"),
        ("unk__214", None),
        ("Softmaxoutput_dim_0", None),
        ("input_dynamic_axes_1", None),
        ("DynamicDimension.3", None),
        ("p2o.DynamicDimension.3", None),
        ("?", None),
        (None, None),
        (4, None),
    ],
)
def test_only_names_that_somebody_chose_count(axis: str | int | None, name: str | None) -> None:
    assert symbol(axis) == name


def test_the_verdict_on_magika_is_what_onnx_runtime_does() -> None:
    session = onnxruntime.InferenceSession(MAGIKA, providers=["CPUExecutionProvider"])
    rows = np.random.default_rng(0).integers(0, 257, (3, 2048), dtype=np.int32)

    together = session.run(None, {"bytes": rows})[0]
    alone = [session.run(None, {"bytes": row[None]})[0][0] for row in rows]

    assert together.shape == (3, 214)
    np.testing.assert_allclose(together, alone, rtol=1e-3, atol=1e-5)
