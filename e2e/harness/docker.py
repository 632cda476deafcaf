"""Whether a Docker engine answers on this machine (the client alone is not enough)."""

from __future__ import annotations

import functools
import shutil

from e2e.harness.commands import run
from e2e.harness.errors import CommandFailedError

ANSWER_TIMEOUT_SECONDS = 10.0


@functools.cache
def engine_answers() -> bool:
    """True when `docker version` reaches a server. Asked once per process."""
    if shutil.which("docker") is None:
        return False
    try:
        found = run(
            ["docker", "version", "--format", "{{.Server.Version}}"],
            timeout_seconds=ANSWER_TIMEOUT_SECONDS,
        )
    except CommandFailedError:
        return False
    return bool(found.strip())
