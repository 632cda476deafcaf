"""Keys in line by priority: the urgent ones first, and nobody waits for ever."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from enum import IntEnum
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
TURN = 4
"""Of so many keys that are taken from lines above it, the next one is from a line that waits."""


class Priority(IntEnum):
    """An edit goes before what the cluster does by itself, and that before sweeps.

    Pods change hundreds of times a second in a large cluster, and a person waits for an edit.
    """

    USER = 0
    CLUSTER = 1
    SWEEP = 2


class Lines(Generic[K]):
    """One line per priority, each first in, first out. `is_current` tells entries that count.

    An entry is stale once its key has been taken or has moved to a line above; it is dropped when
    it comes to the front.
    """

    def __init__(self, is_current: Callable[[K, Priority], bool]) -> None:
        self._is_current = is_current
        self._lines: dict[Priority, deque[K]] = {priority: deque() for priority in Priority}
        self._passed_over = dict.fromkeys(Priority, 0)

    def put(self, key: K, priority: Priority) -> None:
        """Add `key` at the end of a line."""
        self._lines[priority].append(key)

    def take(self, among: Iterable[Priority] = Priority) -> tuple[K, Priority] | None:
        """The next key of the lines `among` all, and its priority; None where they have none.

        It is of the uppermost line, unless one below has been passed over `TURN` times.
        """
        waiting = [priority for priority in among if self._has_any(priority)]
        if not waiting:
            return None
        passed_over = self._passed_over
        due = [priority for priority in waiting if passed_over[priority] >= TURN]
        taken = max(due, key=passed_over.__getitem__) if due else min(waiting)
        passed_over[taken] = 0
        for priority in Priority:
            if priority > taken and self._has_any(priority):
                passed_over[priority] += 1
        return self._lines[taken].popleft(), taken

    def has_any(self, among: Iterable[Priority] = Priority) -> bool:
        """Whether a key waits in one of the lines `among` all."""
        return any(self._has_any(priority) for priority in among)

    def clear(self) -> None:
        """Forget every key."""
        for line in self._lines.values():
            line.clear()

    def _has_any(self, priority: Priority) -> bool:
        line = self._lines[priority]
        while line and not self._is_current(line[0], priority):
            line.popleft()
        return bool(line)
