"""Which way to INT8 suits which model."""

from onnx import ModelProto, NodeProto

from triton_operator.api.conversion_method import Method

CONVOLUTIONS = frozenset({"Conv", "ConvTranspose"})
PRODUCTS = frozenset({"Gemm", "LSTM", "GRU", "RNN", "Attention"})


def int8_method(model: ModelProto) -> Method:
    """Static for convolutional nets, dynamic for nets of matrix products.

    Nodes with weights are counted: the weights of a convolution are few, and its work is not.
    Measured on a CPU with VNNI: dynamic INT8 makes a CNN no faster, and static is the only one that
    does; for matrix products both are equally fast, and dynamic needs no calibration.
    """
    constant = {tensor.name for tensor in model.graph.initializer}
    constant |= {node.output[0] for node in model.graph.node if node.op_type == "Constant"}
    convolutions = sum(node.op_type in CONVOLUTIONS for node in model.graph.node)
    products = sum(
        node.op_type in PRODUCTS or _multiplies(node, constant) for node in model.graph.node
    )
    return Method.INT8_STATIC if convolutions > products else Method.INT8_DYNAMIC


def _multiplies(node: NodeProto, constant: set[str]) -> bool:
    """Whether it is a matrix product with weights, and not of two activations as in attention."""
    return node.op_type == "MatMul" and not constant.isdisjoint(node.input)
