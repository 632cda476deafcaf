"""The exhaustive sweep: every way under real load, and the best of them for each objective.

Ways come in the order in which a guess puts them, and each is run at the rate next above the best
one found so far. If it does not keep the objective there, it is beaten and no more is asked of it;
else its own highest rate is searched for, and is the new best. So no way is left out on a guess,
and most need a run or two, which end as soon as too many requests are late.

The best of many noisy figures looks better than it is. So the ways that are compared at the end
are searched again with arrivals of other seeds, and these rates alone are told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.planner.load import Loads
from bench.planner.search import highest_place, place_of, rate_of
from bench.planner.served import LoadRefused
from bench.planner.ways import Way
from triton_operator.api.enums import Precision

SEARCH_SEEDS = (11, 12)
JUDGE_SEEDS = (21, 22)
CONFIRM_SEEDS = (31, 32)
Progress = Callable[[str], None]


@dataclass
class Standing:
    """One objective: places on the grid of rates of the ways searched, and of the others the place
    at which each failed. None: it keeps the objective at no rate. `refused` has what Triton says of
    ways that it does not load."""

    milliseconds: int
    places: dict[Way, int | None] = field(default_factory=dict)
    beaten: dict[Way, int] = field(default_factory=dict)
    refused: dict[Way, str] = field(default_factory=dict)

    @property
    def best(self) -> tuple[Way, int] | None:
        """The way with the highest rate; the first that reached it."""
        return self._best_of(tuple(self.places))

    def best_in(self, precision: Precision) -> tuple[Way, int] | None:
        """The same of the ways in that precision. Those that were only beaten have no rate."""
        return self._best_of([way for way in self.places if way.precision is precision])

    def able_at(self, precision: Precision, place: int) -> list[Way]:
        """Ways in that precision of which nothing says that they fail at this place."""
        most = {**self.places, **{way: failed - 1 for way, failed in self.beaten.items()}}
        return [
            way
            for way, top in most.items()
            if way.precision is precision and top is not None and top >= place
        ]

    def _best_of(self, ways: Sequence[Way]) -> tuple[Way, int] | None:
        able = [(way, place) for way in ways if (place := self.places[way]) is not None]
        return max(able, key=lambda one: one[1], default=None)


def swept(
    loads: Loads,
    ways: Sequence[Way],
    objectives: Sequence[int],
    guess: Callable[[Way, int], float],
    progress: Progress,
) -> list[Standing]:
    """Every way for every objective. `guess` gives requests/s for a way and an objective in ms."""
    standings = [Standing(milliseconds) for milliseconds in objectives]
    ordered = sorted(ways, key=lambda way: -guess(way, objectives[-1]))
    for number, way in enumerate(ordered, 1):
        for standing in standings:
            try:
                _measure(loads, way, standing, guess(way, standing.milliseconds))
            except LoadRefused as error:
                standing.refused[way] = str(error)
                progress(f"{way.name}: {error}")
        told = ", ".join(
            f"{one.milliseconds} ms: " + (f"{rate_of(one.best[1]):.1f}/s" if one.best else "-")
            for one in standings
        )
        progress(f"sweep {number}/{len(ordered)} {way.name}: best so far {told}")
    return standings


def _measure(loads: Loads, way: Way, standing: Standing, guess: float) -> None:
    keeps = _keeping(loads, way, standing.milliseconds, SEARCH_SEEDS)
    if standing.best is None:
        standing.places[way] = highest_place(keeps, place_of(guess))
        return
    above = standing.best[1] + 1
    if keeps(above):
        standing.places[way] = highest_place(keeps, above)
    else:
        standing.beaten[way] = above


def judged(
    loads: Loads,
    way: Way,
    milliseconds: int,
    guess: int | None,
    seeds: tuple[int, int] = JUDGE_SEEDS,
) -> int | None:
    """The place of a way, from arrivals that had no part in the sweep; None: at no rate."""
    return highest_place(
        _keeping(loads, way, milliseconds, seeds),
        place_of(0.0) if guess is None else guess,
    )


def best_above(
    loads: Loads, standing: Standing, precision: Precision, rate: float
) -> tuple[Way, int] | None:
    """The best way in that precision of those that do more than `rate` requests/s, and its place,
    by arrivals that had no part in the sweep; None: none does. The best of many noisy figures looks
    better than it is, so `confirmed` has to ask again.

    The sweep asks a way only whether it beats the best so far, so that one in FP32 which comes
    after a fast copy has no rate of its own.
    """
    found, above = None, place_of(rate) + 1
    for way in standing.able_at(precision, above):
        keeps = _keeping(loads, way, standing.milliseconds, JUDGE_SEEDS)
        if keeps(above) and (top := highest_place(keeps, above)) is not None:
            found, above = (way, top), top + 1
    return found


def confirmed(loads: Loads, way: Way, beside: Way, milliseconds: int, guess: int) -> float | None:
    """What a way does for each request that the other one does, both by arrivals that are new to
    both; None: one of them keeps the objective at no rate.

    What is remembered may be of another hour, in which the machine did more or less.
    """
    its, others = (judged(loads, one, milliseconds, guess, CONFIRM_SEEDS) for one in (way, beside))
    return None if its is None or others is None else rate_of(its) / rate_of(others)


def _keeping(
    loads: Loads, way: Way, milliseconds: int, seeds: tuple[int, int]
) -> Callable[[int], bool]:
    """Whether a way keeps the objective at a place, by the arrivals of these seeds."""
    return lambda place: loads.keeps(way, place, milliseconds / 1000, seeds)
