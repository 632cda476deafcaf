"""Service curves that members tell, as a hub takes them.

Each new curve costs its queue to be solved, a second or more. Members are not trusted: one that
tells another curve with every report would keep the hub busy, and all placements waiting.
"""

from __future__ import annotations

from collections.abc import Collection

from triton_operator.planning.service_curve import ServiceCurve

TAKEN_EVERY_SECONDS = 600.0
"""Another one of the same cluster is taken that often; hardware does not change sooner."""


class TakenCurves:
    """Of one service, by cluster; times in seconds since any moment."""

    def __init__(self) -> None:
        self._taken: dict[str, tuple[ServiceCurve, float]] = {}

    def taken(self, cluster: str, told: ServiceCurve | None, now: float) -> ServiceCurve | None:
        """The one to go by; None: it has told none. One that is not told any more is not gone by,
        and the next one waits as if it had been."""
        before = self._taken.get(cluster)
        if told is None:
            return None
        is_due = before is None or not 0 <= now - before[1] < TAKEN_EVERY_SECONDS
        if before is None or (is_due and before[0] != told):
            self._taken[cluster] = told, now
        return self._taken[cluster][0]

    def keep(self, clusters: Collection[str]) -> None:
        """Forget all others."""
        for name in self._taken.keys() - set(clusters):
            del self._taken[name]
