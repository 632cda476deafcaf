"""What became of requests, counted: plain numbers, for whatever an application reports with."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from triton_operator.client.outcome import Outcome


@dataclass(frozen=True)
class Counts:
    """Since the client was made.

    `attempts`: by cluster and outcome; those that are Served are the requests that it served.
    `not_served` and `not_served_locally`: requests that ended with that error. `lost_sequences`:
    that had begun.
    """

    attempts: Mapping[str, Mapping[Outcome, int]]
    not_served: int
    not_served_locally: int
    lost_sequences: int


class Counters:
    """For several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._attempts: Counter[tuple[str, Outcome]] = Counter()
        self._not_served = 0
        self._not_served_locally = 0
        self._lost_sequences = 0

    def attempted(self, cluster: str, outcome: Outcome) -> None:
        """One endpoint was asked."""
        with self._lock:
            self._attempts[cluster, outcome] += 1

    def not_served(self, local_only: bool) -> None:
        """A request found nobody."""
        with self._lock:
            if local_only:
                self._not_served_locally += 1
            else:
                self._not_served += 1

    def lost_sequence(self) -> None:
        """A sequence ended before its end."""
        with self._lock:
            self._lost_sequences += 1

    def snapshot(self) -> Counts:
        """The numbers now; they do not change later."""
        with self._lock:
            attempts: dict[str, dict[Outcome, int]] = {}
            for (cluster, outcome), count in sorted(self._attempts.items()):
                attempts.setdefault(cluster, {})[outcome] = count
            return Counts(
                attempts, self._not_served, self._not_served_locally, self._lost_sequences
            )
