"""What a repository is, as values that cross from the confined parser."""

from pydantic import Field

from triton_operator.api.fields import ApiModel
from triton_operator.api.repository import RepositoryModel
from triton_operator.api.tensors import Tensor


class OnnxFile(ApiModel):
    """An ONNX model in the repository, at `path` from its root."""

    path: str
    model: str
    """Name of the model that it belongs to."""
    libraries: bool = False
    """Whether config.pbtxt names libraries with operators, so that no operator is unknown."""
    tells_tensors: bool = False
    """Whether config.pbtxt leaves inputs and outputs to this file."""


class OnnxTensors(ApiModel):
    """What an ONNX file says for the config of `model`."""

    model: str
    inputs: list[Tensor]
    outputs: list[Tensor]


class OnnxFindings(ApiModel):
    """The answer about all ONNX files of a repository: none is refused."""

    tensors: list[OnnxTensors] = Field(default_factory=list)
    tool_versions: dict[str, str] = Field(default_factory=dict)


class RepositoryStructure(ApiModel):
    """The models of a repository, and what the parent process has to know to unpack it."""

    models: list[RepositoryModel]
    code: list[str]
    total_bytes: int
    files: int
    root: str
    """The one folder of an archive that has the repository in it; empty: its top."""
    without_version: list[str] = Field(default_factory=list)
    """Ensembles that lack the empty version folder that Triton wants."""
    own_metrics: list[str] = Field(default_factory=list)
    """Models whose config.pbtxt has `model_metrics`."""
    onnx: list[OnnxFile] = Field(default_factory=list)
    """ONNX models, which are not looked into yet."""
    tool_versions: dict[str, str]
