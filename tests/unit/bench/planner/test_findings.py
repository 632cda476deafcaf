from dataclasses import replace
from typing import Any

import pytest

from bench.planner.findings import Case, Rated, Report, last_line
from bench.planner.search import STEP

CASE = Case(
    50, Rated("fp32-1x1-b8", 100.0), Rated("fp32-1x1-b4", 90.0), Rated("fp32-2xall-b4", 70.0), 95.0
)
REPORT = Report(
    name="m",
    kind="k",
    samples="s",
    alone_milliseconds=5.0,
    copy="INT8",
    copy_agreement=1.0,
    held_out_agreement=1.0,
    min_agreement=0.99,
    timings=6,
    planner_seconds=60.0,
    sweep_ways=11,
    sweep_runs=100,
    sweep_seconds=300.0,
    doubtful_runs=0,
    cases=(CASE,),
)


def test_a_ratio_is_of_the_best_of_all() -> None:
    assert CASE.ratio == 0.9
    assert CASE.default_ratio == 0.7
    beaten = replace(CASE, planner=Rated("fp32-1x1-b16", 110.0))
    assert beaten.ratio == 1.0
    assert beaten.default_ratio == 70 / 110
    assert replace(CASE, copy=Rated("int8-1x1-b4", 120.0)).ratio == 90 / 120


def test_an_objective_that_nothing_keeps_has_no_ratio() -> None:
    nothing = replace(CASE, best=Rated("a", 0), planner=Rated("a", 0), default=Rated("b", 0))

    assert nothing.ratio is None
    assert not nothing.below_default
    assert last_line([replace(REPORT, cases=(nothing, CASE))])["worst_ratio"] == 0.9


def test_below_the_defaults_by_more_than_a_step() -> None:
    assert replace(CASE, default=Rated("d", 90 * STEP**2)).below_default
    assert not replace(CASE, default=Rated("d", 90 * STEP)).below_default


def fp32(rate: float, name: str = "a") -> Rated:
    return Rated(f"fp32-{name}", rate)


def int8(rate: float, name: str = "a") -> Rated:
    return Rated(f"int8-{name}", rate)


@pytest.mark.parametrize(
    ("why", "changes", "wrong", "missed"),
    [
        ("both FP32", {"best": fp32(100), "planner": fp32(90, "b")}, False, False),
        ("another copy does more", {"best": int8(100), "planner": int8(70, "b")}, False, False),
        (
            "another copy does more, and FP32 too",
            {"best": int8(100), "planner": int8(70, "b"), "fp32": fp32(95)},
            True,
            False,
        ),
        (
            "another copy does more, and FP32 as much within noise",
            {"best": int8(100), "planner": int8(70, "b"), "fp32": fp32(74)},
            False,
            False,
        ),
        (
            "another copy does more, and Triton's defaults too",
            {"best": int8(100), "planner": int8(70, "b"), "default": fp32(95, "d")},
            True,
            False,
        ),
        ("a slower copy", {"best": fp32(100), "planner": int8(80, "b")}, True, False),
        ("slower within noise", {"best": fp32(100), "planner": int8(96, "b")}, False, False),
        ("a copy that pays", {"best": int8(130), "planner": fp32(100, "b")}, False, True),
        ("it pays too little", {"best": int8(108), "planner": fp32(100, "b")}, False, False),
        (
            "it pays too little beside the best FP32 way, which is not the planner's",
            {"best": int8(110), "planner": fp32(80, "b"), "fp32": fp32(95)},
            False,
            False,
        ),
        (
            "it pays beside the best FP32 way, which is not the planner's",
            {"best": int8(130), "planner": fp32(80, "b"), "fp32": fp32(95)},
            False,
            True,
        ),
        (
            "it pays beside the sweep's FP32 way, and the planner's does as much",
            {"best": int8(105), "planner": fp32(100, "b"), "fp32": fp32(80)},
            False,
            False,
        ),
        (
            "it pays, although the sweep has FP32 before it",
            {"best": fp32(80), "planner": fp32(80), "copy": int8(100)},
            False,
            True,
        ),
        ("nothing keeps it", {"best": int8(0), "planner": fp32(0, "b")}, False, False),
    ],
)
def test_adoptions(why: str, changes: dict[str, Any], wrong: bool, missed: bool) -> None:
    case = replace(CASE, **{"default": Rated("fp32-d", 0), **changes})

    assert case.slower_adoption is wrong, why
    assert case.missed_adoption is missed, why
    assert replace(REPORT, cases=(case,)).wrong_adoptions == int(wrong), why


def test_an_adopted_copy_that_answers_too_differently_is_wrong_however_fast() -> None:
    adopted = replace(CASE, best=Rated("int8-a", 100), planner=Rated("int8-a", 100))

    assert replace(REPORT, cases=(adopted,), held_out_agreement=0.98).wrong_adoptions == 1
    few = replace(REPORT, cases=(adopted,), held_out_agreement=None)
    assert few.wrong_adoptions == 0
    assert replace(few, copy_agreement=0.98).wrong_adoptions == 1
    assert replace(REPORT, cases=(CASE,), held_out_agreement=0.98).wrong_adoptions == 0


def test_the_last_line() -> None:
    better = replace(CASE, planner=Rated("fp32-1x1-b8", 100.0))

    assert last_line([REPORT, replace(REPORT, timings=14, cases=(better,))]) == {
        "models": 2,
        "worst_ratio": 0.9,
        "mean_ratio": 0.95,
        "measurement_share": 0.14,
        "wrong_adoptions": 0,
        "below_default": 0,
    }
