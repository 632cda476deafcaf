"""A network namespace of our own: a second cluster lives in it as on another machine."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

from e2e.harness.commands import run
from e2e.harness.errors import HarnessError

FOLDER = Path("/run/netns")
_OWN = Path("/proc/thread-self/ns/net")
_CLONE_NEWNET = 0x40000000
"""See setns(2); Python has os.setns from 3.12 on."""


class NetworkNamespace:
    """One by name, as `ip netns` knows it."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def path(self) -> Path:
        """Where it is bound."""
        return FOLDER / self.name

    def exists(self) -> bool:
        """Whether it is there now."""
        return self.path.exists()

    def create(self) -> None:
        """Make it, unless it is there."""
        if not self.exists():
            run(["ip", "netns", "add", self.name])

    def remove(self) -> None:
        """Remove it with all links in it, if it is there."""
        if self.exists():
            run(["ip", "netns", "delete", self.name])

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Everything that this thread does in the body, and each process and thread that it starts,
        is in the namespace. Raises HarnessError where the kernel refuses that.
        """
        before = os.open(_OWN, os.O_RDONLY)
        try:
            wanted = os.open(self.path, os.O_RDONLY)
            try:
                _enter(wanted, self.name)
            finally:
                os.close(wanted)
            try:
                yield
            finally:
                _enter(before, "the namespace before")
        finally:
            os.close(before)


def _enter(descriptor: int, what: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET) != 0:
        why = os.strerror(ctypes.get_errno())
        raise HarnessError(f"cannot enter the network namespace {what}: {why}")
