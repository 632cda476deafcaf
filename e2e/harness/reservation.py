"""Keeps a cluster from being removed under a run that is using it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.harness.lock import exclusive

WAIT_SECONDS = 1800.0


class Reservation:
    """The right to use a cluster alone; the same object may take it again while it holds it.

    It ends with the process that holds it, however that ends.
    """

    def __init__(self, path: Path, what: str) -> None:
        self._path, self._what = path, what
        self._depth = 0

    @contextmanager
    def held(self, timeout_seconds: float = WAIT_SECONDS) -> Iterator[None]:
        """Hold it while the body runs. Raises MachineInUseError when another run keeps it."""
        if self._depth:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
            return
        with exclusive(self._path, self._what, timeout_seconds):
            self._depth = 1
            try:
                yield
            finally:
                self._depth = 0
