"""Parse an untrusted file in a process of its own, with limits on its memory, time and files.

A crash, an exhausted limit or a hang of the parser then ends that process, and the one that has to
write the report is still there to say so. The child is this module run as a program: it limits
itself before it imports the parser, and answers with JSON on its standard output.
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

import triton_operator
from triton_operator.api.fields import ApiModel
from triton_operator.api.inspection import Failure
from triton_operator.model import reasons
from triton_operator.model.errors import ModelFailure, ModelRefused, printable
from triton_operator.model.limits import InspectionLimits
from triton_operator.model.model_structure import ModelStructure
from triton_operator.model.openvino_ir import IrStructure
from triton_operator.model.repository.found import OnnxFile, OnnxFindings, RepositoryStructure

Answer = TypeVar("Answer", bound=ApiModel)

_BASE_MEMORY_BYTES = 1 << 30
"""Address space for Python, NumPy and ONNX (some 200 MiB) and for small models."""

_MEMORY_PER_FILE_BYTE = 4
"""The file's bytes, the parsed message, and what shape inference copies."""


@dataclass(frozen=True, kw_only=True)
class Confinement:
    """Limits of the child; `memory_bytes` None: from the size of the file."""

    memory_bytes: int | None = None
    cpu_seconds: int = 120

    def memory_for(self, file_bytes: int) -> int:
        """Address space for parsing a file of that size."""
        if self.memory_bytes is not None:
            return self.memory_bytes
        return _BASE_MEMORY_BYTES + _MEMORY_PER_FILE_BYTE * file_bytes


AT = "at: "
"""Begins a line of the child that says which file it turns to."""


class _Refusal(ApiModel):
    """A failure on its way from the child: anything else it prints is no answer."""

    failure: Failure


_ARCHIVE_BYTES_PER_SECOND = 10_000_000
"""Least rate at which an archive is looked through, in bytes of the archive: far below a real one,
which is 50 to 100 MB/s for gzip."""


def read_confined(path: Path, confinement: Confinement) -> ModelStructure:
    """`read_structure(path, InspectionLimits())`, in a confined child.

    Raises:
        ModelFailure: what `read_structure` raises, or `ParserFailed` if the child dies.
    """
    size = path.stat().st_size if path.exists() else 0
    return _answer(
        ModelStructure,
        ["model", str(path)],
        confinement.memory_for(size),
        confinement.cpu_seconds,
    )


def read_repository_confined(
    path: Path, most_bytes: int, confinement: Confinement
) -> RepositoryStructure:
    """`read_repository(path, most_bytes)`, in a confined child.

    Raises:
        ModelFailure: what `read_repository` raises, or `ParserFailed` if the child dies.
    """
    archive_bytes = path.stat().st_size if path.is_file() else 0
    return _answer(
        RepositoryStructure,
        ["repository", str(path), f"--most-bytes={most_bytes}"],
        # Nothing here grows with the archive: it is read in pieces.
        confinement.memory_for(0),
        confinement.cpu_seconds + archive_bytes // _ARCHIVE_BYTES_PER_SECOND,
    )


def read_ir_confined(path: Path, confinement: Confinement) -> IrStructure:
    """`read_ir(path)`, in a confined child.

    Raises:
        ModelFailure: what `read_ir` raises, or `ParserFailed` if the child dies.
    """
    return _answer(
        IrStructure, ["openvino", str(path)], confinement.memory_for(0), confinement.cpu_seconds
    )


def read_onnx_files_confined(
    root: Path, files: Sequence[OnnxFile], confinement: Confinement
) -> OnnxFindings:
    """`read_onnx_files(root, files)`, in one confined child: memory for the largest file, and the
    CPU time of one model for all of them together.

    Raises:
        ModelFailure: what `read_onnx_files` raises, or `ParserFailed` if the child dies.
    """
    largest = max((root / file.path).stat().st_size for file in files)
    return _answer(
        OnnxFindings,
        ["onnx-files", str(root)],
        confinement.memory_for(largest),
        confinement.cpu_seconds,
        json.dumps([file.wire() for file in files]),
    )


def _answer(
    answer: type[Answer], task: list[str], memory: int, cpu_seconds: int, stdin: str = ""
) -> Answer:
    child = subprocess.run(
        [
            sys.executable,
            "-P",  # the working directory may hold downloaded files: never import from there
            "-m",
            "triton_operator.model.confinement",
            *task,
            f"--memory-bytes={memory}",
            f"--cpu-seconds={cpu_seconds}",
        ],
        input=stdin,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env=_environment(),
    )
    if child.returncode == 0:
        return answer.model_validate_json(child.stdout)
    try:
        failure = _Refusal.model_validate_json(child.stdout).failure
    except ValidationError:
        raise ModelRefused(reasons.PARSER_FAILED, _obituary(child, memory, cpu_seconds)) from None
    raise ModelFailure(failure.reason, failure.message, retryable=failure.retryable)


def _environment() -> dict[str, str]:
    """What the child needs and no more: no credentials, and one thread, since threads take address
    space.
    """
    package_root = str(Path(triton_operator.__file__).parents[1])
    python_path = [package_root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": os.pathsep.join(python_path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "LC_ALL": "C.UTF-8",
    }


def _obituary(child: "subprocess.CompletedProcess[str]", memory: int, cpu_seconds: int) -> str:
    limits = f"it had {memory >> 20} MiB of memory and {cpu_seconds} s of CPU time"
    lines = child.stderr.strip().splitlines()
    at = [line.removeprefix(AT) for line in lines if line.startswith(AT)]
    file = "this file"
    if at:
        file = f"'{printable(at[-1])}' in the repository"
        limits += f" for this and {len(at) - 1} ONNX files before it"
    if child.returncode < 0:
        ended = signal.Signals(-child.returncode).name
        return f"the parser was ended by {ended} on {file} ({limits})"
    last = lines[-1] if lines else "no message"
    return f"the parser ended with code {child.returncode} on {file}: {last} ({limits})"


def confine(memory_bytes: int, cpu_seconds: int) -> None:
    """Limit this process for good: memory, CPU time, no core file, no writing of files."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    # The soft limit ends the process with SIGXCPU, which names the cause; the hard one does not.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def child(arguments: list[str]) -> int:
    """The program of the child: limits first, the parser after."""
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=("model", "repository", "onnx-files", "openvino"))
    parser.add_argument("path", type=Path)
    parser.add_argument("--most-bytes", type=int, default=0)
    parser.add_argument("--memory-bytes", type=int, required=True)
    parser.add_argument("--cpu-seconds", type=int, required=True)
    given = parser.parse_args(arguments)
    confine(given.memory_bytes, given.cpu_seconds)
    try:
        structure = _read(given.task, given.path, given.most_bytes)
    except ModelFailure as error:
        sys.stdout.write(_Refusal(failure=error.failure).model_dump_json(by_alias=True))
        return 1
    except MemoryError:
        sys.stderr.write("out of memory\n")
        return 1
    sys.stdout.write(structure.model_dump_json(by_alias=True))
    return 0


def _read(task: str, path: Path, most_bytes: int) -> ApiModel:
    if task == "repository":
        from triton_operator.model.repository.structure import read_repository

        return read_repository(path, most_bytes)
    if task == "onnx-files":
        from triton_operator.model.repository.onnx_structures import read_onnx_files

        files = TypeAdapter(list[OnnxFile]).validate_json(sys.stdin.read())
        return read_onnx_files(path, files, _say_where)
    if task == "openvino":
        from triton_operator.model.openvino_ir import read_ir

        return read_ir(path)
    from triton_operator.model.structure import read_structure

    return read_structure(path, InspectionLimits())


def _say_where(path: str) -> None:
    sys.stderr.write(f"{AT}{path}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(child(sys.argv[1:]))
