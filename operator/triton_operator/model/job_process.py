"""How the process of a Job begins and ends: its log, its arguments, its report, its exit code.

Exit codes: 0 done, 2 failed for good, 1 failed and worth a retry. Whatever happens, the report file
says it: a failure nobody can read is a failure that nobody repairs.
"""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn, TypeVar

from triton_operator.api.inspection import Failure
from triton_operator.model import reasons
from triton_operator.model.answer import write_report
from triton_operator.model.errors import ModelFailure, WorkFailed

Result = TypeVar("Result")
DONE, RETRYABLE, PERMANENT = 0, 1, 2
TERMINATION_LOG = Path("/dev/termination-log")


class Arguments(argparse.ArgumentParser):
    """Wrong arguments are a failure like any other: it has to be in the report."""

    def error(self, message: str) -> NoReturn:
        """Raises `InvalidArguments`."""
        raise WorkFailed(reasons.INVALID_ARGUMENTS, f"{self.prog}: {message}")


def report_path(argv: list[str]) -> Path:
    """Where the report goes, also if the other arguments are wrong."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--report", type=Path, default=TERMINATION_LOG)
    try:
        given, _ = parser.parse_known_args(argv)
    except argparse.ArgumentError:
        return TERMINATION_LOG
    return Path(given.report)


def interrupted(_signal: int, _frame: FrameType | None) -> NoReturn:
    """What to do on SIGTERM: the first process of a container ignores it unless it says otherwise.

    Raises:
        WorkFailed: always.
    """
    raise WorkFailed(reasons.INTERRUPTED, "stopped by SIGTERM before it was done", retryable=True)


def attempted(
    argv: list[str],
    arguments: Callable[[], Arguments],
    run: Callable[[argparse.Namespace], Result],
    log: logging.Logger,
) -> tuple[Result | Failure, Path]:
    """What `run` gives or why it gives nothing, and the file that the report goes into."""
    path = report_path(argv)
    try:
        given = arguments().parse_args(argv)
        signal.signal(signal.SIGTERM, interrupted)
        return run(given), path
    except ModelFailure as error:
        return error.failure, path
    except Exception as error:
        log.exception("unexpected error")
        message = f"{type(error).__name__}: {error}"[:1024]
        return Failure(reason=reasons.INTERNAL_ERROR, message=message), path


def begin_log() -> None:
    """Lines on standard error, as `kubectl logs` shows them."""
    logging.basicConfig(
        level=os.environ.get("LOG_LEVEL", "INFO").upper(), format="%(message)s", stream=sys.stderr
    )


def ended(text: str, path: Path, failure: Failure | None, done: str, log: logging.Logger) -> int:
    """Leave `text` as the report, and give back the exit code; without a failure `done` is said."""
    try:
        write_report(text, path)
    except OSError as error:
        # The log is the last place left.
        log.error("the report cannot be written to %s: %s; it says: %s", path, error, text)
        return RETRYABLE
    if failure is None:
        log.info("done: %s", done)
        return DONE
    log.error("%s: %s", failure.reason, failure.message)
    return RETRYABLE if failure.retryable else PERMANENT
