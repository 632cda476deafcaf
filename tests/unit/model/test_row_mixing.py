"""Rows that share a batch: what the graph shows is what ONNX Runtime does."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.unit.model import nets
from tests.unit.model.building import model, saved, value
from triton_operator.api.conversion_method import Method
from triton_operator.model.conversion.conversion import convert_model
from triton_operator.model.inspection import inspect_model
from triton_operator.model.onnx_session import OnnxSession

node = helper.make_node


def built(
    nodes: list[onnx.NodeProto],
    weights: Mapping[str, object] | None = None,
    *,
    opset: int = 17,
) -> onnx.ModelProto:
    """From x of [n, 4] to y."""
    arrays = {name: np.array(held) for name, held in (weights or {}).items()}
    tensors = [
        numpy_helper.from_array(array.astype("i8" if array.dtype.kind == "i" else "f4"), name)
        for name, array in arrays.items()
    ]
    return model(
        nodes,
        [value("x", ["n", 4])],
        [value("y", ["n", 4])],
        weights=tensors,
        domains=[("", opset)],
    )


def centred(axes: Sequence[int], **more: int) -> onnx.ModelProto:
    """x - ReduceMean(x)"""
    return built(
        [
            node("ReduceMean", ["x"], ["m"], name="mean", axes=list(axes), **more),
            node("Sub", ["x", "m"], ["y"]),
        ]
    )


def recurrent(*, by_row: bool) -> onnx.ModelProto:
    """An RNN over one step for each of the rows, or over rows as steps: [steps, batch, 4]."""
    nodes = [
        node("Unsqueeze", ["x", "at"], ["u"]),
        node("RNN", ["u", "w", "r"], ["h"], name="memory", hidden_size=4),
        node("Squeeze", ["h", "drop"], ["y"]),
    ]
    at, drop = ([0], [0, 1]) if by_row else ([1], [1, 2])
    weights = {"w": np.eye(4)[None], "r": np.full((1, 4, 4), 0.5), "at": at, "drop": drop}
    return built(nodes, weights)


MIXED = {
    "mean over rows": (centred([0]), "node 'mean' (ReduceMean) takes all rows of a batch together"),
    "mean over everything": (centred([0, 1], keepdims=0), "takes all rows of a batch together"),
    "softmax over rows": (
        built([node("Softmax", ["x"], ["y"], name="soft", axis=0)]),
        "node 'soft' (Softmax) works over axis 0, which is the batch",
    ),
    "softmax over rows, counted from behind": (
        built([node("Softmax", ["x"], ["y"], axis=-2)]),
        "node that makes 'y' (Softmax) works over axis 0, which is the batch",
    ),
    "softmax of old, over all axes from 0 on": (
        built([node("Softmax", ["x"], ["y"], axis=0)], opset=11),
        "works over axis 0",
    ),
    "softmax over rows in another place": (
        built(
            [
                node("Transpose", ["x"], ["t"], perm=[1, 0]),
                node("Softmax", ["t"], ["s"], axis=-1),
                node("Transpose", ["s"], ["y"], perm=[1, 0]),
            ]
        ),
        "node that makes 's' (Softmax) works over axis 1, which is the batch",
    ),
    "running sum": (
        built([node("CumSum", ["x", "axis"], ["y"])], {"axis": 0}),
        "(CumSum) works over axis 0",
    ),
    "best of all rows": (
        built(
            [
                node("TopK", ["x", "k"], ["best", "where"], axis=0),
                node("Sub", ["x", "best"], ["y"]),
            ],
            {"k": [1]},
        ),
        "(TopK) takes all rows of a batch together",
    ),
    "the first row": (
        built(
            [node("Gather", ["x", "first"], ["g"], axis=0), node("Sub", ["x", "g"], ["y"])],
            {"first": 0},
        ),
        "(Gather) takes all rows of a batch together",
    ),
    "each row with each other": (
        built(
            [
                node("Transpose", ["x"], ["t"], perm=[1, 0]),
                node("MatMul", ["x", "t"], ["p"]),
                node("MatMul", ["p", "x"], ["y"]),
            ]
        ),
        "node that makes 'p' (MatMul) compares each row of a batch with each other one",
    ),
    "norm over rows": (
        built([node("LpNormalization", ["x"], ["y"], axis=0)]),
        "(LpNormalization) works over axis 0",
    ),
    "memory from row to row": (recurrent(by_row=False), "node 'memory' (RNN) works over axis 0"),
}
ALONE = {
    "mean over columns": centred([1]),
    "softmax over columns": built([node("Softmax", ["x"], ["y"], axis=-1)]),
    "softmax of old, over columns": built([node("Softmax", ["x"], ["y"])], opset=11),
    "running sum over columns": built([node("CumSum", ["x", "axis"], ["y"])], {"axis": -1}),
    "memory within a row": recurrent(by_row=True),
    "batch in the middle of a shape": built(
        [
            node("Shape", ["x"], ["lengths"]),
            node("Reshape", ["x", "line"], ["l"]),
            node("Relu", ["l"], ["r"]),
            node("Reshape", ["r", "lengths"], ["y"]),
        ],
        {"line": [-1]},
    ),
    "a mean that goes nowhere": built(
        [node("ReduceMean", ["x"], ["m"], axes=[0]), node("Relu", ["x"], ["y"])]
    ),
    "a product as wide as the probe is long": built(
        [node("MatMul", ["x", "w"], ["h"]), node("MatMul", ["h", "v"], ["y"])],
        {"w": np.ones((4, 97)), "v": np.ones((97, 4))},
    ),
    "a sum over as many columns as the probe is long": built(
        [
            node("MatMul", ["x", "w"], ["h"]),
            node("ReduceMean", ["h"], ["m"], axes=[1]),
            node("Sub", ["x", "m"], ["y"]),
        ],
        {"w": np.ones((4, 97))},
    ),
    "positions counted along the batch": built(
        [
            node("Shape", ["x"], ["lengths"]),
            node("Gather", ["lengths", "zero"], ["rows"]),
            node("Range", ["zero", "rows", "one"], ["places"]),
            node("ReduceMax", ["places"], ["last"], keepdims=1),
            node("Cast", ["last"], ["number"], to=TensorProto.FLOAT),
            node("Mul", ["number", "nothing"], ["none"]),
            node("Add", ["x", "none"], ["y"]),
        ],
        {"zero": 0, "one": 1, "nothing": 0.0},
    ),
}


def rows_differ(path: Path) -> bool:
    """Whether ONNX Runtime answers rows otherwise when they share a batch."""
    session = OnnxSession(path, name="the model")
    rows = np.random.default_rng(3).standard_normal((3, 4)).astype("f4")
    together = session.run({"x": rows})[0]
    alone = [session.run({"x": row[None]})[0] for row in rows]
    return not np.allclose(together, np.concatenate(alone), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", MIXED)
def test_rows_that_influence_each_other_share_no_batch(name: str, tmp_path: Path) -> None:
    built, reason = MIXED[name]
    path = saved(built, tmp_path)

    facts = inspect_model(path)

    assert rows_differ(path)
    assert not facts.batchable
    assert facts.reason.startswith("not batchable: rows of output 'y' influence each other: node ")
    assert reason in facts.reason


@pytest.mark.parametrize("name", ALONE)
def test_rows_that_do_not_may(name: str, tmp_path: Path) -> None:
    path = saved(ALONE[name], tmp_path)

    facts = inspect_model(path)

    assert not rows_differ(path)
    assert facts.batchable, facts.reason
    assert "influence" not in facts.reason


@pytest.mark.parametrize("net", [nets.mlp, nets.cnn, nets.attention])
def test_nets_of_any_kind_stay_batchable(net: object, tmp_path: Path) -> None:
    facts = inspect_model(saved(net(), tmp_path))  # type: ignore[operator]

    assert facts.batchable
    assert facts.reason.endswith("shape inference carries a batch through")


def test_what_subgraphs_do_is_told_to_be_unknown(tmp_path: Path) -> None:
    branch = helper.make_graph([node("Relu", ["x"], ["z"])], "b", [], [value("z", ["n", 4])])
    choice = node("If", ["yes"], ["y"], name="choice", then_branch=branch, else_branch=branch)
    yes = numpy_helper.from_array(np.array(True), "yes")
    chosen = model([choice], [value("x", ["n", 4])], [value("y", ["n", 4])], weights=[yes])

    facts = inspect_model(saved(chosen, tmp_path))

    assert facts.batchable
    assert facts.reason.endswith(
        "; whether rows influence each other is not known from node 'choice' (If) on"
    )


def test_a_choice_that_all_rows_make_together_is_seen(tmp_path: Path) -> None:
    facts = inspect_model(saved(nets.branching(), tmp_path))

    assert not facts.batchable
    assert "node that makes 'total' (ReduceSum) takes all rows of a batch together" in facts.reason


def test_a_local_function_is_told_to_be_unknown(tmp_path: Path) -> None:
    facts = inspect_model(saved(nets.with_function(), tmp_path))

    assert facts.batchable
    assert facts.reason.endswith("is not known from node 'call' (Dense) on")


def test_ranges_over_a_batch_are_told_and_no_verdict(tmp_path: Path) -> None:
    convert_model(nets.source_of(nets.mlp(), tmp_path), Method.INT8_DYNAMIC, tmp_path / "out.onnx")

    facts = inspect_model(tmp_path / "out.onnx")

    assert facts.batchable
    assert facts.reason.endswith("(DynamicQuantizeLinear) finds its range over the whole batch")
