"""Says on stderr what is being done and for how long; stdout stays free for data.

On a terminal a running step is a spinner with its elapsed time. Elsewhere (CI logs) a step prints a
line when it starts, one every 30 s while it lasts, and one when it ends.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

HEARTBEAT_SECONDS = 30.0

_console = Console(stderr=True, highlight=False, soft_wrap=True)
_live = threading.local()


class Step:
    """A step that is under way; `detail` replaces the text after its title."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._progress: Progress | None = None
        self._task: object = None

    def detail(self, text: str) -> None:
        """Show what the step is doing right now (terminals only: a log would be flooded)."""
        if self._progress is not None:
            line = " ".join(text.split())[:80]
            self._progress.update(self._task, detail=escape(line))  # type: ignore[arg-type]


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Show `title` and the elapsed seconds while the body runs; steps may nest."""
    current = Step(title)
    started = time.monotonic()
    nested = getattr(_live, "active", False)
    ended = threading.Event()
    beat: threading.Thread | None = None
    if _console.is_terminal and not nested:
        _live.active = True
        current._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[detail]}"),
            console=_console,
            transient=True,
        )
        current._task = current._progress.add_task(escape(title), total=None, detail="")
        current._progress.start()
    else:
        say(f"… {title}")
        beat = threading.Thread(target=_heartbeat, args=(title, started, ended), daemon=True)
        beat.start()
    mark = "✗"
    try:
        yield current
        mark = "✓"
    finally:
        ended.set()
        if beat is not None:
            beat.join()
        if current._progress is not None:
            current._progress.stop()
            _live.active = False
        say(f"{mark} {title} ({time.monotonic() - started:.1f} s)")


def _heartbeat(title: str, started: float, ended: threading.Event) -> None:
    while not ended.wait(HEARTBEAT_SECONDS):
        say(f"… {title} ({time.monotonic() - started:.0f} s so far)")


def say(text: str) -> None:
    """Print one line to stderr."""
    _console.print(text, markup=False)
    sys.stderr.flush()
