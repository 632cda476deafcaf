"""In which precision the model runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from triton_operator.api.enums import ModelFormat, Precision, PrecisionMode
from triton_operator.api.inference_service import PrecisionSpec
from triton_operator.api.model_profile import Conversion, ModelFacts
from triton_operator.planning.copies import Prospect


@dataclass(frozen=True)
class PrecisionChoice:
    """The precision and why; `copy` is the copy that runs, None: the model as it is stored."""

    precision: Precision
    reason: str
    copy: Conversion | None = None


def as_stored(
    spec: PrecisionSpec, facts: ModelFacts, known: Sequence[Prospect] = ()
) -> PrecisionChoice:
    """The model as it is stored, and why not the precision that the spec names, if it does."""
    return PrecisionChoice(Precision.FP32, _why_as_stored(spec.mode, facts, known))


def as_copied(found: Prospect, why: str) -> PrecisionChoice:
    """The copy of a prospect, and what speaks for it."""
    words = f"{found.name}: {why}; {found.agreement}"
    return PrecisionChoice(found.precision, words, found.copy)


def _why_as_stored(mode: PrecisionMode, facts: ModelFacts, known: Sequence[Prospect]) -> str:
    if mode is PrecisionMode.FP32:
        return "FP32: spec.precision.mode"
    if mode is not PrecisionMode.AUTO:
        return f"FP32, and not as spec.precision.mode says: {'; '.join(one.why for one in known)}"
    if facts.format is not ModelFormat.ONNX:
        return (
            f"precision: as in the files of the {facts.format} model, which are not looked into; "
            "FP32 stands for that"
        )
    return "FP32: the model as it is; no verified faster copy exists"
