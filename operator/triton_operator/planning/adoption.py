"""Whether a copy of the model that may be used is fast enough for it: it has to beat FP32. In the
same way another engine has to beat ONNX Runtime's own kernels, in the precision at hand.

    gain = worth of the copy / worth of FP32 - 1 >= 10 %

Worth is what `spec.objective.prefer` asks for: the safe rate, and with Latency 1 / time of a
request that is alone. Each runs in its own best way, with its own batch size and instances. What
keeps the objective beats what does not, by however little; where neither does, times count.

FP32 is what is compared with whatever runs now, so that the answer follows from the profile alone:
a plan that compared with itself would swing between two that are nearly the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from triton_operator.api.enums import Precision, Preference
from triton_operator.planning.figures import figure
from triton_operator.planning.measured_replica import Measured
from triton_operator.planning.measurements import are_comparable, is_on_samples

LEAST_GAIN = 0.10
"""Measurements repeat within 5 %, and a copy never answers quite the same: for less, no copy."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Comparison:
    """What a copy does beside FP32, in `words`.

    `gain` is a share, None: one of both is not measured, or not on inputs like the other's.
    `adoptable`: fast enough. `rank` orders copies: whether one keeps the objective, then its worth.
    """

    words: str
    gain: float | None = None
    adoptable: bool = False
    rank: tuple[bool, float] = (False, 0.0)


def best_of(found: Mapping[Precision, Comparison]) -> Precision | None:
    """The one to adopt, of those that are fast enough."""
    able = [name for name, one in found.items() if one.adoptable]
    return max(able, key=lambda name: found[name].rank, default=None)


def compared(
    name: str,
    copy: Measured | None,
    stored: Measured | None,
    prefer: Preference,
    pool: str,
    against: str = Precision.FP32,
) -> Comparison:
    """The copy and FP32, each in its best way on that pool; None: it was not measured there.

    `name` and `against` are what people call both.
    """
    if copy is None or stored is None:
        missing = name if copy is None else against
        return Comparison(f"{name} not used: {missing} is not measured on pool {pool}")
    if not are_comparable(copy.row, stored.row):
        real, made_up = name, against
        if is_on_samples(stored.row):
            real, made_up = made_up, real
        return Comparison(
            f"{name} not used: {made_up} was measured on made-up inputs, and {real} on samples"
        )
    keeps, kept = copy.keeps, stored.keeps
    by_time = prefer is Preference.LATENCY or not (keeps and kept)
    mine, its = _worth(copy, by_time), _worth(stored, by_time)
    if not by_time:
        # The server's bound is the same for both: measured for one only, it is no gain.
        guessed = [one.most_rate for one in (copy, stored) if not one.throughput.measured]
        mine, its = min((mine, *guessed)), min((its, *guessed))
    gain = mine / its - 1
    rank = (keeps, _worth(copy, prefer is Preference.LATENCY or not keeps))
    words = f"{figure(mine)}/s against {figure(its)}/s of {against}"
    if by_time:
        words = _words(copy, stored, against)
    if keeps and not kept:
        words = f"{words}, and {against} does not keep the objective"
        return Comparison(words, gain, adoptable=True, rank=rank)
    if kept and not keeps:
        return Comparison(f"{name} not used: only {against} keeps the objective", gain, rank=rank)
    if gain >= LEAST_GAIN - _ROUNDING:
        return Comparison(words, gain, adoptable=True, rank=rank)
    if gain > 0:
        words = f"{figure(100 * gain)} %: less than {100 * LEAST_GAIN:.0f} %, {against} stays"
        return Comparison(f"{name} faster by {words}", gain, rank=rank)
    return Comparison(f"{name} not faster: {words}", gain, rank=rank)


def _worth(one: Measured, by_time: bool) -> float:
    return 1 / one.alone_seconds if by_time else one.safe_rate


def _words(copy: Measured, stored: Measured, against: str) -> str:
    mine, its = 1000 * copy.alone_seconds, 1000 * stored.alone_seconds
    return f"{figure(mine)} ms against {figure(its)} ms of {against} for a request that is alone"
