"""The form of a model that the tools can convert: same function, same inputs, same outputs.

Their own gaps are closed here: they overlook local functions, take weights that old files list as
inputs for real inputs, and cannot exclude a node without a name.
"""

from onnx import ModelProto, inliner, version_converter

from triton_operator.api.conversion_method import Method
from triton_operator.model import reasons
from triton_operator.model.conversion.eligibility import refuse_control_flow
from triton_operator.model.errors import ModelRefused
from triton_operator.model.graph_tensors import real_inputs
from triton_operator.model.operators import DEFAULT_DOMAINS

LEAST_OPSETS = {
    # Operators of ONNX Runtime begin at 7.
    Method.FP16: 7,
    # DynamicQuantizeLinear.
    Method.INT8_DYNAMIC: 11,
    # Q/DQ per channel.
    Method.INT8_STATIC: 13,
}
RAISED_TO = 13
"""The operator set that older models are brought to by onnx's version converter."""

_MESSAGE_BYTES = 2_147_483_647


def normalised(model: ModelProto, method: Method) -> tuple[ModelProto, list[str]]:
    """The model in that form, and notes on what was done. May change `model`.

    Raises:
        ModelRefused: `ConversionRefused`: control flow, or an operator set that is too old and that
            onnx cannot raise.
    """
    notes = []
    if model.functions:
        names = ", ".join(function.name for function in model.functions[:5])
        _refuse_large(model, method, f"it has local functions ({names}), which are to be inlined")
        model = inliner.inline_local_functions(model)
        notes.append(f"local functions are inlined: {names}")
    refuse_control_flow(model, method)
    drop_listed_initializers(model)
    if (opset := _opset(model)) < LEAST_OPSETS[method]:
        model = _raised(model, method, opset)
        notes.append(f"operator set {opset} is raised to {RAISED_TO}")
    _name_nodes(model)
    return model, notes


def drop_listed_initializers(model: ModelProto) -> None:
    """Keep only real inputs in the list of inputs, as IR version 4 allows. Changes `model`."""
    inputs = real_inputs(model.graph)
    if len(inputs) != len(model.graph.input):
        kept = [type(value).FromString(value.SerializeToString()) for value in inputs]
        del model.graph.input[:]
        model.graph.input.extend(kept)
        model.ir_version = max(model.ir_version, 4)


def _opset(model: ModelProto) -> int:
    return max(
        (row.version for row in model.opset_import if row.domain in DEFAULT_DOMAINS), default=0
    )


def _raised(model: ModelProto, method: Method, opset: int) -> ModelProto:
    _refuse_large(model, method, f"its operator set {opset} is to be raised to {RAISED_TO}")
    try:
        raised = version_converter.convert_version(model, RAISED_TO)
    except Exception as error:  # It raises what its C++ half says, with the operator's name.
        raise ModelRefused(
            reasons.CONVERSION_REFUSED,
            f"no conversion to {method}: it needs operator set {LEAST_OPSETS[method]}, the model "
            f"has {opset}, and onnx cannot raise it: {error}; export the model with a newer one",
        ) from error
    raised.ir_version = max(raised.ir_version, 7)
    return raised


def _refuse_large(model: ModelProto, method: Method, why: str) -> None:
    size = model.ByteSize()
    if size > _MESSAGE_BYTES:
        raise ModelRefused(
            reasons.CONVERSION_REFUSED,
            f"no conversion to {method}: {why}, which onnx cannot do with {size} bytes; export the "
            "model in that form",
        )


def _name_nodes(model: ModelProto) -> None:
    """Every node gets a name of its own, by its place in the file: the same on every run."""
    taken: set[str] = set()
    for index, node in enumerate(model.graph.node):
        if not node.name or node.name in taken:
            node.name = f"{node.op_type}_{index}"
            while node.name in taken:
                node.name += "_"
        taken.add(node.name)
