"""Several ways to run a model, measured in rounds of which the better half stays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from triton_operator.api.inspection import Failure
from triton_operator.model.errors import WorkFailed
from triton_operator.model.measurement.measured import Measured
from triton_operator.model.measurement.schedule import (
    better_half,
    halving_rounds,
    share_of_round,
)

Measure = Callable[[str, float], Measured]
"""Measures the candidate of that name within so many seconds."""


@dataclass(frozen=True)
class Result:
    """A candidate and what its last round gave, or why there is nothing."""

    name: str
    outcome: Measured | Failure
    rounds: int


def contest(
    names: Sequence[str],
    measure: Measure,
    budget_seconds: float,
    rate: Callable[[str, Measured], float],
) -> list[Result]:
    """Every candidate, the best one first, those that could not be measured last.

    One that fails is out; that is a result, and no reason to stop.
    """
    results: dict[str, Result] = {}
    rates: dict[str, tuple[int, float]] = {}
    staying = tuple(names)
    for number in range(1, halving_rounds(len(names)) + 1):
        seconds = share_of_round(budget_seconds, len(names), len(staying))
        now: dict[str, float] = {}
        for name in staying:
            try:
                found = measure(name, seconds)
            except WorkFailed as error:
                results[name] = Result(name, error.failure, number)
                rates.pop(name, None)
                continue
            results[name] = Result(name, found, number)
            now[name] = rate(name, found)
            # Whoever stayed longer is better, whatever a shorter round said.
            rates[name] = (number, now[name])
        staying = better_half(now)
    ranked = sorted(rates, key=lambda name: rates[name], reverse=True)
    return [results[name] for name in (*ranked, *(name for name in names if name not in rates))]


def best_rate(found: Measured, instances: int, bound_seconds: float | None) -> float:
    """Rows per second of all instances at the best size whose batches are within the bound."""
    rates = [
        instances * row.batch_size / row.seconds
        for row in found.sizes
        if bound_seconds is None or row.seconds <= bound_seconds
    ]
    return max(rates, default=0.0)
