"""The ONNX models of a repository, as a Job looks into them: brought to disk, judged, read."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from triton_operator.api.model_profile import ModelFile
from triton_operator.api.repository import RepositoryModel
from triton_operator.model import reasons
from triton_operator.model.confinement import Confinement, read_onnx_files_confined
from triton_operator.model.errors import ModelRefused, WorkFailed
from triton_operator.model.fetch import Transfer
from triton_operator.model.repository.found import OnnxFindings, OnnxTensors, RepositoryStructure
from triton_operator.model.repository.unpacking import unpack
from triton_operator.triton.tensor_shapes import tensor_problem


def unpack_onnx_files(
    archive: Path, tree: Path, structure: RepositoryStructure, most_bytes: int
) -> None:
    """The repository in `archive` as an outline in `tree`, with only its ONNX models whole.

    Raises:
        ModelFailure: as `unpack`.
    """
    prefix = f"{structure.root}/" if structure.root else ""
    tree.mkdir()
    unpack(archive, tree, most_bytes, {f"{prefix}{file.path}" for file in structure.onnx})


def complete_outline(
    transfer: Transfer, rows: Sequence[ModelFile], tree: Path, structure: RepositoryStructure
) -> None:
    """Read again the ONNX models in `tree` that only the configs told to be such.

    A file that changed meanwhile is refused.

    Raises:
        ModelFailure: as `Transfer.receive`.
    """
    prefix = f"{structure.root}/" if structure.root else ""
    known = {row.path: row for row in rows}
    for file in structure.onnx:
        path = f"{prefix}{file.path}"
        if may_be_onnx(path):
            continue
        try:
            (tree / path).unlink()
        except OSError as error:
            raise WorkFailed(
                reasons.WRITE_FAILED, f"{tree} is not writable: {error.strerror}"
            ) from error
        transfer.receive(path, tree / path, listed=known[path])


def may_be_onnx(path: str) -> bool:
    """Whether a file's name alone says that it is an ONNX model."""
    return path.lower().endswith(".onnx")


def judge_onnx_files(
    tree: Path, structure: RepositoryStructure, confinement: Confinement
) -> OnnxFindings:
    """Have all ONNX models below `tree` judged, in one confined process.

    Raises:
        ModelFailure: one is refused; the message names its path.
    """
    if not structure.onnx:
        return OnnxFindings()
    return read_onnx_files_confined(tree / structure.root, structure.onnx, confinement)


def completed(
    models: Sequence[RepositoryModel], found: Sequence[OnnxTensors]
) -> list[RepositoryModel]:
    """`models`, where those that declare neither inputs nor outputs have those of their file.

    Raises:
        ModelRefused: `RepositoryRefused`, the file contradicts max_batch_size.
    """
    known: Mapping[str, OnnxTensors] = {row.model: row for row in found}
    return [_completed(row, known.get(row.name)) for row in models]


def _completed(model: RepositoryModel, found: OnnxTensors | None) -> RepositoryModel:
    if found is None:
        return model
    if problem := tensor_problem(found.inputs, found.outputs, model.max_batch_size):
        raise ModelRefused(
            reasons.REPOSITORY_REFUSED,
            f"'{model.name}/config.pbtxt' in the repository leaves inputs and outputs to its ONNX "
            f"file, but there {problem}",
        )
    return model.model_copy(update={"inputs": found.inputs, "outputs": found.outputs})
