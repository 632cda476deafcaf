"""The aims of the planner's benchmark, on figures as it writes them: each is missed by what misses
it and by nothing else, and a wrongly adopted copy alone fails the benchmark."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bench.planner.findings import Case, Rated, Report, aims, exit_code, last_line

MAGIKA = Report(
    name="magika",
    kind="file types, 214 classes",
    samples="files of this machine",
    alone_milliseconds=9.1,
    copy="INT8: agreement 1.000, INT8Dynamic",
    copy_agreement=1.0,
    held_out_agreement=0.997,
    min_agreement=0.99,
    timings=9,
    planner_seconds=172.0,
    sweep_ways=31,
    sweep_runs=152,
    sweep_seconds=1290.0,
    doubtful_runs=3,
    cases=(
        Case(
            28,
            Rated("fp32-1x1-b2", 61.3),
            Rated("fp32-1x1-b2", 61.3),
            Rated("fp32-2xall-b4", 48.6),
            58.0,
        ),
        Case(
            73,
            Rated("int8-1x1-b8", 112.0),
            Rated("int8-1x1-b4", 109.0),
            Rated("fp32-2xall-b4", 82.4),
            104.0,
        ),
    ),
)
DETECTION = replace(
    MAGIKA,
    name="ocr-detection",
    copy="INT8: agreement 0 < 0.99",
    copy_agreement=0.0,
    held_out_agreement=0.0,
    timings=4,
    sweep_runs=64,
    cases=(
        Case(
            240,
            Rated("fp32-1x1-b1", 12.1),
            Rated("fp32-1x1-b1", 12.1),
            Rated("fp32-2xall-b4", 10.8),
            11.9,
        ),
        # Nothing keeps it: no ratio, and no aim is missed by it.
        Case(80, Rated("fp32-1x1-b1", 0), Rated("fp32-1x1-b1", 0), Rated("fp32-2xall-b4", 0), 0),
    ),
)


def with_case(**changes: Rated) -> Callable[[Report], Report]:
    """The first case is otherwise."""
    return lambda report: replace(
        report, cases=(replace(report.cases[0], **changes), *report.cases[1:])
    )


RATIO, SHARE, DEFAULTS, ADOPTED, MISSED = range(5)


@pytest.mark.parametrize(
    ("why", "changed", "missed", "code"),
    [
        ("as recorded", lambda one: one, set(), 0),
        (
            "93 % of the best",
            with_case(best=Rated("fp32-1x1-b4", 65.9)),
            {RATIO},
            0,
        ),
        ("a tenth of the sweep and more", lambda one: replace(one, timings=16), {SHARE}, 0),
        (
            "Triton's defaults do more",
            with_case(default=Rated("fp32-2xall-b4", 69.0)),
            {RATIO, DEFAULTS},
            0,
        ),
        (
            "a copy that differs is adopted",
            lambda one: replace(one, held_out_agreement=0.98),
            {ADOPTED},
            1,
        ),
        (
            "a copy that is slower is adopted",
            with_case(planner=Rated("int8-1x1-b2", 57.0)),
            {RATIO, ADOPTED},
            1,
        ),
        (
            "a copy that pays is not adopted",
            with_case(best=Rated("int8-1x1-b4", 80.0)),
            {RATIO, MISSED},
            0,
        ),
    ],
)
def test_each_aim_is_missed_by_what_misses_it(
    why: str, changed: Callable[[Report], Report], missed: set[int], code: int
) -> None:
    reports = [DETECTION, changed(MAGIKA)]

    assert {place for place, aim in enumerate(aims(reports)) if not aim.met} == missed, why
    assert exit_code(reports, []) == code, why


def test_the_worst_model_is_told_and_not_the_mean() -> None:
    line = last_line([MAGIKA, DETECTION])

    assert line["measurement_share"] == round(4 / 64, 3)
    assert line["worst_ratio"] == round(109 / 112, 3)
    texts = [aim.result for aim in aims([MAGIKA, DETECTION])]
    assert texts[RATIO] == "3 of 3, worst 0.973"
    assert texts[SHARE] == "2 of 2, worst 0.062"


def test_what_could_not_be_tried_fails_it() -> None:
    assert exit_code([MAGIKA], ["minilm: no file"]) == 1
    assert exit_code([], []) == 1
    assert aims([]) == []
