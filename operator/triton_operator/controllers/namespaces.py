"""Which namespaces the operator was told to serve, and which of them it can serve now."""

import re
from collections.abc import Mapping, Sequence

_IN_NAMESPACE = re.compile(r"/namespaces/([^/]+)/[^/]")


def namespace_of(path: str) -> str:
    """The namespace that a request's path is in; empty for what is in none.

    A Namespace itself, as an object, is in none.
    """
    found = _IN_NAMESPACE.search(path)
    return found[1] if found else ""


class Namespaces:
    """The watched namespaces, all served at first; no names: the whole cluster, always served."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.names = tuple(dict.fromkeys(names))
        self._lost: set[str] = set()

    @property
    def served(self) -> tuple[str, ...]:
        """Those that can be served now."""
        return tuple(name for name in self.names if name not in self._lost)

    @property
    def scopes(self) -> tuple[str | None, ...]:
        """Where to list what is namespaced: in each that is served, or (None) everywhere."""
        return self.served if self.names else (None,)

    @property
    def all_are_lost(self) -> bool:
        """Whether there are watched namespaces, and none of them can be served."""
        return bool(self.names) and not self.served

    def serves(self, namespace: str) -> bool:
        """Whether what is in a namespace can be worked on; what is in none always can."""
        return namespace not in self._lost

    def lose(self, name: str) -> None:
        """It cannot be read, so nothing in it can be decided."""
        self._lost.add(name)

    def regain(self, name: str) -> None:
        """It can be read, and the store has what is in it."""
        self._lost.discard(name)

    def states(self) -> Mapping[str, bool]:
        """Whether each watched namespace is served."""
        return {name: name not in self._lost for name in self.names}
