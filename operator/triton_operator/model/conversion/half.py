"""FP16: weights and arithmetic in half precision, inputs and outputs as they were."""

from onnx import ModelProto
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

from triton_operator.model.conversion.eligibility import beyond_half, described
from triton_operator.model.conversion.skeleton import inferred_values, skeleton

PARAMETERS = {"keepIOTypes": True, "keptOperators": sorted(DEFAULT_OP_BLOCK_LIST)}
"""What the converter is told: the operators that it leaves in FP32 are its own default."""


def to_half(model: ModelProto) -> tuple[ModelProto, list[str]]:
    """The model in FP16, and notes on nodes that stay FP32. Changes `model`.

    Weights beyond ±65,504 would become infinite, so the nodes that use them stay FP32. A single
    number beyond that is a mask or a bound (-1e9, the least FP32); the converter takes the nearest
    FP16 value, since minus infinity in a mask makes NaN of a row that is masked as a whole.
    """
    kept, notes = _out_of_range(model)
    # Types between nodes tell the converter where casts are needed. Inferred here, without weights,
    # because inference by the converter itself fails above 2 GiB.
    known = {value.name for value in model.graph.output}
    del model.graph.value_info[:]
    model.graph.value_info.extend(
        value for value in inferred_values(skeleton(model)) if value.name not in known
    )
    converted: ModelProto = convert_float_to_float16(
        model,
        keep_io_types=True,
        disable_shape_infer=True,
        op_block_list=sorted(DEFAULT_OP_BLOCK_LIST),
        node_block_list=kept,
    )
    return converted, notes


def _out_of_range(model: ModelProto) -> tuple[list[str], list[str]]:
    """Names of nodes that have to stay FP32, and notes on every tensor beyond FP16."""
    kept: list[str] = []
    notes: list[str] = []
    for tensor in model.graph.initializer:
        if not beyond_half(tensor):
            continue
        if _is_single(tensor.dims):
            notes.append(
                f"tensor '{tensor.name}' is a single number beyond FP16; the nearest one is taken"
            )
            continue
        users = [node for node in model.graph.node if tensor.name in node.input]
        kept.extend(node.name for node in users if node.name not in kept)
        shown = ", ".join(described(node) for node in users) or "nothing"
        notes.append(f"tensor '{tensor.name}' has values beyond FP16; stays FP32: {shown}")
    return kept, notes


def _is_single(dims: object) -> bool:
    return all(length == 1 for length in dims)  # type: ignore[attr-defined]
