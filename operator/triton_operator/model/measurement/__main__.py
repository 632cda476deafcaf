"""`python -m triton_operator.model.measurement`: what measures beside Triton, in a Job's pod.

How it ends is as in `job_process`.
"""

import argparse
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

from triton_operator.api.enums import Precision
from triton_operator.api.inspection import Failure
from triton_operator.api.measurement_report import MeasurementReport, encode_measurement
from triton_operator.api.model_profile import PoolHardware
from triton_operator.model import reasons
from triton_operator.model.job_process import (
    TERMINATION_LOG,
    Arguments,
    attempted,
    begin_log,
    ended,
)
from triton_operator.model.measurement.cpu_model import this_cpu
from triton_operator.model.measurement.measured import (
    Circumstances,
    SizeMeasured,
    measurement,
)
from triton_operator.model.measurement.server_memory import ServerMemory
from triton_operator.model.measurement.session import Session, progress_line
from triton_operator.model.samples_file import FIELD

log = logging.getLogger("triton_operator.model.measurement")


def arguments() -> Arguments:
    """The command line."""
    parser = Arguments(
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
    memory = ServerMemory()

    def note(name: str, size: SizeMeasured) -> None:
        # From the first size on, so that a Triton that has to start anew later is noticed.
        memory.look()
        log.info("%s", progress_line(name, size))

    session = Session(
        given.url,
        given.seed,
        samples=given.samples,
        largest=given.largest,
        bound_seconds=None if bound is None else bound / 1000,
        load_seconds=given.load_seconds,
        progress=note,
    )
    found = session.measured(given.model, given.budget_seconds)
    model = session.models[given.model]
    log.info("ended: %s", found.reason)
    memory_bytes = memory.look()
    if memory_bytes is None:
        log.info("memory: not known, as Triton's processes are not seen or were started anew")
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
        devices=model.devices,
        memory_bytes=memory_bytes,
        samples_digest=session.samples_digest(),
        time=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    return MeasurementReport(measurement=measurement(found, around))


def _failed(failure: Failure) -> MeasurementReport:
    """What is wrong with the samples is wrong with the field that names them."""
    if failure.reason == reasons.SAMPLES_REFUSED:
        failure = failure.model_copy(update={"message": f"{FIELD}: {failure.message}"[:1024]})
    return MeasurementReport(failure=failure)


def main(argv: list[str]) -> int:
    """Run the command, write the report, and give back the exit code."""
    begin_log()
    answer, path = attempted(argv, arguments, report_on, log)
    report = _failed(answer) if isinstance(answer, Failure) else answer
    text = encode_measurement(report)
    return ended(text, path, report.failure, text, log)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
