"""TensorRT plans, OpenVINO and TorchScript: files that are hashed and looked at, not parsed.

What they take and give is declared in the spec. Looking at them catches what goes wrong most: a
web page, a Git LFS pointer, a file of another format, an upload that broke off.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from triton_operator import __version__
from triton_operator.api.enums import ModelFormat
from triton_operator.api.inspection import Report
from triton_operator.api.model_profile import ModelFacts, ModelFile
from triton_operator.model import reasons
from triton_operator.model.confinement import Confinement, read_ir_confined
from triton_operator.model.digest import model_digest
from triton_operator.model.ends import Ends
from triton_operator.model.errors import ModelRefused, SourceRefused, WorkFailed
from triton_operator.model.fetch import FileNames, Transfer
from triton_operator.model.progress import Say
from triton_operator.model.receiving import Receiver

MAIN_FILES: Mapping[ModelFormat, str] = MappingProxyType(
    {
        ModelFormat.TENSORRT: "model.plan",
        ModelFormat.OPENVINO: "model.xml",
        ModelFormat.TORCHSCRIPT: "model.pt",
    }
)
"""How Triton's backends call the model file."""

OPENVINO_WEIGHTS = "model.bin"

_LARGEST_XML = 256 << 20
_OTHER_KINDS = (
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"version https://git-lfs", "a Git LFS pointer"),
    (b"<?xml", "XML"),
    (b"PK", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x7fELF", "a program"),
)
_ZIP_END = b"PK\x05\x06"
_ZIP_END_BYTES = 22


@dataclass(frozen=True, kw_only=True)
class OpaqueInspection:
    """What to inspect."""

    transfer: Transfer
    format: ModelFormat
    uri: str
    digest: str | None
    allow_code: bool
    work_dir: Path
    confinement: Confinement
    say: Say


def inspect_opaque(job: OpaqueInspection) -> Report:
    """Fetch the model, check its digest, and look at its ends.

    Raises:
        ModelFailure: whatever the steps raise.
    """
    refuse_program(job.format, allowed=job.allow_code)
    names = file_names(job.format, job.uri)
    job.say("reading the model file")
    if job.format is ModelFormat.OPENVINO:
        rows = _openvino(job, names)
    else:
        rows = [_hashed(job, None, names.main)]
    digest = model_digest(rows)
    if job.digest not in (None, digest):
        raise ModelRefused(
            reasons.DIGEST_MISMATCH,
            f"the model has the digest {digest}, but spec.model.digest pins {job.digest}; correct "
            "the pin, or put the pinned model back",
        )
    return Report(
        digest=digest,
        facts=ModelFacts(
            format=job.format,
            batchable=False,
            reason="its file is not parsed: spec.model declares what it takes and gives",
            size_bytes=sum(row.size_bytes for row in rows),
            files=rows,
            tool_versions={"triton-operator": __version__},
        ),
    )


def refuse_program(format: ModelFormat, *, allowed: bool) -> None:
    """Raises `CodeNotAllowed` for a TorchScript file where code is not allowed."""
    if format is ModelFormat.TORCHSCRIPT and not allowed:
        raise ModelRefused(
            reasons.CODE_NOT_ALLOWED,
            "a TorchScript file is a program, which may read and write files, and models of this "
            "namespace may not execute code: export the model as ONNX, or have the namespace "
            "added to codeNamespaces of the operator's chart",
        )


def file_names(format: ModelFormat, uri: str) -> FileNames:
    """How the files are called in Triton's repository and at the source.

    Raises:
        SourceRefused: `UnsupportedSource`, for OpenVINO at an address that is not its .xml.
    """
    if format is not ModelFormat.OPENVINO:
        return FileNames(MAIN_FILES[format])
    last = urlsplit(uri).path.rsplit("/", 1)[-1].partition("@")[0]
    found = re.fullmatch(r"(.+)\.xml", last)
    if not found:
        raise SourceRefused(
            reasons.UNSUPPORTED_SOURCE,
            "the address of an OpenVINO model is that of its .xml file; the .bin is read beside it",
        )
    return FileNames(MAIN_FILES[format], {OPENVINO_WEIGHTS: f"{found[1]}.bin"})


def _openvino(job: OpaqueInspection, names: FileNames) -> list[ModelFile]:
    file = job.work_dir / names.main
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise WorkFailed(
            reasons.WRITE_FAILED, f"{job.work_dir} is not writable: {error.strerror}"
        ) from error
    most = min(job.transfer.max_bytes, _LARGEST_XML)
    rows = [job.transfer.receive(None, file, most_bytes=most, name=names.main)]
    least = read_ir_confined(file, job.confinement).weight_bytes
    weights = names.at_source[OPENVINO_WEIGHTS]
    job.say(f"reading the weights '{weights}'")
    left = job.transfer.max_bytes - rows[0].size_bytes
    rows.append(job.transfer.receive(weights, None, most_bytes=left, name=OPENVINO_WEIGHTS))
    if rows[1].size_bytes < least:
        raise ModelRefused(
            reasons.NOT_A_MODEL,
            f"'{weights}' has {rows[1].size_bytes} bytes, but the model reads {least} of it; is "
            "the upload complete?",
        )
    return rows


def _hashed(job: OpaqueInspection, path: str | None, name: str) -> ModelFile:
    ends = Ends()
    receiver = Receiver(
        name,
        ends,  # type: ignore[arg-type]  # all that a receiver needs of a stream
        most_bytes=job.transfer.max_bytes,
        deadline=job.transfer.deadline,
        progress=job.transfer.progress,
    )
    job.transfer.source.read(path, receiver)
    row = receiver.row(name)
    _refuse_other_kind(job.format, ends, row.size_bytes)
    return row


def _refuse_other_kind(format: ModelFormat, ends: Ends, size: int) -> None:
    def not_one(what: str) -> ModelRefused:
        return ModelRefused(
            reasons.NOT_A_MODEL, f"these {size} bytes are {what} and no {format} model"
        )

    if not size:
        raise not_one("an empty file")
    if format is ModelFormat.TORCHSCRIPT:
        if not ends.first.startswith(b"PK\x03\x04"):
            raise not_one("no zip archive, which torch.jit.save writes,")
        if not ends.last[-_ZIP_END_BYTES:].startswith(_ZIP_END):
            raise not_one("a truncated zip archive")
        return
    for begins, kind in _OTHER_KINDS:
        if ends.first.lstrip()[: len(begins)].lower() == begins.lower():
            raise not_one(kind)
