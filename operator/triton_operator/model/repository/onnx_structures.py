"""The ONNX models of a repository, judged one after the other by the parser of single models.

All of them share one process, and so its memory and its CPU time.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import onnx

from triton_operator.model import reasons
from triton_operator.model.errors import ModelFailure, ModelRefused
from triton_operator.model.external_files import plain_file
from triton_operator.model.limits import InspectionLimits, RepositoryLimits
from triton_operator.model.repository.found import OnnxFile, OnnxFindings, OnnxTensors
from triton_operator.model.structure import read_structure


def read_onnx_files(
    root: Path,
    files: Sequence[OnnxFile],
    at: Callable[[str], None] = lambda _: None,
) -> OnnxFindings:
    """Judge each file below `root`, where files of weights may be holes of the right size.

    `at` is told each path before its file is touched: if this process dies, that is where.

    Raises:
        ModelFailure: the first that is refused; the message begins with its path.
    """
    tensors: list[OnnxTensors] = []
    externals = 0
    for file in files:
        at(file.path)
        try:
            structure = read_structure(
                root / file.path, InspectionLimits(), libraries=file.libraries
            )
            externals += len(structure.external)
            if externals > RepositoryLimits().entries:
                raise ModelRefused(
                    reasons.MODEL_TOO_LARGE,
                    f"with it, the models refer to more than {RepositoryLimits().entries:,} files",
                )
            for external in structure.external:
                plain_file((root / file.path).parent, external)
        except ModelFailure as error:
            failure = error.failure
            raise ModelFailure(
                failure.reason,
                f"'{file.path}' in the repository: {failure.message}",
                retryable=failure.retryable,
            ) from error
        if file.tells_tensors:
            tensors.append(
                OnnxTensors(model=file.model, inputs=structure.inputs, outputs=structure.outputs)
            )
    return OnnxFindings(tensors=tensors, tool_versions={"onnx": onnx.__version__})
