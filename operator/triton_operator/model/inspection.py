"""The facts of a model on disk: its structure, and the digests and sizes of all its files."""

from pathlib import Path

from triton_operator.api.model_profile import ModelFacts
from triton_operator.model.digest import MODEL_FILE_NAME, file_row
from triton_operator.model.external_files import plain_file
from triton_operator.model.facts import facts_of
from triton_operator.model.limits import InspectionLimits
from triton_operator.model.structure import read_structure


def inspect_model(path: Path, *, limits: InspectionLimits | None = None) -> ModelFacts:
    """Everything that is known about the ONNX model at `path`, with external data read beside it.

    The first row of `files` is the model itself, as `model.onnx`; the others are sorted by path.
    `model_digest(facts.files)` is the model's digest. The file is parsed in this process; for a
    file that nobody vouches for see `confinement.read_confined`.

    Raises:
        ModelRefused: it cannot be served; the reason says why.
        SourceRefused: there is no readable file at `path`.
    """
    structure = read_structure(path, limits or InspectionLimits())
    rows = [file_row(path, MODEL_FILE_NAME)]
    rows += [file_row(plain_file(path.parent, file), file.path) for file in structure.external]
    return facts_of(structure, rows)
