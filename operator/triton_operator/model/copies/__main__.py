"""`python -m triton_operator.model.copies`: copies into a store, and from there to Triton.

`put` runs in the Job that converts, `take` in pods that serve. Neither is ever the reason why
something does not run: they end with 0, and say what was wrong in the log and in the report. Both
run apart from what converts, so that no credentials are where an untrusted model is read.
"""

import argparse
import logging
import sys
import time
from pathlib import Path

from triton_operator.api.copy_store import FIELD
from triton_operator.api.inspection import Failure, Report
from triton_operator.model import reasons
from triton_operator.model.answer import fitting, write_report
from triton_operator.model.cache import DigestCache
from triton_operator.model.copies.put import PATIENCE, Putting, put_copy
from triton_operator.model.copies.take import seconds_for, take_copy
from triton_operator.model.download import Conditions, Patience
from triton_operator.model.fetch import Transfer
from triton_operator.model.file_list import listed_files
from triton_operator.model.job_process import (
    DONE,
    RETRYABLE,
    TERMINATION_LOG,
    Arguments,
    attempted,
    begin_log,
)
from triton_operator.model.progress import Progress
from triton_operator.model.receiving import Deadline
from triton_operator.model.secret_files import SecretFiles
from triton_operator.model.sources import Surroundings, source_for
from triton_operator.model.store_arguments import add_store_arguments, network_of

_TO_TAKE = Patience(connect_seconds=5, read_seconds=10, attempts=2, longest_pause_seconds=2)
"""A store that does not answer costs a pod half a minute at most."""

log = logging.getLogger("triton_operator.model.copies")


def arguments() -> Arguments:
    """The command line."""
    shared = Arguments(add_help=False, allow_abbrev=False)
    shared.add_argument("--uri", required=True, help="put: the store's; take: the copy's in it")
    add_store_arguments(shared)
    shared.add_argument("--timeout-seconds", type=float, required=True, metavar="N")
    shared.add_argument("--report", type=Path, default=TERMINATION_LOG, metavar="FILE")
    parser = Arguments(
        prog="python -m triton_operator.model.copies", description=__doc__, allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("put", parents=[shared], allow_abbrev=False)
    one.add_argument("--from", dest="folder", type=Path, required=True, metavar="DIR")
    two = commands.add_parser("take", parents=[shared], allow_abbrev=False)
    two.add_argument("--digest", required=True, metavar="sha256:…")
    two.add_argument("--files", required=True, metavar="JSON", help="[{path,digest,sizeBytes}, …]")
    two.add_argument("--into", type=Path, required=True, metavar="DIR")
    two.add_argument("--max-bytes", type=int, required=True, metavar="N", help="of all files")
    two.add_argument("--cache-dir", type=Path, metavar="DIR")
    return parser


def run(given: argparse.Namespace) -> bool:
    """Do what was asked; whether there is a copy where it should be.

    Raises:
        ModelFailure: whatever went wrong.
    """
    return _put(given) if given.command == "put" else _take(given)


def _put(given: argparse.Namespace) -> bool:
    secret = SecretFiles(given.credentials_dir)
    return put_copy(
        Putting(
            folder=given.folder,
            store=given.uri,
            endpoint=given.endpoint,
            secret=secret,
            around=_conditions(given, PATIENCE, secret.keys()),
            deadline=Deadline.after(given.timeout_seconds, time.monotonic),
        )
    )


def _take(given: argparse.Namespace) -> bool:
    files = listed_files(given.files)
    surroundings = Surroundings(
        conditions=_conditions(given, _TO_TAKE),
        credentials_dir=given.credentials_dir,
        endpoint=given.endpoint,
    )
    transfer = Transfer(
        source=source_for(given.uri, surroundings),
        # A row may be anybody's: what it lists is bounded as what is fetched for a model is.
        deadline=Deadline.after(min(seconds_for(files), given.timeout_seconds), time.monotonic),
        progress=Progress(say=log.info, clock=time.monotonic),
        max_bytes=min(sum(file.size_bytes for file in files), given.max_bytes),
        cache=None if given.cache_dir is None else DigestCache(given.cache_dir, log.info),
    )
    return take_copy(transfer, files, given.digest, given.into, given.uri, log.info)


def _conditions(
    given: argparse.Namespace, patience: Patience, secret_keys: tuple[str, ...] | None = None
) -> Conditions:
    return Conditions(
        network=network_of(given, f"{FIELD}.secretName"),
        patience=patience,
        sleep=time.sleep,
        say=log.info,
        secret_keys=secret_keys,
    )


def main(argv: list[str]) -> int:
    """Run the command, write the report if there is one, and give back the exit code."""
    begin_log()
    answer, path = attempted(argv, arguments, run, log)
    if not isinstance(answer, Failure):
        return DONE
    log.error("%s: %s", answer.reason, answer.message)
    text, _ = fitting(Report(failure=answer))
    try:
        write_report(text, path)
    except OSError as error:
        log.error("the report cannot be written to %s: %s", path, error)
    # Ended from outside, it may run again; nothing else is helped by that.
    return RETRYABLE if answer.reason == reasons.INTERRUPTED else DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
