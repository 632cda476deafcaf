"""How much of an untrusted file is looked at."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class InspectionLimits:
    """Bounds on one model; beyond them it is refused with `ModelTooLarge`."""

    model_bytes: int = 2_147_483_647
    """Of the model file, without external data: protobuf's own limit for one message."""

    nodes: int = 200_000
    """Over the graph, its subgraphs and local functions. The largest exported language models have
    a few ten thousand."""

    weights: int = 200_000
    """Tensors that the file holds or refers to."""

    depth: int = 16
    """Of subgraphs inside subgraphs; protobuf itself gives up at about 33."""

    tensors: int = 256
    """Inputs, and outputs: what a ModelProfile keeps."""

    files: int = 256
    """With the model file: what a ModelProfile keeps."""

    tensor_bytes: int = 2_147_483_647
    """Of one input or output whose dynamic axes have length 1: no message to Triton is larger."""
