"""Facts put together from what a model file says and what its files are. Parses nothing."""

from collections.abc import Sequence

from triton_operator import __version__
from triton_operator.api.enums import ModelFormat
from triton_operator.api.model_profile import ModelFacts, ModelFile
from triton_operator.model import reasons
from triton_operator.model.errors import ModelRefused
from triton_operator.model.model_structure import ModelStructure


def facts_of(structure: ModelStructure, files: Sequence[ModelFile]) -> ModelFacts:
    """Facts from what the model file says and what its files are; the model file comes first."""
    return ModelFacts(
        format=ModelFormat.ONNX,
        inputs=structure.inputs,
        outputs=structure.outputs,
        batchable=structure.batchable,
        reason=structure.reason,
        opset=structure.opset,
        ir_version=structure.ir_version,
        parameter_count=structure.parameter_count,
        size_bytes=sum(file.size_bytes for file in files),
        files=list(files),
        tool_versions={**structure.tool_versions, "triton-operator": __version__},
    )


def known_format(format: str) -> ModelFormat:
    """The format of that name.

    Raises:
        ModelRefused: `FormatNotSupported`.
    """
    if format in set(ModelFormat):
        return ModelFormat(format)
    raise ModelRefused(
        reasons.FORMAT_NOT_SUPPORTED,
        f"there is no model format '{format}'; there are {', '.join(ModelFormat)}",
    )
