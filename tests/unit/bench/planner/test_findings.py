from dataclasses import replace

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


def test_an_objective_that_nothing_keeps_has_no_ratio() -> None:
    nothing = replace(CASE, best=Rated("a", 0), planner=Rated("a", 0), default=Rated("b", 0))

    assert nothing.ratio is None
    assert not nothing.below_default
    assert last_line([replace(REPORT, cases=(nothing, CASE))])["worst_ratio"] == 0.9


def test_below_the_defaults_by_more_than_a_step() -> None:
    assert replace(CASE, default=Rated("d", 90 * STEP**2)).below_default
    assert not replace(CASE, default=Rated("d", 90 * STEP)).below_default


@pytest.mark.parametrize(
    ("why", "best", "planner", "wrong", "missed"),
    [
        ("both FP32", Rated("fp32-a", 100), Rated("fp32-b", 90), False, False),
        ("the copy is best, and adopted", Rated("int8-a", 100), Rated("int8-b", 70), False, False),
        ("a slower copy", Rated("fp32-a", 100), Rated("int8-b", 80), True, False),
        ("slower within noise", Rated("fp32-a", 100), Rated("int8-b", 96), False, False),
        ("a copy that pays", Rated("int8-a", 130), Rated("fp32-b", 100), False, True),
        ("one that pays too little", Rated("int8-a", 108), Rated("fp32-b", 100), False, False),
    ],
)
def test_adoptions(why: str, best: Rated, planner: Rated, wrong: bool, missed: bool) -> None:
    case = replace(CASE, best=best, planner=planner)

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
