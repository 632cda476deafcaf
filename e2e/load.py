"""Clients that go on asking while something happens, and remember every failure."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import tritonclient.http as triton

from examples.filetype_client import label_of

CLIENTS = 4
REQUESTS_PER_CONNECTION = 20
"""Triton's HTTP server waits for open connections when it stops, up to its exit timeout; a client
that reconnects now and then is never cut off."""


@dataclass
class Load:
    """What the clients saw."""

    answered: int = 0
    failures: list[str] = field(default_factory=list)
    labels: set[int] = field(default_factory=set)


@contextmanager
def load(address: str, model: str, path: Path) -> Iterator[Load]:
    """Requests from several clients without a pause, for as long as the body runs."""
    seen = Load()
    lock = threading.Lock()
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            with triton.InferenceServerClient(address) as client:
                for _ in range(REQUESTS_PER_CONNECTION):
                    if stop.is_set():
                        return
                    try:
                        label, _ = label_of(client, model, path)
                    except Exception as error:
                        with lock:
                            seen.failures.append(f"{type(error).__name__}: {error}")
                        break
                    with lock:
                        seen.answered += 1
                        seen.labels.add(label)

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
