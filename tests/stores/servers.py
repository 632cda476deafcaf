"""Real stores on loopback: started, awaited, stopped."""

import contextlib
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from e2e.harness.ports import free_ports
from e2e.harness.processes import start
from e2e.harness.waiting import wait_until


@contextlib.contextmanager
def server(
    name: str,
    argv: Sequence[str | Path],
    folder: Path,
    port: int,
    path: str = "/",
    env: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """`127.0.0.1:PORT` of a store that answers `path`, even if it says no."""
    folder.mkdir(parents=True, exist_ok=True)
    running = start(name, argv, folder / f"{name}.log", env=env, cwd=folder, ends_with_us=True)

    def answers() -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).close()
        except urllib.error.HTTPError as error:
            error.close()
            return error.code < 500
        return True

    try:
        wait_until(f"{name} answers", answers, timeout_seconds=60, needs=[running])
        yield f"127.0.0.1:{port}"
    finally:
        running.stop()


def free_port() -> int:
    (port,) = free_ports(1)
    return port
