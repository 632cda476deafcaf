"""`python -m triton_operator.model.measurement`: what measures beside Triton, in a Job's pod.

Exit codes: 0 measured, 2 failed for good, 1 failed and worth another try. The report says it too.
"""

import argparse
import logging
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import NoReturn

from triton_operator.api.enums import Precision
from triton_operator.api.inspection import Failure
from triton_operator.api.measurement_report import MeasurementReport, encode_measurement
from triton_operator.api.model_profile import PoolHardware
from triton_operator.model import reasons
from triton_operator.model.answer import write_report
from triton_operator.model.errors import WorkFailed
from triton_operator.model.measurement.cpu_model import this_cpu
from triton_operator.model.measurement.measured import Circumstances, measurement
from triton_operator.model.measurement.session import Session, progress_line

DONE, RETRYABLE, PERMANENT = 0, 1, 2
TERMINATION_LOG = Path("/dev/termination-log")

log = logging.getLogger("triton_operator.model.measurement")


class _Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Wrong arguments have to be in the report, like any failure."""
        raise WorkFailed(reasons.INVALID_ARGUMENTS, f"{self.prog}: {message}")


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = _Arguments(
        prog="python -m triton_operator.model.measurement",
        description=__doc__,
        allow_abbrev=False,
    )
    parser.add_argument("--url", required=True, metavar="http://HOST:PORT")
    parser.add_argument("--model", required=True, metavar="NAME")
    parser.add_argument("--seed", required=True, help="decides made-up inputs: the digest")
    parser.add_argument("--samples", type=Path, metavar="F.npz")
    parser.add_argument("--budget-seconds", type=float, default=180.0, metavar="N")
    parser.add_argument("--load-seconds", type=float, default=900.0, metavar="N")
    parser.add_argument("--largest", type=int, metavar="N")
    parser.add_argument("--objective-milliseconds", type=float, metavar="N")
    parser.add_argument("--precision", type=Precision, default=Precision.FP32)
    parser.add_argument("--release", metavar="YY.MM")
    parser.add_argument("--product", help="of a GPU; without it the CPU is told")
    parser.add_argument("--report", type=Path, default=TERMINATION_LOG, metavar="FILE")
    return parser


def report_on(given: argparse.Namespace) -> MeasurementReport:
    """Measure what was asked for.

    Raises:
        WorkFailed: it could not be measured.
    """
    bound = given.objective_milliseconds
    session = Session(
        given.url,
        given.seed,
        samples=given.samples,
        largest=given.largest,
        bound_seconds=None if bound is None else bound / 1000,
        load_seconds=given.load_seconds,
        progress=lambda name, size: log.info("%s", progress_line(name, size)),
    )
    found = session.measured(given.model, given.budget_seconds)
    model = session.models[given.model]
    log.info("ended: %s", found.reason)
    around = Circumstances(
        precision=given.precision,
        engine=model.engine,
        hardware=PoolHardware(
            product=given.product,
            cpu=None if given.product else this_cpu(),
            triton_release=given.release,
        ),
        instances=model.instances,
        threads=model.threads,
        time=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    return MeasurementReport(measurement=measurement(found, around))


def _answered(argv: list[str]) -> tuple[MeasurementReport, Path]:
    path = _report_path(argv)
    try:
        given = arguments().parse_args(argv)
        signal.signal(signal.SIGTERM, _interrupted)
        return report_on(given), path
    except WorkFailed as error:
        return MeasurementReport(failure=error.failure), path
    except Exception as error:
        log.exception("unexpected error")
        failure = Failure(
            reason=reasons.INTERNAL_ERROR, message=f"{type(error).__name__}: {error}"[:1024]
        )
        return MeasurementReport(failure=failure), path


def _report_path(argv: list[str]) -> Path:
    """Where the report goes, also if the other arguments are wrong."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--report", type=Path, default=TERMINATION_LOG)
    try:
        given, _ = parser.parse_known_args(argv)
    except argparse.ArgumentError:
        return TERMINATION_LOG
    return Path(given.report)


def _interrupted(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise WorkFailed(reasons.INTERRUPTED, "stopped by SIGTERM before it was done", retryable=True)


def main(argv: list[str]) -> int:
    """Run the command, write the report, and give back the exit code."""
    logging.basicConfig(
        level=os.environ.get("LOG_LEVEL", "INFO").upper(), format="%(message)s", stream=sys.stderr
    )
    report, path = _answered(argv)
    text = encode_measurement(report)
    try:
        write_report(text, path)
    except OSError as error:
        log.error("the report cannot be written to %s: %s; it says: %s", path, error, text)
        return RETRYABLE
    if report.failure is None:
        log.info("done: %s", text)
        return DONE
    log.error("%s: %s", report.failure.reason, report.failure.message)
    return RETRYABLE if report.failure.retryable else PERMANENT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
