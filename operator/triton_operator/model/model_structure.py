"""What the model file alone says, as a value that crosses from the confined parser."""

from pydantic import Field

from triton_operator.api.fields import ApiModel
from triton_operator.api.tensors import Tensor
from triton_operator.model.external_files import ExternalFile


class ModelStructure(ApiModel):
    """The facts that are in the model file itself, and which other files belong to it."""

    inputs: list[Tensor]
    outputs: list[Tensor]
    batchable: bool
    reason: str
    opset: int | None
    ir_version: int
    parameter_count: int
    external: list[ExternalFile] = Field(default_factory=list)
    tool_versions: dict[str, str]
