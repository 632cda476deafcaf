"""An event loop whose clock jumps to whatever is due next: hours pass in milliseconds.

virtual_run(scenario())     # inside, `asyncio.sleep(3600)` returns at once, 3600 s later
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _JumpingSelector(selectors.SelectSelector):
    """Instead of waiting for the time limit, lets the loop's clock jump there."""

    jumped = 0.0

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        assert found or timeout is not None, "nothing will ever happen again"
        if not found and timeout:
            self.jumped += timeout
        return found


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.jumped


def virtual_run(scenario: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that does no I/O, in virtual time that begins at 0."""
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        return runner.run(scenario)
