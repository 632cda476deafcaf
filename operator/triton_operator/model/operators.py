"""Which operators a model may use: those of ONNX Runtime itself, and none that loads files."""

from collections.abc import Iterable

from onnx import ModelProto, NodeProto, defs

from triton_operator.model import reasons
from triton_operator.model.errors import ModelRefused

DEFAULT_DOMAINS = frozenset({"", "ai.onnx"})
"""Two spellings of ONNX's own operators."""

BUILT_IN_DOMAINS = DEFAULT_DOMAINS | {"ai.onnx.ml", "com.microsoft"}
"""What every ONNX Runtime of a Triton image has; another domain needs a library with code."""

LOADS_FILES = frozenset({("com.microsoft", "EPContext")})
"""Nodes that make an execution provider open an engine file next to the model: compiled code."""

EXPERIMENTAL = frozenset(
    {
        "Affine",
        "Crop",
        "DynamicSlice",
        "GRUUnit",
        "GivenTensorFill",
        "ImageScaler",
        "ParametricSoftplus",
        "Scale",
        "ScaledTanh",
        "ThresholdedRelu",
    }
)
"""Dropped from ONNX before 1.5; ONNX Runtime still has them for old files (`contrib_defs.cc`)."""


def refuse_unsupported_operators(
    model: ModelProto, nodes: Iterable[NodeProto], *, libraries: bool = False
) -> None:
    """Check each of the model's `nodes` (those of subgraphs and functions as well).

    `libraries`: the model comes with libraries, which may have operators of other domains.

    Raises:
        ModelRefused: `UnsupportedOperator`, naming the operators, at most five.
    """
    local = {(function.domain, function.name) for function in model.functions}
    known = {schema.name for schema in defs.get_all_schemas_with_history() if not schema.domain}
    known |= EXPERIMENTAL
    custom: dict[str, None] = {}
    unknown: dict[str, None] = {}
    for node in nodes:
        operator = (node.domain, node.op_type)
        if operator in LOADS_FILES:
            raise ModelRefused(
                reasons.UNSUPPORTED_OPERATOR,
                f"node '{node.name}' is an {node.op_type}, which loads a compiled engine from a "
                "file; export the model without it",
            )
        if operator in local:
            continue
        if node.domain not in BUILT_IN_DOMAINS:
            custom.setdefault(f"{node.domain}.{node.op_type}")
        elif node.domain in DEFAULT_DOMAINS and node.op_type not in known:
            unknown.setdefault(node.op_type)
    if custom and not libraries:
        raise ModelRefused(
            reasons.UNSUPPORTED_OPERATOR,
            f"the model needs custom operators ({_few(custom)}) that come as a library with code; "
            "export it with standard operators (domains ai.onnx, ai.onnx.ml, com.microsoft)",
        )
    if unknown:
        raise ModelRefused(
            reasons.UNSUPPORTED_OPERATOR,
            f"the model uses operators that ONNX does not define ({_few(unknown)})",
        )


def _few(names: Iterable[str], most: int = 5) -> str:
    listed = list(names)
    rest = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + rest
