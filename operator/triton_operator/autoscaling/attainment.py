"""Which share of the last minutes' requests kept the objective."""

from __future__ import annotations

from dataclasses import dataclass

from triton_operator.autoscaling.observation import Traffic

WINDOW_SECONDS = 300.0


@dataclass(frozen=True)
class Attainment:
    """Looks that counted latencies: rows of (time, answered, of these within the objective)."""

    rows: tuple[tuple[float, float, float], ...] = ()

    @property
    def share(self) -> float | None:
        """0 to 1; None where nothing was answered, or nobody counts."""
        answered = sum(row[1] for row in self.rows)
        return sum(row[2] for row in self.rows) / answered if answered > 0 else None


def with_look(attainment: Attainment, now: float, traffic: Traffic | None) -> Attainment:
    """The window after one more look, which ended `now`."""
    kept = tuple(row for row in attainment.rows if row[0] > now - WINDOW_SECONDS)
    if traffic is None or traffic.answered is None or traffic.within_objective is None:
        return Attainment(kept)
    return Attainment((*kept, (now, traffic.answered, traffic.within_objective)))
