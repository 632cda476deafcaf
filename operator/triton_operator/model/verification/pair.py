"""Two model files that are to be compared: what they take and give has to be the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triton_operator.api.tensors import Tensor
from triton_operator.model import reasons
from triton_operator.model.conversion.record import Recipe, recipe_of
from triton_operator.model.digest import model_digest
from triton_operator.model.errors import ModelRefused
from triton_operator.model.inspection import inspect_model
from triton_operator.model.limits import InspectionLimits
from triton_operator.model.structure import parsed


@dataclass(frozen=True)
class Pair:
    """What both have in common, and how the converted one was made, if it says so."""

    digest: str
    """Of the FP32 model."""
    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]
    batchable: bool
    """Whether requests may share a batch: what the FP32 model says goes for its copies."""
    recipe: Recipe | None


def read_pair(reference: Path, converted: Path) -> Pair:
    """Inspect both files.

    Raises:
        ModelFailure: one of them is no model that can be served, or `ModelsDiffer`: other inputs or
            outputs, or the converted one says that it was made from another model.
    """
    ours, theirs = inspect_model(reference), inspect_model(converted)
    digest = model_digest(ours.files)
    recipe = recipe_of(parsed(converted, InspectionLimits()))
    if recipe is not None and recipe.source_digest != digest:
        raise ModelRefused(
            reasons.MODELS_DIFFER,
            f"{converted} was made from a model with the digest {recipe.source_digest}; "
            f"{reference} has {digest}",
        )
    _refuse_different("input", ours.inputs, theirs.inputs)
    _refuse_different("output", ours.outputs, theirs.outputs)
    return Pair(digest, ours.inputs, ours.outputs, ours.batchable, recipe)


def _refuse_different(role: str, ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> None:
    others = {tensor.name: tensor for tensor in theirs}
    for tensor in ours:
        if (other := others.pop(tensor.name, None)) != tensor:
            has = f"{other.datatype} {other.shape}" if other else f"no such {role}"
            raise ModelRefused(
                reasons.MODELS_DIFFER,
                f"{role} '{tensor.name}' is {tensor.datatype} {tensor.shape} in the FP32 model; "
                f"the converted one has {has}",
            )
    if others:
        raise ModelRefused(
            reasons.MODELS_DIFFER, f"{role} '{next(iter(others))}' is in the converted model only"
        )
