"""A list of endpoints in a file that somebody else replaces, such as a ConfigMap in a pod."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from triton_operator.client.endpoints import Endpoint, endpoints_in
from triton_operator.client.errors import BadEndpoints

LOOK_SECONDS = 1.0
"""How often the file is looked at: a ConfigMap takes up to a minute anyway to reach a pod."""
LARGEST_FILE = 1 << 20
"""In bytes; a ConfigMap is not larger."""


class EndpointFile:
    """`endpoints`: of the last file that could be read; `problem`: what is wrong since then.

    Raises:
        BadEndpoints: when it is made, if the file is not there or is none.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._looked_at = clock()
        self._seen: tuple[int, ...] = ()
        self.problem = ""
        self.endpoints: tuple[Endpoint, ...] = self._read()

    def look(self) -> bool:
        """Read it if it was replaced; whether `endpoints` are other ones now.

        What cannot be read does not take away what serves: the old list stays.
        """
        now = self._clock()
        if now - self._looked_at < LOOK_SECONDS:
            return False
        self._looked_at = now
        before = self.endpoints
        try:
            if self._signature() != self._seen:
                self.endpoints = self._read()
                self.problem = ""
        except BadEndpoints as error:
            self.problem = str(error)
        except OSError as error:
            self._seen = ()  # one that comes back is read even if it is the same
            self.problem = f"{self._path}: {error.strerror or error}"
        return self.endpoints != before

    def _read(self) -> tuple[Endpoint, ...]:
        try:
            # Before the content: what is replaced meanwhile is then read once more.
            self._seen = self._signature()
            with self._path.open("rb") as file:
                text = file.read(LARGEST_FILE + 1)
        except OSError as error:
            raise BadEndpoints(f"{self._path}: {error.strerror or error}") from None
        if len(text) > LARGEST_FILE:
            raise BadEndpoints(f"{self._path}: more than {LARGEST_FILE} bytes")
        try:
            return endpoints_in(text)
        except BadEndpoints as error:
            raise BadEndpoints(f"{self._path}: {error}") from None

    def _signature(self) -> tuple[int, ...]:
        """Another one for another file: behind the link that a ConfigMap's files are."""
        found = os.stat(self._path)
        return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
