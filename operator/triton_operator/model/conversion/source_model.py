"""The model to convert: inspected like any other, then read with all of its weights."""

from dataclasses import dataclass
from pathlib import Path

from onnx import ModelProto
from onnx.external_data_helper import load_external_data_for_model

from triton_operator.api.model_profile import ModelFacts
from triton_operator.model import reasons
from triton_operator.model.digest import model_digest
from triton_operator.model.errors import ModelRefused
from triton_operator.model.inspection import inspect_model
from triton_operator.model.limits import InspectionLimits
from triton_operator.model.structure import parsed


@dataclass(frozen=True)
class SourceModel:
    """The file, what is known about it, and the graph with all weights in memory."""

    path: Path
    digest: str
    facts: ModelFacts
    graph: ModelProto


def read_source(path: Path, *, limits: InspectionLimits | None = None) -> SourceModel:
    """Inspect the ONNX model at `path`, and read it with its external data.

    Takes as much memory as all its files together.

    Raises:
        ModelRefused: it cannot be served; the reason says why.
        SourceRefused: there is no readable file at `path`.
    """
    limits = limits or InspectionLimits()
    # Names of external files are checked in here, before anybody opens them.
    facts = inspect_model(path, limits=limits)
    model = parsed(path, limits)
    try:
        load_external_data_for_model(model, str(path.parent))
    except Exception as error:  # onnx raises its own ValidationError, ValueError and OSError.
        raise ModelRefused(
            reasons.EXTERNAL_DATA_REFUSED, f"the external data of {path} cannot be read: {error}"
        ) from error
    return SourceModel(path, model_digest(facts.files), facts, model)
