"""What the benchmark found: rates side by side, and what the planner got wrong. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.planner.search import STEP
from triton_operator.planning.adoption import LEAST_GAIN

RATIO_AIM, SHARE_AIM = 0.95, 0.10
"""The least share of the best rate, and the most of the sweep's measurements."""
ADVANTAGE = 1 + LEAST_GAIN
"""From which on a copy is worth adopting."""
NOISE = STEP * 1.001
"""Two rates that are one step of the grid apart may be the same."""


@dataclass(frozen=True)
class Rated:
    """A way to run, and its highest rate within the objective in requests/s; 0: it keeps none."""

    way: str
    rate: float


@dataclass(frozen=True)
class Case:
    """One model with one objective. `promised`: the rate that the planner itself expects.

    `fp32` and `copy`: the best FP32 way of the sweep, and the best one of a copy that may be used.
    None: the sweep has no rate of such a way, as there is none, or as a way of the other precision
    came before it and each was only seen to do no more. Where a copy was adopted, `fp32` is a way
    that was seen to do more than it by more than noise, whether the sweep ranked it or not, if
    there is one: at what it did beside it when both were asked again.
    Triton's defaults are FP32, and have a rate in any case.
    """

    milliseconds: int
    best: Rated
    planner: Rated
    default: Rated
    promised: float
    fp32: Rated | None = None
    copy: Rated | None = None

    @property
    def _compared(self) -> tuple[Rated, ...]:
        every = (self.best, self.planner, self.default, self.fp32, self.copy)
        return tuple(one for one in every if one is not None)

    @property
    def best_rate(self) -> float:
        """Of all that was compared, the highest."""
        return max(one.rate for one in self._compared)

    @property
    def fp32_rate(self) -> float:
        """The highest that was seen of the model as it is stored."""
        return max((one.rate for one in self._compared if not is_int8(one.way)), default=0.0)

    @property
    def copy_rate(self) -> float:
        """The highest that was seen of a copy that may be used; 0: there is none."""
        return max((one.rate for one in self._compared if is_int8(one.way)), default=0.0)

    @property
    def ratio(self) -> float | None:
        """The planner's rate over the best one; None: nothing keeps the objective."""
        return self.planner.rate / self.best_rate if self.best_rate > 0 else None

    @property
    def default_ratio(self) -> float | None:
        """Triton's defaults over the best one."""
        return self.default.rate / self.best_rate if self.best_rate > 0 else None

    @property
    def below_default(self) -> bool:
        """Whether Triton's defaults do more, by more than noise."""
        return self.planner.rate * NOISE < self.default.rate

    @property
    def slower_adoption(self) -> bool:
        """Whether a copy was adopted although FP32 does more, by more than noise.

        What other ways of the copy do is no excuse: the adopted one is what runs.
        """
        return is_int8(self.planner.way) and self.fp32_rate > NOISE * self.planner.rate

    @property
    def missed_adoption(self) -> bool:
        """Whether FP32 was kept although a copy does enough more to be adopted.

        More than the best FP32 way, of which the planner's is one: who is beaten by another FP32
        way alone has missed no copy, and who does as much as the copy has missed nothing.
        """
        pays = self.copy_rate > ADVANTAGE * NOISE * self.fp32_rate
        return not is_int8(self.planner.way) and pays


@dataclass(frozen=True)
class Report:
    """One model. `timings` and `planner_seconds`: what the planner measured, conversion included in
    the seconds; `sweep_runs`: those of the exhaustive sweep, all objectives together."""

    name: str
    kind: str
    samples: str
    alone_milliseconds: float
    copy: str
    copy_agreement: float | None
    held_out_agreement: float | None
    min_agreement: float
    timings: int
    planner_seconds: float
    sweep_ways: int
    sweep_runs: int
    sweep_seconds: float
    doubtful_runs: int
    cases: tuple[Case, ...]

    @property
    def share(self) -> float:
        """The planner's measurements over the sweep's."""
        return self.timings / max(1, self.sweep_runs)

    @property
    def wrong_adoptions(self) -> int:
        """Cases with an adopted copy that answers too differently, or that is slower."""
        agreed = self.held_out_agreement
        if agreed is None:
            agreed = self.copy_agreement
        differs = agreed is not None and agreed < self.min_agreement
        return sum(
            case.slower_adoption or (differs and is_int8(case.planner.way)) for case in self.cases
        )


@dataclass(frozen=True)
class Aim:
    """What the planner is to do, what it did in words, and whether that is it."""

    text: str
    result: str
    met: bool


def aims(reports: Sequence[Report]) -> list[Aim]:
    """All of them; none where there is nothing to judge: no objective that anything keeps."""
    cases = [case for report in reports for case in report.cases]
    ratios = [case.ratio for case in cases if case.ratio is not None]
    shares = [report.share for report in reports]
    if not ratios:
        return []
    below = sum(case.below_default for case in cases)
    wrong = sum(report.wrong_adoptions for report in reports)
    missed = sum(case.missed_adoption for case in cases)
    return [
        Aim(
            f"at least {RATIO_AIM:.0%} of the best in every case",
            f"{sum(one >= RATIO_AIM for one in ratios)} of {len(ratios)}, worst {min(ratios):.3f}",
            min(ratios) >= RATIO_AIM,
        ),
        Aim(
            f"at most {SHARE_AIM:.0%} of the sweep's measurements on every model",
            f"{sum(one <= SHARE_AIM for one in shares)} of {len(shares)}, worst {max(shares):.3f}",
            max(shares) <= SHARE_AIM,
        ),
        Aim("never below Triton's defaults", f"{below} cases below", not below),
        Aim(
            "no adopted copy that answers too differently or is slower",
            f"{wrong} wrong",
            not wrong,
        ),
        Aim("no copy missed that pays", f"{missed} missed", not missed),
    ]


def exit_code(reports: Sequence[Report], failed: Sequence[str]) -> int:
    """1 where a model could not be tried, none was, or a copy was adopted that must not be.

    A choice that is slower than the best is a figure to be read; a copy that answers too
    differently or is slower than the model is an error of the planner's.
    """
    wrong = any(report.wrong_adoptions for report in reports)
    return 1 if failed or not reports or wrong else 0


def is_int8(way: str) -> bool:
    """Whether the way runs the copy."""
    return way.startswith("int8-")


def last_line(reports: Sequence[Report]) -> dict[str, Any]:
    """The figures that count, over all models and objectives.

    Cases in which nothing keeps the objective have no ratio. `measurement_share` is the planner's
    measurements over those of the sweep, of the model where that is worst.
    """
    cases = [case for report in reports for case in report.cases]
    ratios = [case.ratio for case in cases if case.ratio is not None]
    return {
        "models": len(reports),
        "worst_ratio": round(min(ratios), 3) if ratios else None,
        "mean_ratio": round(sum(ratios) / len(ratios), 3) if ratios else None,
        "measurement_share": round(max((one.share for one in reports), default=0.0), 3),
        "wrong_adoptions": sum(report.wrong_adoptions for report in reports),
        "below_default": sum(case.below_default for case in cases),
    }
