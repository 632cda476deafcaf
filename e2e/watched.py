"""Objects of one kind, kept up to date by a watch of kubectl, with the times of what happened."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from e2e.harness.binaries import ensure

Change = Callable[[str, Any, float], None]
"""Called with the event's type (ADDED, MODIFIED, DELETED), the object and `time.monotonic()`."""


@contextmanager
def watched(
    kubeconfig: Path, namespace: str, kind: str, selector: str, change: Change
) -> Iterator[None]:
    """Tell every change while the body runs, from a thread of its own; what is there comes first.

    A watch that ends, for example because the API server restarts, is begun anew: what is there
    then is told again, and `change` has to bear with it.
    """
    argv: list[str | Path] = [
        *(ensure("kubectl"), "--kubeconfig", kubeconfig, "-n", namespace, "get", kind),
        *("-l", selector, "--watch", "--output-watch-events", "-o", "json"),
    ]
    ended = threading.Event()
    running: list[subprocess.Popen[str]] = []

    def follow() -> None:
        while not ended.is_set():
            with subprocess.Popen(
                argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            ) as process:
                running[:] = [process]
                if ended.is_set():
                    process.kill()
                assert process.stdout is not None
                for line in process.stdout:
                    event = json.loads(line)
                    change(event["type"], event["object"], time.monotonic())
            ended.wait(1)

    thread = threading.Thread(target=follow, name=f"watch of {kind}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        for process in running:
            process.kill()
        thread.join()
