"""What a conversion was made from and with, so that the same one is made only once.

A conversion is a pure function of the source's digest, the tools' versions and the parameters, with
ranges of activations among them; its key is the sha256 of these as canonical JSON. The result has a
digest of its own, which is that of its bytes: whoever makes it again compares.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import onnx
from pydantic import Field

from triton_operator.api.enums import Precision
from triton_operator.api.fields import ApiModel, Digest
from triton_operator.api.model_profile import ModelFile
from triton_operator.model.digest import model_digest

METADATA_KEY = "triton-operator.conversion"
"""Entry of the converted file's metadata that has its `Recipe`; servers ignore it."""


class Calibration(ApiModel):
    """The ranges of activations, and the samples that they came from."""

    samples_digest: Digest
    ranges: str = Field(description="See `activation_ranges`.")


class Recipe(ApiModel):
    """Everything that the bytes of a converted model depend on."""

    source_digest: Digest
    method: str = Field(description="A `Method`.")
    parameters: Mapping[str, Any]
    calibration: Calibration | None = None
    tool_versions: Mapping[str, str]

    def canonical(self) -> str:
        """One spelling as JSON: sorted, without blanks, ASCII."""
        return json.dumps(self.wire(), sort_keys=True, separators=(",", ":"))

    @property
    def key(self) -> str:
        """sha256 over the canonical JSON: the name under which an artifact store has the result."""
        return f"sha256:{hashlib.sha256(self.canonical().encode()).hexdigest()}"


class ConversionRecord(ApiModel):
    """A conversion that was made."""

    key: Digest
    recipe: Recipe
    precision: Precision
    artifact_digest: Digest
    size_bytes: int
    source_size_bytes: int
    files: list[ModelFile]
    notes: list[str] = Field(description="What was done differently for single nodes or tensors.")

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        precision: Precision,
        source_size_bytes: int,
        files: list[ModelFile],
        notes: list[str],
    ) -> "ConversionRecord":
        """The record of a conversion that has written these files."""
        return cls(
            key=recipe.key,
            recipe=recipe,
            precision=precision,
            artifact_digest=model_digest(files),
            size_bytes=sum(row.size_bytes for row in files),
            source_size_bytes=source_size_bytes,
            files=files,
            notes=notes,
        )


def recipe_of(model: onnx.ModelProto) -> Recipe | None:
    """How this file was converted, if it says so in a form that this version reads."""
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            try:
                return Recipe.model_validate_json(entry.value)
            except ValueError:
                return None
    return None
