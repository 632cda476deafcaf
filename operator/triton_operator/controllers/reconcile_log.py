"""What log lines of one reconcile have in common: its key and number; and what it changed."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from triton_operator.controllers.keys import Key

_numbers = itertools.count(1)


@dataclass
class Reconcile:
    """One look at one key. `number` grows with each in this process; `changes` in words."""

    key: Key
    number: int
    changes: list[str] = field(default_factory=list)

    @property
    def pairs(self) -> dict[str, object]:
        """What every line about it says."""
        named = {"kind": self.key.kind, "namespace": self.key.namespace, "name": self.key.name}
        return {name: word for name, word in named.items() if word} | {"reconcile": self.number}


_current: ContextVar[Reconcile | None] = ContextVar("reconcile", default=None)


@contextmanager
def reconciling(key: Key) -> Iterator[Reconcile]:
    """What this task logs and writes meanwhile belongs to `key`."""
    reconcile = Reconcile(key, next(_numbers))
    token = _current.set(reconcile)
    try:
        yield reconcile
    finally:
        _current.reset(token)


def current() -> Reconcile | None:
    """The reconcile that this task is in."""
    return _current.get()


def note_change(what: str) -> None:
    """Something was written; it stands in the reconcile's one line."""
    if (reconcile := _current.get()) is not None:
        reconcile.changes.append(what)
