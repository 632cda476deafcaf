"""Operators that work along an axis and keep it: do they work along the batch?

Only ONNX's own, and only where the axis is known.
"""

from collections.abc import Collection, Mapping, Sequence

from onnx import AttributeProto, GraphProto, NodeProto, TensorProto, numpy_helper

from triton_operator.model.operators import DEFAULT_DOMAINS
from triton_operator.model.weights import element_count, is_external

_Shapes = Mapping[str, Sequence[int | None] | None]

_SOFTMAX = frozenset({"Softmax", "LogSoftmax", "Hardmax"})
_EACH_AXIS_SINCE = 13
"""Before, a softmax went over all axes from its own on."""
_RUNNING = frozenset({"CumSum", "CumProd"})
_RECURRENT = frozenset({"LSTM", "GRU", "RNN"})
_SPATIAL = frozenset({"Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool"})
_DEFAULT_AXIS = {"LpNormalization": -1, "TopK": -1}
_FROM_AXIS_ON = frozenset({"LayerNormalization", "RMSNormalization"})


def works_along(
    node: NodeProto, shapes: _Shapes, rows: int, opset: int, integers: Mapping[str, int]
) -> str | None:
    """How the node works along the axis of a batch of `rows`; None: it does not, or nobody knows.

    Asked only of a node that takes numbers of rows. `integers` as `lone_integers` has them.
    """
    shape = shapes.get(node.input[0]) if node.input else None
    if node.domain not in DEFAULT_DOMAINS or not shape:
        return None
    if node.op_type in ("MatMul", "Gemm"):
        second = shapes.get(node.input[1]) if len(node.input) > 1 else None
        return _product(node, shape, second, rows)
    axes = _axes(node, len(shape), opset, integers)
    along = [axis for axis in axes if _is_batch(shape, axis, rows)]
    return f"works over axis {along[0]}, which is the batch" if along else None


def _axes(node: NodeProto, rank: int, opset: int, integers: Mapping[str, int]) -> Collection[int]:
    """The axes of the first input that it works along."""
    kind = node.op_type
    if kind in _SOFTMAX:
        if opset >= _EACH_AXIS_SINCE:
            return [_integer(node, "axis", -1) % rank]
        return range(_integer(node, "axis", 1) % rank, rank)
    if kind in _FROM_AXIS_ON:
        return range(_integer(node, "axis", -1) % rank, rank)
    if kind in _DEFAULT_AXIS:
        return [_integer(node, "axis", _DEFAULT_AXIS[kind]) % rank]
    if kind in _RUNNING:
        axis = integers.get(node.input[1]) if len(node.input) > 1 else None
        return [] if axis is None else [axis % rank]
    if kind == "MeanVarianceNormalization":
        return [axis % rank for axis in _integers(node, "axes", (0, 2, 3))]
    if kind == "BatchNormalization":
        # Trained further, it takes mean and variance of the batch itself.
        return [axis for axis in range(rank) if axis != 1 and _integer(node, "training_mode", 0)]
    if kind in _RECURRENT:
        return [1 if _integer(node, "layout", 0) else 0]
    if kind == "ReverseSequence":
        return [_integer(node, "time_axis", 0) % rank]
    if kind in _SPATIAL:
        return range(2, rank)
    return []


def _product(
    node: NodeProto,
    first: Sequence[int | None],
    second: Sequence[int | None] | None,
    rows: int,
) -> str | None:
    """A product sums over the last axis of its first input, and the last but one of its second."""
    left, right = len(first) - 1, max(0, len(second or ()) - 2)
    if node.op_type == "Gemm":
        left = 0 if _integer(node, "transA", 0) else 1
        right = 1 if _integer(node, "transB", 0) else 0
    if _is_batch(first, left, rows) or _is_batch(second or (), right, rows):
        return "sums over the batch"
    return None


def _is_batch(shape: Sequence[int | None], axis: int, rows: int) -> bool:
    length = shape[axis] if axis < len(shape) else None
    return length is not None and length > 0 and length % rows == 0


def _attribute(node: NodeProto, name: str) -> AttributeProto | None:
    return next((one for one in node.attribute if one.name == name), None)


def _integer(node: NodeProto, name: str, default: int) -> int:
    found = _attribute(node, name)
    return default if found is None else int(found.i)


def _integers(node: NodeProto, name: str, default: Sequence[int]) -> Sequence[int]:
    found = _attribute(node, name)
    return default if found is None else [int(one) for one in found.ints]


def lone_integers(graph: GraphProto) -> Mapping[str, int]:
    """The single integers in the file, by the name under which nodes take them."""
    tensors = {one.name: one for one in graph.initializer}
    found: dict[str, int] = {}
    for node in graph.node:
        if node.op_type != "Constant" or not node.output:
            continue
        for one in node.attribute:
            if one.HasField("t"):
                tensors[node.output[0]] = one.t
            elif one.name == "value_int":
                found[node.output[0]] = int(one.i)
    for name, tensor in tensors.items():
        whole = tensor.data_type in (TensorProto.INT32, TensorProto.INT64)
        if whole and not is_external(tensor) and element_count(tensor) == 1:
            found[name] = int(numpy_helper.to_array(tensor).item())
    return found
