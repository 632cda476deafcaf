"""`python -m triton_operator.model.conversion`: what converts in the pods of Jobs and of servers.

`compare` makes a copy, compares it with FP32 and reports what a ModelProfile says of it. `rebuild`
makes a copy again where it is served. How both end is as in `job_process`.
"""

import argparse
import logging
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from triton_operator.api import reasons as api_reasons
from triton_operator.api.conversion_method import CONVERTED, Method
from triton_operator.api.conversion_report import ConversionReport, encode_conversion
from triton_operator.api.enums import Precision
from triton_operator.api.inspection import Failure
from triton_operator.model import reasons
from triton_operator.model.cache import DigestCache
from triton_operator.model.conversion.copy_row import Comparison, copy_row
from triton_operator.model.conversion.rebuilt_copy import Rebuilding, rebuild
from triton_operator.model.conversion.record import Calibration
from triton_operator.model.errors import WorkFailed
from triton_operator.model.fetch import copy_config
from triton_operator.model.file_list import listed_files
from triton_operator.model.job_process import (
    DONE,
    TERMINATION_LOG,
    Arguments,
    attempted,
    begin_log,
    ended,
)
from triton_operator.model.progress import Progress
from triton_operator.model.receiving import Deadline
from triton_operator.model.sample_rows import MOST_BYTES

_COPIES = (Precision.FP32, *CONVERTED)
"""A copy in FP32 is one with a dynamic batch."""
_CACHE_SECONDS = 600.0
"""For reading and writing the cache, which is only there to save time."""

log = logging.getLogger("triton_operator.model.conversion")


def arguments() -> Arguments:
    """The command line."""
    shared = Arguments(add_help=False, allow_abbrev=False)
    shared.add_argument("--model", type=Path, required=True, metavar="FILE", help="in FP32")
    shared.add_argument("--report", type=Path, default=TERMINATION_LOG, metavar="FILE")
    parser = Arguments(
        prog="python -m triton_operator.model.conversion",
        description=__doc__,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("compare", parents=[shared], allow_abbrev=False)
    one.add_argument("--precision", type=Precision, choices=_COPIES, required=True)
    one.add_argument("--samples", type=Path, metavar="F.npz")
    one.add_argument("--most-sample-bytes", type=int, default=MOST_BYTES, metavar="N")
    one.add_argument("--keep-in", type=Path, metavar="DIR", help="leave a sound copy there")
    two = commands.add_parser("rebuild", parents=[shared], allow_abbrev=False)
    two.add_argument("--model-digest", required=True, metavar="sha256:…")
    two.add_argument("--method", type=Method, choices=list(Method), required=True)
    two.add_argument("--ranges", metavar="BASE64", help="of activations, for INT8Static")
    two.add_argument("--samples-digest", metavar="sha256:…", help="where they came from")
    two.add_argument("--digest", required=True, metavar="sha256:…", help="of the copy")
    two.add_argument("--files", required=True, metavar="JSON", help="[{path,digest,sizeBytes}, …]")
    two.add_argument("--into", type=Path, required=True, metavar="DIR")
    two.add_argument("--cache-dir", type=Path, metavar="DIR")
    two.add_argument("--config", type=Path, required=True, metavar="FILE")
    two.add_argument("--config-into", type=Path, required=True, metavar="FILE")
    return parser


def run(given: argparse.Namespace) -> ConversionReport | None:
    """Do what was asked; the row of a comparison, or None once a copy is in its place.

    Raises:
        ModelFailure: whatever went wrong.
    """
    try:
        return _done(given)
    except MemoryError as error:
        raise WorkFailed(
            api_reasons.OUT_OF_MEMORY,
            "there is not enough memory to convert the model, or to compare the copy; do it on a "
            "larger machine, with triton-operator model convert, and serve what it writes",
        ) from error


def _done(given: argparse.Namespace) -> ConversionReport | None:
    if given.command == "compare":
        asked = Comparison(
            model=given.model,
            precision=given.precision,
            samples=given.samples,
            time=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            say=log.info,
            most_sample_bytes=given.most_sample_bytes,
            keep_in=given.keep_in,
        )
        return ConversionReport(conversion=copy_row(asked))
    rebuild(
        Rebuilding(
            model=given.model,
            model_digest=given.model_digest,
            method=given.method,
            calibration=_calibration(given),
            files=listed_files(given.files),
            digest=given.digest,
            into=given.into,
            deadline=Deadline.after(_CACHE_SECONDS, time.monotonic),
            progress=Progress(say=log.info, clock=time.monotonic),
            say=log.info,
            cache=None if given.cache_dir is None else DigestCache(given.cache_dir, log.info),
        )
    )
    # Last, as after a fetch: Triton starts with all of it or none.
    copy_config(given.config, given.config_into)
    return None


def _calibration(given: argparse.Namespace) -> Calibration | None:
    if given.method is not Method.INT8_STATIC:
        return None
    try:
        return Calibration(samples_digest=given.samples_digest, ranges=given.ranges)
    except ValueError as error:
        raise WorkFailed(
            reasons.INVALID_ARGUMENTS,
            f"{given.method} needs --ranges and --samples-digest: {error}",
        ) from error


def main(argv: list[str]) -> int:
    """Run the command, write the report, and give back the exit code."""
    begin_log()
    answer, path = attempted(argv, arguments, run, log)
    if answer is None:
        return DONE
    report = ConversionReport(failure=answer) if isinstance(answer, Failure) else answer
    text = encode_conversion(report)
    return ended(text, path, report.failure, text, log)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
