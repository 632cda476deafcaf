"""In which precision the model runs."""

from dataclasses import dataclass

from triton_operator.api.enums import ModelFormat, Precision, PrecisionMode
from triton_operator.api.inference_service import PrecisionSpec


@dataclass(frozen=True)
class PrecisionChoice:
    """The precision and why; `honored` is False where the spec asked for another one."""

    precision: Precision
    honored: bool
    reason: str


def choose_precision(spec: PrecisionSpec, format: ModelFormat) -> PrecisionChoice:
    """FP32 as the model file has it: a converted copy is only used once it has been verified."""
    if format is not ModelFormat.ONNX and spec.mode is PrecisionMode.AUTO:
        return PrecisionChoice(
            Precision.FP32,
            True,
            f"precision: as in the files of the {format} model, which are not looked into; FP32 "
            "stands for that",
        )
    if spec.mode is PrecisionMode.FP32:
        return PrecisionChoice(Precision.FP32, True, "FP32: spec.precision.mode")
    if spec.mode is PrecisionMode.AUTO:
        return PrecisionChoice(
            Precision.FP32, True, "FP32: the model as it is; no verified faster copy exists"
        )
    return PrecisionChoice(
        Precision.FP32,
        False,
        f"FP32: spec.precision.mode {spec.mode} needs a converted and verified copy, which this "
        f"version does not make",
    )
