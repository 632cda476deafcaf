"""How much of an untrusted file is looked at."""

from dataclasses import dataclass

from triton_operator.api.repository import MOST_MODELS


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


@dataclass(frozen=True, kw_only=True)
class RepositoryLimits:
    """Bounds on one model repository, in a folder or unpacked."""

    listed_files: int = 256
    """In a folder: what a ModelProfile keeps. An archive is one file there."""

    entries: int = 10_000
    """In an archive, folders included."""

    models: int = MOST_MODELS

    onnx_files: int = 256
    """ONNX models, in all versions of all models."""

    path: int = 512
    """Characters of one path."""

    depth: int = 16
    """Folders above a file."""

    config_bytes: int = 1 << 20
    """Of one config.pbtxt."""

    configs_bytes: int = 8 << 20
    """Of all config.pbtxt together."""

    header_bytes: int = 64 << 10
    """Of one entry's extended header in a tar, such as a long name."""

    free_bytes: int = 64 << 20
    """Unpacked bytes before the ratio counts: small files compress well."""

    ratio: int = 100
    """Unpacked bytes for each byte of the archive. Weights of a trained model hardly compress;
    a bomb has a thousand."""
