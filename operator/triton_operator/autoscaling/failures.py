"""How many of the last minutes' requests failed."""

from __future__ import annotations

from dataclasses import dataclass

WINDOW_SECONDS = 300.0


@dataclass(frozen=True)
class Ended:
    """Requests that came to an end: with an answer, or with an error."""

    answered: float
    failed: float


@dataclass(frozen=True)
class Failures:
    """Looks that counted them: rows of (time, answered, failed)."""

    rows: tuple[tuple[float, float, float], ...] = ()

    @property
    def total(self) -> Ended | None:
        """Of the whole window; None where nobody counted."""
        if not self.rows:
            return None
        return Ended(sum(row[1] for row in self.rows), sum(row[2] for row in self.rows))


def with_ended(failures: Failures, now: float, ended: Ended | None) -> Failures:
    """The window after one more look, which ended `now`."""
    kept = tuple(row for row in failures.rows if row[0] > now - WINDOW_SECONDS)
    return Failures(kept if ended is None else (*kept, (now, ended.answered, ended.failed)))
