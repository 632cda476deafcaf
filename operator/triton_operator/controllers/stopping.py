"""How the process is told to end, and how it lets what runs end first."""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Sequence
from typing import Any

STOP_SECONDS = 10.0
"""How long a stop waits for reconciles that are under way."""


def stop_on_signals(stop: asyncio.Event) -> None:
    """Let SIGTERM and SIGINT set `stop`, where this runs in the main thread."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            loop.add_signal_handler(number, stop.set)


async def ends_before(stop: asyncio.Event, waiting: Coroutine[Any, Any, None]) -> bool:
    """Wait for the end of `waiting` or for a stop; whether it was the former."""
    task = asyncio.ensure_future(waiting)
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if task.done():
        task.result()
        return True
    task.cancel()
    return False


async def finish(workers: Sequence[asyncio.Task[None]]) -> None:
    """Let workers end by themselves for a while, then end them, and wait for that."""
    _, late = await asyncio.wait(workers, timeout=STOP_SECONDS)
    for worker in late:
        worker.cancel()
    if late:
        await asyncio.wait(late)
