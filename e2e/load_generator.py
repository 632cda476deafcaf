"""Runs e2e/loadgen: an open loop of requests to the pods that are ready."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from e2e.harness import paths
from e2e.harness.commands import run
from e2e.harness.errors import BinaryUnavailableError, HarnessError
from e2e.harness.fingerprint import fingerprint
from e2e.harness.lock import exclusive
from e2e.harness.progress import step

SOURCES = Path(__file__).parent / "loadgen"
BUILD_SECONDS = 300.0
END_SECONDS = 30.0


class LoadGenerator:
    """A running generator: who is ready is told to it, what it saw so far is told by it."""

    def __init__(self, process: subprocess.Popen[str], output: Path) -> None:
        self._process = process
        self._output = output
        self._lock = threading.Lock()
        self._sent = ""
        self.so_far: Mapping[str, float] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send_to(self, addresses: Iterable[str]) -> None:
        """From now on to these, `host:port` each."""
        line = " ".join(sorted(addresses)) + "\n"
        with self._lock:
            if line == self._sent or self._process.poll() is not None:
                return
            assert self._process.stdin is not None
            self._process.stdin.write(line)
            self._process.stdin.flush()
            self._sent = line

    def running(self) -> bool:
        """Whether requests are still sent, or awaited."""
        return self._process.poll() is None

    def stop(self) -> None:
        """No request from now on; those under way are awaited."""
        self._process.terminate()

    def result(self) -> Any:
        """All figures, once it has ended. Raises HarnessError when it failed."""
        code = self._process.wait(END_SECONDS)
        self._reader.join()
        if code:
            raise HarnessError(f"the load generator ended with {code}; its words are above")
        return json.loads(self._output.read_text())

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.so_far = json.loads(line)


@contextmanager
def load_generator(
    folder: Path,
    rates: Path,
    model: str,
    within_milliseconds: int,
    *,
    timeout_seconds: int = 10,
    fresh_connections: bool = False,
) -> Iterator[LoadGenerator]:
    """A generator that waits for the first list of servers, and is ended with the body.

    Whatever is not answered after `timeout_seconds` failed. `fresh_connections`: one for each
    request, so that the address of a Service is spread.
    """
    output = folder / "load.json"
    output.unlink(missing_ok=True)
    process = subprocess.Popen(
        [
            # What is late because of it would be blamed on the servers.
            *("nice", "-n", "-10", _binary()),
            *(f"-rates={rates}", f"-output={output}", f"-model={model}"),
            *(f"-within={within_milliseconds}ms", f"-timeout={timeout_seconds}s"),
            f"-fresh={str(fresh_connections).lower()}",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield LoadGenerator(process, output)
    finally:
        process.kill()
        with process:
            pass


def _binary() -> Path:
    """The generator, built when its sources have changed."""
    version = fingerprint(SOURCES, SOURCES.iterdir())
    target = paths.bin_dir() / f"loadgen-{version}"
    if target.exists():
        return target
    if shutil.which("go") is None:
        raise BinaryUnavailableError(
            "Go is not installed, which builds the load generator (apt-get install golang)"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(
        paths.build_dir("loadgen") / ".lock", "building the load generator", BUILD_SECONDS
    ):
        for old in target.parent.glob("loadgen-*"):
            old.unlink()
        with step("building the load generator"):
            partial = target.with_suffix(".partial")
            environment = {"GOWORK": "off", "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"}
            run(
                ["go", "build", "-ldflags", "-s -w", "-o", partial, "."],
                cwd=SOURCES,
                timeout_seconds=BUILD_SECONDS,
                env=environment,
            )
            partial.rename(target)
    return target
