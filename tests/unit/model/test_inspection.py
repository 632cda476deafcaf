"""What an inspection finds in real and hostile files."""

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from tests.unit.model.building import LIGHT, MAGIKA, external, linear, model, relu, saved, value
from triton_operator.model import reasons
from triton_operator.model.digest import model_digest
from triton_operator.model.errors import ModelFailure, ModelRefused, SourceRefused
from triton_operator.model.inspection import inspect_model
from triton_operator.model.limits import InspectionLimits


def refused(path: Path, limits: InspectionLimits | None = None) -> str:
    with pytest.raises(ModelRefused) as caught:
        inspect_model(path, limits=limits)
    assert not caught.value.failure.retryable
    return f"{caught.value.failure.reason}: {caught.value.failure.message}"


def test_the_file_type_model_of_magika_can_be_batched() -> None:
    facts = inspect_model(MAGIKA)

    assert [tensor.wire() for tensor in facts.inputs] == [
        {"name": "bytes", "datatype": "INT32", "shape": [-1, 2048]}
    ]
    assert [tensor.wire() for tensor in facts.outputs] == [
        {"name": "target_label", "datatype": "FP32", "shape": [-1, 214]}
    ]
    # tf2onnx named axis 0 `unk__214` and `unk__215`: inference knows better.
    assert facts.batchable
    assert "shape inference carries a batch through" in facts.reason
    assert (facts.opset, facts.ir_version) == (15, 8)
    assert facts.parameter_count == sum(
        int(np.prod(tensor.dims)) for tensor in onnx.load(MAGIKA).graph.initializer
    )
    assert facts.size_bytes == MAGIKA.stat().st_size
    assert [file.path for file in facts.files] == ["model.onnx"]
    assert facts.tool_versions["onnx"] == onnx.__version__


@pytest.mark.parametrize("path", LIGHT, ids=lambda path: path.stem)
def test_models_of_the_onnx_project_have_a_fixed_batch(path: Path) -> None:
    facts = inspect_model(path)

    assert len(facts.inputs) == 1, "initializers listed as inputs are none that a request fills"
    assert facts.inputs[0].shape == [1, 3, 224, 224]
    assert not facts.batchable
    name = facts.inputs[0].name
    assert facts.reason.startswith(f"not batchable: input '{name}' has batch dimension fixed at 1")


def test_there_are_light_models_to_inspect() -> None:
    assert len(LIGHT) >= 9


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (TensorProto.BOOL, "BOOL"),
        (TensorProto.UINT8, "UINT8"),
        (TensorProto.UINT16, "UINT16"),
        (TensorProto.UINT32, "UINT32"),
        (TensorProto.UINT64, "UINT64"),
        (TensorProto.INT8, "INT8"),
        (TensorProto.INT16, "INT16"),
        (TensorProto.INT32, "INT32"),
        (TensorProto.INT64, "INT64"),
        (TensorProto.FLOAT16, "FP16"),
        (TensorProto.BFLOAT16, "BF16"),
        (TensorProto.FLOAT, "FP32"),
        (TensorProto.DOUBLE, "FP64"),
        (TensorProto.STRING, "BYTES"),
    ],
)
def test_datatypes_have_tritons_names(kind: int, name: str, tmp_path: Path) -> None:
    built = model(
        [helper.make_node("Identity", ["x"], ["y"])],
        [value("x", ["n", 2], kind)],
        [value("y", ["n", 2], kind)],
    )

    facts = inspect_model(saved(built, tmp_path))

    assert [tensor.datatype for tensor in facts.inputs + facts.outputs] == [name, name]


def with_constant_nodes() -> onnx.ModelProto:
    """2x3 as a tensor, 4 numbers as a list, 1 scalar, 2 as a sparse tensor: 13 parameters."""
    sparse = helper.make_sparse_tensor(
        helper.make_tensor("v", TensorProto.FLOAT, [2], [1.0, 2.0]),
        helper.make_tensor("i", TensorProto.INT64, [2], [0, 3]),
        [5],
    )
    return model(
        [
            helper.make_node(
                "Constant", [], ["a"], value=numpy_helper.from_array(np.ones((2, 3), np.float32))
            ),
            helper.make_node("Constant", [], ["b"], value_floats=[1.0, 2.0, 3.0, 4.0]),
            helper.make_node("Constant", [], ["c"], value_float=1.0),
            helper.make_node("Constant", [], ["d"], sparse_value=sparse),
            helper.make_node("Relu", ["x"], ["y"]),
        ],
        [value("x", ["n"])],
        [value("y", ["n"])],
    )


def with_subgraphs() -> onnx.ModelProto:
    """One branch has an initializer of 5, the other a constant of 5."""
    then = helper.make_graph(
        [helper.make_node("Add", ["x", "five"], ["t"])],
        "then",
        [],
        [value("t", [5])],
        [numpy_helper.from_array(np.ones(5, np.float32), "five")],
    )
    other = helper.make_graph(
        [
            helper.make_node(
                "Constant", [], ["k"], value=numpy_helper.from_array(np.ones(5, np.float32))
            ),
            helper.make_node("Add", ["x", "k"], ["e"]),
        ],
        "else",
        [],
        [value("e", [5])],
    )
    return model(
        [helper.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other)],
        [value("c", [], TensorProto.BOOL), value("x", [5])],
        [value("y", [5])],
    )


def with_function() -> onnx.ModelProto:
    """A local function with a constant of 3, called twice, that counts once."""
    body = [
        helper.make_node(
            "Constant", [], ["k"], value=numpy_helper.from_array(np.ones(3, np.float32))
        ),
        helper.make_node("Add", ["p", "k"], ["q"]),
    ]
    function = helper.make_function(
        "mine", "AddThree", ["p"], ["q"], body, [helper.make_opsetid("", 17)]
    )
    return model(
        [
            helper.make_node("AddThree", ["x"], ["m"], domain="mine"),
            helper.make_node("AddThree", ["m"], ["y"], domain="mine"),
        ],
        [value("x", ["n", 3])],
        [value("y", ["n", 3])],
        domains=[("", 17), ("mine", 1)],
        functions=[function],
    )


def with_sparse_initializer() -> onnx.ModelProto:
    built = relu(["n"], ["n"])
    built.graph.sparse_initializer.append(
        helper.make_sparse_tensor(
            helper.make_tensor("s", TensorProto.FLOAT, [2], [1.0, 2.0]),
            helper.make_tensor("i", TensorProto.INT64, [2], [0, 3]),
            [5],
        )
    )
    return built


@pytest.mark.parametrize(
    ("built", "count"),
    [
        pytest.param(linear(), 15, id="initializers"),
        pytest.param(with_constant_nodes(), 13, id="every kind of Constant node"),
        pytest.param(with_subgraphs(), 10, id="both branches of If"),
        pytest.param(with_function(), 3, id="local function, once"),
        pytest.param(with_sparse_initializer(), 2, id="values of a sparse initializer"),
        pytest.param(relu(["n"], ["n"]), 0, id="none"),
    ],
)
def test_parameters_are_counted_wherever_they_are(
    built: onnx.ModelProto, count: int, tmp_path: Path
) -> None:
    assert inspect_model(saved(built, tmp_path)).parameter_count == count


def test_output_without_a_declared_shape_gets_the_inferred_one(tmp_path: Path) -> None:
    built = linear()
    built.graph.output[0].ClearField("type")

    facts = inspect_model(saved(built, tmp_path))

    assert [tensor.wire() for tensor in facts.outputs] == [
        {"name": "y", "datatype": "FP32", "shape": [-1, 3]}
    ]
    assert facts.batchable


def test_dimension_zero_and_minus_one_mean_unknown(tmp_path: Path) -> None:
    built = relu(["n", 0], ["n", -1])

    facts = inspect_model(saved(built, tmp_path))

    assert facts.inputs[0].shape == [-1, -1]
    assert facts.outputs[0].shape == [-1, -1]


def nested(depth: int) -> onnx.ModelProto:
    """If inside If; each other branch is trivial, or the file would double with every level."""

    def trivial(name: str) -> onnx.GraphProto:
        node = helper.make_node("Identity", ["x"], [name])
        return helper.make_graph([node], name, [], [value(name, [1])])

    graph = trivial("o0")
    for level in range(1, depth + 1):
        node = helper.make_node(
            "If", ["c"], [f"o{level}"], then_branch=graph, else_branch=trivial(f"e{level}")
        )
        graph = helper.make_graph([node], f"g{level}", [], [value(f"o{level}", [1])])
    return model(
        graph.node, [value("c", [], TensorProto.BOOL), value("x", [1])], [value(f"o{depth}", [1])]
    )


def without(built: onnx.ModelProto, field: str) -> onnx.ModelProto:
    built.ClearField(field)
    return built


def sequence_output() -> onnx.ModelProto:
    element = helper.make_tensor_type_proto(TensorProto.FLOAT, ["n"])
    return model(
        [helper.make_node("SequenceConstruct", ["x"], ["y"])],
        [value("x", ["n"])],
        [helper.make_value_info("y", helper.make_sequence_type_proto(element))],
    )


def claimed(dims: list[int]) -> onnx.ModelProto:
    """A weight that claims `dims` and holds 4 bytes."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims, raw_data=b"\0\0\0\0")
    return model(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        [value("x", ["n"])],
        [value("y", ["n"])],
        weights=[tensor],
    )


HOSTILE = [
    pytest.param(
        relu(["n"], ["n"], TensorProto.COMPLEX64), "UnsupportedType", "input 'x'", id="complex"
    ),
    pytest.param(
        relu(["n"], ["n"], TensorProto.FLOAT8E4M3FN), "UnsupportedType", "FLOAT8E4M3FN", id="float8"
    ),
    pytest.param(relu(["n"], ["n"], TensorProto.INT4), "UnsupportedType", "INT4", id="int4"),
    pytest.param(relu(["n"], ["n"], 99), "UnsupportedType", "number 99", id="type of the future"),
    pytest.param(sequence_output(), "UnsupportedType", "is a sequence", id="sequence output"),
    pytest.param(relu(None, ["n"]), "UnsupportedShape", "input 'x'", id="input of unknown rank"),
    pytest.param(relu(["n"] * 65, ["n"]), "UnsupportedShape", "65 axes", id="65 axes"),
    pytest.param(
        model(
            [helper.make_node("Mystery", ["x"], ["y"], domain="com.microsoft")],
            [value("x", ["n"])],
            [value("y", None)],
            domains=[("", 17), ("com.microsoft", 1)],
        ),
        "UnsupportedShape",
        "output 'y' declares no number of axes",
        id="output that cannot be inferred",
    ),
    pytest.param(
        model(
            [helper.make_node("Run", ["x"], ["y"], domain="evil.ops")],
            [value("x", ["n"])],
            [value("y", ["n"])],
            domains=[("", 17), ("evil.ops", 1)],
        ),
        "UnsupportedOperator",
        "evil.ops.Run",
        id="custom operator",
    ),
    pytest.param(
        model(
            [helper.make_node("EPContext", ["x"], ["y"], domain="com.microsoft")],
            [value("x", ["n"])],
            [value("y", ["n"])],
            domains=[("", 17), ("com.microsoft", 1)],
        ),
        "UnsupportedOperator",
        "compiled engine",
        id="node that loads an engine file",
    ),
    pytest.param(
        model([helper.make_node("Reluu", ["x"], ["y"])], [value("x", ["n"])], [value("y", ["n"])]),
        "UnsupportedOperator",
        "Reluu",
        id="operator that ONNX does not define",
    ),
    pytest.param(
        model([helper.make_node("Constant", [], ["y"], value_floats=[1.0])], [], [value("y", [1])]),
        "NoInputs",
        "no input",
        id="no input",
    ),
    pytest.param(
        model([helper.make_node("Relu", ["x"], ["y"])], [value("x", ["n"])], []),
        "NoOutputs",
        "no output",
        id="no output",
    ),
    pytest.param(
        model([helper.make_node("Relu", ["z"], ["y"])], [value("x", [1])], [value("y", [1])]),
        "NotAModel",
        "needs the value 'z'",
        id="value from nowhere",
    ),
    pytest.param(
        model([helper.make_node("Relu", ["x"], ["z"])], [value("x", [1])], [value("y", [1])]),
        "NotAModel",
        "nothing makes the output 'y'",
        id="output from nowhere",
    ),
    pytest.param(
        model(
            [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Abs", ["x"], ["y"])],
            [value("x", [1])],
            [value("y", [1])],
        ),
        "NotAModel",
        "made twice",
        id="value made twice",
    ),
    pytest.param(
        model(
            [helper.make_node("Relu", ["x"], ["y"])],
            [value("x", [1]), value("x", [2])],
            [value("y", [1])],
        ),
        "NotAModel",
        "same name",
        id="two inputs of one name",
    ),
    pytest.param(claimed([1 << 40, 1 << 20]), "NotAModel", "tensor 'w'", id="huge declared weight"),
    pytest.param(claimed([-1]), "NotAModel", "impossible shape", id="negative length"),
    pytest.param(claimed([1] * 70), "NotAModel", "impossible shape", id="weight with 70 axes"),
    pytest.param(claimed([2]), "NotAModel", "holds 4", id="weight shorter than declared"),
    pytest.param(
        relu([1 << 62, 1 << 62], ["n"]), "TensorTooLarge", "input 'x'", id="huge declared input"
    ),
    pytest.param(nested(20), "ModelTooLarge", "nested more than 16", id="deeply nested"),
    pytest.param(without(linear(), "opset_import"), "NotAModel", "operator set", id="no opset"),
    pytest.param(without(linear(), "graph"), "NotAModel", "no graph", id="no graph"),
    pytest.param(without(linear(), "ir_version"), "NotAModel", "IR version", id="no IR version"),
    pytest.param(
        model(
            [helper.make_node("Relu", ["x\n"], ["y"])], [value("x\n", ["n"])], [value("y", ["n"])]
        ),
        "UnsupportedName",
        "printable",
        id="line end in a name",
    ),
]


@pytest.mark.parametrize(("built", "reason", "text"), HOSTILE)
def test_models_that_cannot_be_served_are_refused_with_a_reason(
    built: onnx.ModelProto, reason: str, text: str, tmp_path: Path
) -> None:
    message = refused(saved(built, tmp_path))

    assert message.startswith(f"{reason}: ")
    assert text in message


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(b"", "an empty file", id="empty"),
        pytest.param(b"\x80\x02ccollections\n", "a pickle", id="pickle"),
        pytest.param(b"<html><body>Not found</body></html>", "an error page", id="html"),
        pytest.param(b"PK\x03\x04" + bytes(60), "a zip file", id="zip"),
        pytest.param(b"version https://git-lfs.github.com/spec/v1\n", "a pointer", id="git-lfs"),
        pytest.param(bytes(4096), "zeros", id="zeros"),
    ],
)
def test_files_that_are_no_model(data: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(data)

    assert refused(path).startswith("NotAModel: "), why


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_model_is_no_model(share: float, tmp_path: Path) -> None:
    data = MAGIKA.read_bytes()
    path = tmp_path / "model.onnx"
    path.write_bytes(data[: int(len(data) * share)])

    assert "truncated" in refused(path)


@given(data=st.binary(max_size=400))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_bytes_never_surprise(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(data)

    with pytest.raises(ModelRefused):
        inspect_model(path)


@given(
    where=st.integers(min_value=0, max_value=len(with_subgraphs().SerializeToString()) - 1),
    byte=st.integers(min_value=0, max_value=255),
)
@settings(
    max_examples=150,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_flipped_byte_gives_facts_or_a_reason(where: int, byte: int, tmp_path: Path) -> None:
    data = bytearray(with_subgraphs().SerializeToString())
    data[where] = byte
    path = tmp_path / "model.onnx"
    path.write_bytes(data)

    try:
        facts = inspect_model(path)
    except ModelFailure:
        return
    assert facts.reason


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (InspectionLimits(model_bytes=100), "at most 100"),
        (InspectionLimits(nodes=1), "more than 1 nodes"),
        (InspectionLimits(weights=1), "more than 1 tensors"),
        (InspectionLimits(tensors=0), "at most 0"),
    ],
    ids=lambda part: str(part),
)
def test_limits_hold(limits: InspectionLimits, text: str, tmp_path: Path) -> None:
    message = refused(saved(linear(), tmp_path), limits)

    assert message.startswith("ModelTooLarge: ")
    assert text in message


def test_a_missing_file_and_a_folder_are_no_source(tmp_path: Path) -> None:
    with pytest.raises(SourceRefused) as missing:
        inspect_model(tmp_path / "nothing.onnx")
    with pytest.raises(SourceRefused) as folder:
        inspect_model(tmp_path)

    assert missing.value.failure.reason == reasons.SOURCE_NOT_FOUND
    assert "Is a directory" in folder.value.failure.message


# External data.


def weights(folder: Path, name: str = "w.bin", size: int = 48) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    return path


def test_external_data_counts_as_part_of_the_model(tmp_path: Path) -> None:
    weights(tmp_path, "deep/w.bin")
    path = saved(external("./deep//w.bin"), tmp_path, "anything.onnx")

    facts = inspect_model(path)

    assert [file.path for file in facts.files] == ["model.onnx", "deep/w.bin"]
    assert facts.files[1].size_bytes == 48
    assert facts.size_bytes == path.stat().st_size + 48
    assert facts.parameter_count == 15
    assert model_digest(facts.files) != facts.files[0].digest


@pytest.mark.parametrize(
    ("location", "text"),
    [
        ("", "empty"),
        (".", "empty"),
        ("../w.bin", "'..'"),
        ("deep/../../w.bin", "'..'"),
        ("/etc/passwd", "absolute"),
        ("*/_ORT_MEM_ADDR_/*", "'*'"),
        ("c:w.bin", "':'"),
        ("a\\w.bin", "control character"),
        ("w\n.bin", "control character"),
        ("model.onnx", "model itself"),
        ("./model.onnx", "model itself"),
        ("batchstrategy.so", "run or obeyed"),
        ("libx.so.1", "run or obeyed"),
        ("model.py", "run or obeyed"),
        ("config.pbtxt", "run or obeyed"),
        ("w" * 600, "longer than"),
    ],
)
def test_names_of_external_data_that_are_refused(location: str, text: str, tmp_path: Path) -> None:
    message = refused(saved(external(location), tmp_path))

    assert message.startswith("ExternalDataRefused: ")
    assert text in message


def test_links_to_external_data_are_refused(tmp_path: Path) -> None:
    secret = weights(tmp_path / "elsewhere")
    folder = tmp_path / "model"
    folder.mkdir()
    path = saved(external("w.bin"), folder)

    (folder / "w.bin").symlink_to(secret)
    assert "a symbolic link" in refused(path)
    (folder / "w.bin").unlink()

    os.link(secret, folder / "w.bin")
    assert "a hard link" in refused(path)


def test_a_linked_folder_of_external_data_is_refused(tmp_path: Path) -> None:
    weights(tmp_path / "elsewhere")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "deep").symlink_to(tmp_path / "elsewhere")

    assert "a symbolic link" in refused(saved(external("deep/w.bin"), folder))


def test_missing_short_and_odd_external_data_is_refused(tmp_path: Path) -> None:
    path = saved(external("w.bin"), tmp_path)
    assert "No such file" in refused(path)

    weights(tmp_path, size=47)
    assert "has 47 bytes, but the model reads 48" in refused(path)

    (tmp_path / "w.bin").unlink()
    os.mkfifo(tmp_path / "w.bin")
    assert "no regular file" in refused(path)


@pytest.mark.parametrize(
    "entries",
    [
        {"offset": "-1"},
        {"offset": "x"},
        {"length": "47"},
        {"length": "-48"},
        {"offset": "0x10"},
    ],
    ids=str,
)
def test_offsets_and_lengths_have_to_fit(entries: dict[str, str], tmp_path: Path) -> None:
    weights(tmp_path, size=1000)

    assert "does not fit its entry" in refused(saved(external("w.bin", **entries), tmp_path))


def test_external_data_may_start_at_an_offset(tmp_path: Path) -> None:
    weights(tmp_path, size=64 + 47)
    path = saved(external("w.bin", offset="64", length="48"), tmp_path)
    assert "reads 112" in refused(path)

    weights(tmp_path, size=64 + 48)
    assert inspect_model(path).files[1].size_bytes == 112


def test_external_data_of_a_subgraph_is_found(tmp_path: Path) -> None:
    built = with_subgraphs()
    (tensor,) = [t for a in built.graph.node[0].attribute for t in a.g.initializer]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="hidden.bin")
    weights(tmp_path, "hidden.bin", 20)

    facts = inspect_model(saved(built, tmp_path))

    assert [file.path for file in facts.files] == ["model.onnx", "hidden.bin"]


def test_a_model_can_have_only_so_many_files(tmp_path: Path) -> None:
    weights(tmp_path)
    message = refused(saved(external("w.bin"), tmp_path), InspectionLimits(files=1))

    assert message.startswith("ModelTooLarge: ")
