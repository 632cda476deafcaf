"""`python -m triton_operator.model`: what Jobs and init containers run.

How it ends is as in `job_process`.
"""

import argparse
import logging
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from triton_operator.api.enums import ModelFormat
from triton_operator.api.inspection import Report
from triton_operator.model import reasons
from triton_operator.model.answer import fitting
from triton_operator.model.cache import DigestCache
from triton_operator.model.confinement import Confinement
from triton_operator.model.download import Conditions, Patience
from triton_operator.model.errors import ModelFailure, SourceUnavailable, WorkFailed
from triton_operator.model.facts import known_format
from triton_operator.model.fetch import FileNames, Transfer, all_there
from triton_operator.model.file_list import listed_files
from triton_operator.model.job import Delivery, Inspection, deliver, inspect
from triton_operator.model.job_process import (
    DONE,
    TERMINATION_LOG,
    Arguments,
    begin_log,
    ended,
    interrupted,
    report_path,
)
from triton_operator.model.opaque import (
    MAIN_FILES,
    OpaqueInspection,
    file_names,
    inspect_opaque,
    refuse_program,
)
from triton_operator.model.progress import Progress
from triton_operator.model.receiving import Deadline
from triton_operator.model.repository.archive import archive_suffix
from triton_operator.model.repository.delivery import RepositoryDelivery, deliver_repository
from triton_operator.model.repository.inspection import RepositoryInspection, inspect_repository
from triton_operator.model.samples_file import fetch_samples, named
from triton_operator.model.sources import FORMS, Surroundings, source_for
from triton_operator.model.store_arguments import add_store_arguments, network_of

_DEFAULT_MAX_BYTES = 64 << 30
_DEFAULT_TIMEOUT_SECONDS = 3600
_GRACE_SECONDS = 5
"""After its deadline a transfer notices that by itself, unless it hangs in one call."""

log = logging.getLogger("triton_operator.model")


def arguments() -> Arguments:
    """The command line."""
    shared = Arguments(add_help=False, allow_abbrev=False)
    shared.add_argument("--uri", required=True, help=FORMS)
    add_store_arguments(shared)
    shared.add_argument("--source-dir", type=Path, default=Path("/source"), metavar="DIR")
    shared.add_argument("--format", default="ONNX")
    shared.add_argument("--allow-code", action="store_true", help="models may execute code")
    shared.add_argument("--max-bytes", type=int, default=_DEFAULT_MAX_BYTES, metavar="N")
    shared.add_argument(
        "--timeout-seconds", type=float, default=_DEFAULT_TIMEOUT_SECONDS, metavar="N"
    )
    shared.add_argument("--connect-timeout-seconds", type=float, default=10.0, metavar="N")
    shared.add_argument("--read-timeout-seconds", type=float, default=30.0, metavar="N")
    shared.add_argument("--report", type=Path, default=TERMINATION_LOG, metavar="FILE")

    parser = Arguments(
        prog="python -m triton_operator.model", description=__doc__, allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser(
        "inspect", parents=[shared], allow_abbrev=False, help="report a model's facts"
    )
    one.add_argument("--digest", metavar="sha256:…", help="pin, checked before parsing")
    one.add_argument("--work-dir", type=Path, default=Path("/scratch"), metavar="DIR")
    one.add_argument("--parse-memory-bytes", type=int, metavar="N", help="default: from the file")
    one.add_argument("--parse-cpu-seconds", type=int, default=120, metavar="N")
    two = commands.add_parser(
        "fetch", parents=[shared], allow_abbrev=False, help="bring a model's files to Triton"
    )
    two.add_argument("--digest", required=True, metavar="sha256:…")
    two.add_argument("--files", required=True, metavar="JSON", help="[{path,digest,sizeBytes}, …]")
    two.add_argument("--into", type=Path, required=True, metavar="DIR")
    two.add_argument(
        "--cache-dir", type=Path, metavar="DIR", help="volume that keeps files by digest"
    )
    two.add_argument("--config", type=Path, metavar="FILE")
    two.add_argument("--config-into", type=Path, metavar="FILE")
    two.add_argument(
        "--completions", type=Path, metavar="DIR", help="NAME.pbtxt for models of a repository"
    )
    two.add_argument(
        "--copy-in", type=Path, metavar="DIR", help="fetch nothing if a copy is there already"
    )
    two.add_argument("--copy-files", metavar="JSON", help="which copy; as --files")
    three = commands.add_parser(
        "samples", parents=[shared], allow_abbrev=False, help="bring spec.model.samples"
    )
    three.add_argument("--into", type=Path, required=True, metavar="FILE")
    return parser


def run(given: argparse.Namespace) -> Report | None:
    """Do what was asked; the report of an inspection, or None after a fetch.

    Raises:
        ModelFailure: whatever went wrong.
    """
    if given.command == "samples":
        with named():
            fetch_samples(_transfer(given, ModelFormat.ONNX), given.into)
        return None
    format = known_format(given.format)
    transfer = _transfer(given, format)
    if given.command == "inspect":
        return _inspected(given, format, transfer)
    _delivered(given, format, transfer)
    return None


def _transfer(given: argparse.Namespace, format: ModelFormat) -> Transfer:
    """The source, and the bounds of all that is read from it."""
    around = Surroundings(
        folder=format is ModelFormat.TRITON_REPOSITORY and archive_suffix(given.uri) is None,
        source_dir=given.source_dir,
        credentials_dir=given.credentials_dir,
        endpoint=given.endpoint,
        conditions=Conditions(
            network=network_of(given),
            patience=Patience(
                connect_seconds=given.connect_timeout_seconds,
                read_seconds=given.read_timeout_seconds,
            ),
            sleep=time.sleep,
            say=log.info,
        ),
    )
    return Transfer(
        source=source_for(given.uri, around),
        deadline=Deadline.after(given.timeout_seconds, time.monotonic),
        progress=Progress(say=log.info, clock=time.monotonic),
        max_bytes=given.max_bytes,
        cache=cache_of(given),
    )


def _inspected(given: argparse.Namespace, format: ModelFormat, transfer: Transfer) -> Report:
    confinement = Confinement(
        memory_bytes=given.parse_memory_bytes, cpu_seconds=given.parse_cpu_seconds
    )
    if format is ModelFormat.TRITON_REPOSITORY:
        return inspect_repository(
            RepositoryInspection(
                transfer=transfer,
                archive=archive_suffix(given.uri),
                digest=given.digest,
                allow_code=given.allow_code,
                work_dir=given.work_dir,
                confinement=confinement,
                say=log.info,
            )
        )
    if format in MAIN_FILES:
        return inspect_opaque(
            OpaqueInspection(
                transfer=transfer,
                format=format,
                uri=given.uri,
                digest=given.digest,
                allow_code=given.allow_code,
                work_dir=given.work_dir,
                confinement=confinement,
                say=log.info,
            )
        )
    return inspect(
        Inspection(
            transfer=transfer,
            digest=given.digest,
            work_dir=given.work_dir,
            confinement=confinement,
            say=log.info,
        )
    )


def _delivered(given: argparse.Namespace, format: ModelFormat, transfer: Transfer) -> None:
    if (given.config is None) != (given.config_into is None):
        raise WorkFailed(reasons.INVALID_ARGUMENTS, "--config and --config-into go together")
    if format is ModelFormat.TRITON_REPOSITORY:
        deliver_repository(
            RepositoryDelivery(
                transfer=transfer,
                archive=archive_suffix(given.uri),
                files=listed_files(given.files),
                digest=given.digest,
                allow_code=given.allow_code,
                into=given.into,
                completions=given.completions,
                confinement=Confinement(),
                say=log.info,
            )
        )
        return
    refuse_program(format, allowed=given.allow_code)
    if given.copy_in is not None and all_there(given.copy_in, listed_files(given.copy_files)):
        log.info("the copy is there: the model is not fetched")
        return
    deliver(
        Delivery(
            transfer=transfer,
            files=listed_files(given.files),
            digest=given.digest,
            into=given.into,
            names=file_names(format, given.uri) if format in MAIN_FILES else FileNames(),
            config=None if given.config is None else (given.config, given.config_into),
            say=log.info,
        )
    )


def cache_of(given: argparse.Namespace) -> DigestCache | None:
    """The cache that a fetch was given."""
    folder = getattr(given, "cache_dir", None)
    return None if folder is None else DigestCache(folder, log.info)


def answered(argv: list[str]) -> tuple[Report | None, Path]:
    """Run the command; its report, failures included, and the file that the report goes into."""
    path = report_path(argv)
    try:
        given = arguments().parse_args(argv)
        stop_in_time(given.timeout_seconds + _GRACE_SECONDS)
        return run(given), path
    except ModelFailure as error:
        return Report(failure=error.failure), path
    except Exception as error:
        log.exception("unexpected error")
        failed = WorkFailed(
            reasons.INTERNAL_ERROR, f"{type(error).__name__}: {error}", retryable=True
        )
        return Report(failure=failed.failure), path
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def stop_in_time(seconds: float) -> None:
    """End with a report when the kubelet says so, and when one call hangs past the deadline."""

    def late(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise SourceUnavailable(
            reasons.SOURCE_TIMEOUT,
            f"not done within {seconds:g} s; allow more time, or use a nearer store",
        )

    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def main(argv: list[str]) -> int:
    """Run the command, write the report, and give back the exit code."""
    begin_log()
    report, path = answered(argv)
    if report is None:
        return DONE
    text, report = fitting(report)
    return ended(text, path, report.failure, str(report.digest), log)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
