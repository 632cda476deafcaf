"""Runs a command that has to succeed, with a bound, and turns its failure into a readable error."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from e2e.harness.errors import CommandFailedError
from e2e.harness.processes import kill_session

TAIL_LINES = 25


def tail(text: str, lines: int = TAIL_LINES) -> str:
    """The last `lines` lines of `text`, each indented for quoting in an error."""
    return "\n".join("    " + line for line in text.rstrip().splitlines()[-lines:])


def run(
    argv: Sequence[str | Path],
    *,
    timeout_seconds: float = 60.0,
    stdin: str | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run `argv` and return its stdout.

    `env` is added to the current environment. Raises CommandFailedError when the program is
    missing, exits non-zero or runs longer than `timeout_seconds` (it is then ended together with
    its children).
    """
    words = [str(word) for word in argv]
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    except OSError as error:
        raise CommandFailedError(f"cannot start {words[0]}: {error.strerror}") from error
    with process:
        try:
            out, err = process.communicate(stdin, timeout=timeout_seconds)
        except BaseException as error:
            kill_session(process.pid)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise CommandFailedError(
                f"{shlex.join(words)}\n  did not end within {timeout_seconds:.0f} s"
            ) from error
    if process.returncode:
        raise CommandFailedError(
            f"{shlex.join(words)}\n  exited with {process.returncode}:\n{tail(err or out)}"
        )
    return out


def stream(
    argv: Sequence[str | Path],
    *,
    timeout_seconds: float,
    log: Path,
    on_line: Callable[[str], None],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a long command: its output goes to `log`, each line also to `on_line`.

    Raises CommandFailedError as `run` does, quoting the end of the log.
    """
    words = [str(word) for word in argv]
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        # `timeout` bounds the command even while it prints nothing and we block on its next line.
        process = subprocess.Popen(
            ["timeout", "--kill-after=10", f"{timeout_seconds:.0f}", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=cwd,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    except OSError as error:
        raise CommandFailedError(f"cannot start {words[0]}: {error.strerror}") from error
    with process, log.open("w") as sink:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                sink.write(line)
                on_line(line)
        except BaseException:
            kill_session(process.pid)
            raise
    if process.returncode:
        why = (
            "did not end in time"
            if process.returncode == 124
            else f"exited with {process.returncode}"
        )
        raise CommandFailedError(
            f"{shlex.join(words)}\n  {why}; the end of {log}:\n"
            + tail(log.read_text(errors="replace"))
        )
