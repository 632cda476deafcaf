"""Reads a decision log from a file that anybody may have written."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from triton_operator.autoscaling.decision_record import (
    DecisionRecord,
    UnreadableRecord,
    record_in,
)

LONGEST_LINE_BYTES = 4 * 2**20
"""A record with the state of an hour has 60 KB."""


class DecisionFile:
    """The records of a file; `-` is standard input. `cut_off` is the number of a last line that
    ends in its middle, as after a download that broke off: it is left out.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.cut_off: int | None = None

    def records(self) -> Iterator[tuple[int, DecisionRecord]]:
        """Line numbers and records; empty lines are passed over.

        Raises:
            UnreadableRecord: a line is none; the text names the file, the line and the field.
            OSError: the file cannot be read.
        """
        with ExitStack() as stack:
            lines: BinaryIO = sys.stdin.buffer
            if str(self._path) != "-":
                lines = stack.enter_context(self._path.open("rb"))
            number = 0
            while line := lines.readline(LONGEST_LINE_BYTES + 1):
                number += 1
                if len(line) > LONGEST_LINE_BYTES:
                    raise UnreadableRecord(
                        f"{self._path}: line {number}: longer than {LONGEST_LINE_BYTES:,} bytes"
                    )
                if not line.strip():
                    continue
                try:
                    record = record_in(_text(line, number), number)
                except UnreadableRecord as error:
                    # Only the end of a file can lack its newline.
                    if number > 1 and not line.endswith(b"\n"):
                        self.cut_off = number
                        return
                    raise UnreadableRecord(f"{self._path}: {error}") from error
                yield number, record


def _text(line: bytes, number: int) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise UnreadableRecord(f"line {number}: no UTF-8: {error}") from error
