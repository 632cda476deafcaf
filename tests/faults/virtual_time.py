"""An event loop whose time jumps: when nothing is ready, it is at once as late as the next timer.

Everything inside keeps its real settings (backoffs of minutes, sweeps every ten minutes), and a
test of an hour takes as long as its CPU needs. Client and server are in the same loop and talk over
a Unix socket, where what was sent can be read at once: nothing is ever "on the way" while time
jumps.
"""

import asyncio
import selectors
import signal
from collections.abc import Callable, Coroutine, Mapping
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")
EPOCH = 1_795_000_000.0
"""Seconds since the epoch at the loop's time 0: in November 2026."""
APART: ContextVar[bool] = ContextVar("APART", default=False)
"""True where tasks do not show in `asyncio.all_tasks()`: on its way out kopf cancels all that are
younger than itself, and the server is no part of the operator.
"""
PATIENCE_SECONDS = 20.0
"""Real seconds that a thread may take."""


class Deadlock(Exception):
    """No timer is set, nothing can be read, and no thread runs: nothing will ever happen."""


class _Selector(selectors.BaseSelector):
    """Never sleeps: says what is ready, and lets time jump when nothing is."""

    def __init__(self, jump: Callable[[float], None], threads: Callable[[], int]) -> None:
        self._real = selectors.DefaultSelector()
        self._jump = jump
        self._threads = threads

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if ready or timeout == 0:
            return ready
        if timeout is not None and not self._threads():
            self._jump(timeout)
            return []
        ready = self._real.select(PATIENCE_SECONDS)
        if not ready:
            raise Deadlock
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """`time()` starts at 0."""

    def __init__(self) -> None:
        self._now = 0.0
        self._threads = 0
        super().__init__(_Selector(self._jump, lambda: self._threads))
        self.set_task_factory(_task)

    def time(self) -> float:
        return self._now

    def _jump(self, seconds: float) -> None:
        self._now += seconds

    def call_later(self, delay: float, callback: Any, *args: Any, **options: Any) -> Any:
        # Kopf's last resort for a process that does not end; here the process is the test's.
        if callback is signal.pthread_kill:
            callback, args = lambda: None, ()
        return super().call_later(delay, callback, *args, **options)

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        future = super().run_in_executor(executor, func, *args)
        self._threads += 1
        future.add_done_callback(self._thread_ended)
        return future

    def _thread_ended(self, _: object) -> None:
        self._threads -= 1


def _task(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **options)
    if APART.get():
        asyncio.tasks._unregister_task(task)
    return task


def now() -> float:
    """Seconds since the epoch, by the running loop."""
    return EPOCH + asyncio.get_running_loop().time()


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
