"""The digest of a model: one name for the same bytes, whatever store they come from.

A model of one file has the file's own sha256. A model with external data has the sha256 of the text
that `sha256sum` prints for all its files, sorted by path. A person gets the same with::

    cd FOLDER && LC_ALL=C sha256sum model.onnx weights.bin … | LC_ALL=C sort -k 2 | sha256sum

The model file counts as `model.onnx`, the name under which Triton has it, whatever it was called at
its source; so a model keeps its digest when it is moved.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from triton_operator.api.model_profile import ModelFile

MODEL_FILE_NAME = "model.onnx"
"""Name of the model file in Triton's repository, and in every list of files."""

CHUNK_BYTES = 1 << 20


def spelled(sha256: "hashlib._Hash") -> str:
    """The digest as this API spells it: `sha256:` and 64 hexadecimal digits."""
    return f"sha256:{sha256.hexdigest()}"


def model_digest(files: Sequence[ModelFile]) -> str:
    """Digest of the model that consists of `files`, in any order.

    Raises:
        ValueError: no file, or one path twice.
    """
    if not files:
        raise ValueError("a model has at least one file")
    if len(files) == 1:
        return files[0].digest
    if len({file.path for file in files}) != len(files):
        raise ValueError("a model cannot have two files with one path")
    # Code points sort as their UTF-8 bytes do, which is what `LC_ALL=C sort` compares.
    rows = sorted(files, key=lambda file: file.path)
    listing = "".join(f"{file.digest.removeprefix('sha256:')}  {file.path}\n" for file in rows)
    return spelled(hashlib.sha256(listing.encode()))


def file_row(file: Path, path: str) -> ModelFile:
    """The row of a file on disk, listed as `path`; reads it once.

    Raises:
        OSError: it cannot be read.
    """
    sha256 = hashlib.sha256()
    size = 0
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            sha256.update(chunk)
            size += len(chunk)
    return ModelFile(path=path, digest=spelled(sha256), size_bytes=size)
