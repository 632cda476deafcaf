"""Faults that end the operator's process after a write."""

from typing import Any

from tests.faults.fake.answers import Answer
from tests.faults.fake.faults import Faults, Incoming


class KillAfter(Faults):
    """SIGKILL after the n-th write, before its answer arrives; `every`: and after each n more."""

    def __init__(self, write: int, *, every: bool = False) -> None:
        self._left = write
        self._every = write if every else 0
        self._world: Any = None

    def begin(self, world: Any) -> None:
        self._world = world

    def end(self) -> None:
        self._world = None

    async def after(self, request: Incoming, answer: Answer) -> bool:
        if self._world is None or not request.writes:
            return True
        self._left -= 1
        if self._left:
            return True
        self._left = self._every
        self._world.kill()
        return False
