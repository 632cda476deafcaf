"""Clients of one cluster: which weights they go by, some time after these were published."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

LIST_SECONDS = 45.0
"""From the agent's reading of the weights until clients go by them: kubelets bring the list into
pods within a minute or so."""


@dataclass
class Clients:
    """`follows`: part of the requests whose senders go by the list at all; the others know only
    their own cluster."""

    follows: float
    _weights: dict[str, int] = field(default_factory=dict)
    _coming: deque[tuple[float, dict[str, int]]] = field(default_factory=deque)

    def told(self, now: float, weights: dict[str, int]) -> None:
        """Their list has these from now on."""
        last = self._coming[-1][1] if self._coming else self._weights
        if weights != last:
            self._coming.append((now + LIST_SECONDS, weights))

    def shares(self, now: float) -> dict[str, float]:
        """Parts of the requests that may leave, 0 to 1, by where they are sent."""
        while self._coming and self._coming[0][0] <= now:
            self._weights = self._coming.popleft()[1]
        return {name: self.follows * percent / 100 for name, percent in self._weights.items()}
