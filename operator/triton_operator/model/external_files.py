"""The files beside a model that hold its weights: which names are taken, and which files.

Their names come from an untrusted file and become paths in Triton's repository, so a name is taken
only if it is a plain relative path to data. Links are refused where files are read in place:
ONNX refuses them too, and a link is how a model would read something else's bytes.
"""

import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from triton_operator.model import reasons
from triton_operator.model.digest import MODEL_FILE_NAME
from triton_operator.model.errors import ModelRefused

LONGEST_PATH = 512

CODE_SUFFIXES = (".so", ".py", ".pyc", ".pbtxt", ".plan", ".engine", ".sh")
"""Triton runs or obeys files of these kinds when it finds them in a model's folder; for example
`batchstrategy.so` is loaded as a batching plug-in."""


@dataclass(frozen=True)
class ExternalFile:
    """A file of weights: its path relative to the model's folder, and how long it must be."""

    path: str
    least_bytes: int


def safe_path(location: str) -> str:
    """`location` as a normal relative path (`./a//b` is `a/b`).

    Raises:
        ModelRefused: `ExternalDataRefused`.
    """
    path = PurePosixPath(location)
    wrong = None
    if not location or not path.parts:
        wrong = "it is empty"
    elif path.is_absolute():
        wrong = "it is absolute"
    elif ".." in path.parts:
        wrong = "it has '..' in it"
    elif len(str(path)) > LONGEST_PATH:
        wrong = f"it is longer than {LONGEST_PATH} characters"
    elif not location.isprintable() or any(c in location for c in "\\*:"):
        # `*/_ORT_MEM_ADDR_/*` makes ONNX Runtime read an address of its own memory; sha256sum
        # escapes backslashes and control characters.
        wrong = "it has a control character, '\\', '*' or ':' in it"
    elif path.parts[0] == MODEL_FILE_NAME:
        wrong = f"{MODEL_FILE_NAME} is the model itself"
    elif path.name.lower().endswith(CODE_SUFFIXES) or ".so." in path.name.lower():
        wrong = "files of this kind can be run or obeyed by the server"
    if wrong:
        raise ModelRefused(
            reasons.EXTERNAL_DATA_REFUSED,
            f"the name '{location}' of an external data file is refused: {wrong}; save the model "
            "with its weights in a plainly named file next to it",
        )
    return str(path)


def refuse_too_short(file: ExternalFile, size_bytes: int) -> None:
    """Compare a file's real size with what the model takes from it.

    Raises:
        ModelRefused: `ExternalDataRefused`.
    """
    if size_bytes < file.least_bytes:
        raise ModelRefused(
            reasons.EXTERNAL_DATA_REFUSED,
            f"external data '{file.path}' has {size_bytes} bytes, but the model reads "
            f"{file.least_bytes} of it; is the upload complete?",
        )


def plain_file(folder: Path, file: ExternalFile) -> Path:
    """The file on disk under `folder`, after it is known to be a regular file and no link.

    Raises:
        ModelRefused: `ExternalDataRefused`.
    """
    path = folder
    for part in PurePosixPath(file.path).parts:
        path = path / part
        try:
            found = path.lstat()
        except OSError as error:
            raise ModelRefused(
                reasons.EXTERNAL_DATA_REFUSED,
                f"external data '{file.path}' cannot be read: {error.strerror}; "
                "put it next to the model",
            ) from error
        if stat.S_ISLNK(found.st_mode):
            raise _linked(file.path, "a symbolic link")
    if not stat.S_ISREG(found.st_mode):
        raise ModelRefused(
            reasons.EXTERNAL_DATA_REFUSED, f"external data '{file.path}' is no regular file"
        )
    if found.st_nlink != 1:
        raise _linked(file.path, "a hard link")
    refuse_too_short(file, found.st_size)
    return path


def _linked(path: str, what: str) -> ModelRefused:
    return ModelRefused(
        reasons.EXTERNAL_DATA_REFUSED,
        f"external data '{path}' is {what}, which neither ONNX nor this program follows; "
        "copy the model with its data into a folder of its own (cp -rL)",
    )
