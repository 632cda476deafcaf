from dataclasses import replace

import pytest

from bench.hub.figures import Figures
from bench.hub.options import Options

KEPT = Figures(
    members=500,
    join_seconds=40.0,
    change_p50_seconds=6.0,
    change_p99_seconds=8.0,
    change_all_seconds=9.0,
    with_dead_p99_seconds=8.0,
    hub_cores=0.6,
    rest_cores=0.2,
    peak_rss_mib=200.0,
    rest_writes_per_minute=502.0,
)


def test_what_is_promised_is_not_missed() -> None:
    assert list(KEPT.missed()) == []


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (replace(KEPT, change_all_seconds=30.0), "30.0 s"),
        (replace(KEPT, hub_cores=1.0), "1.00 cores"),
        (replace(KEPT, with_dead_p99_seconds=16.0), "2.00 times"),
    ],
)
def test_each_promise_that_is_not_kept_is_said(bad: Figures, said: str) -> None:
    (missed,) = bad.missed()

    assert said in missed


def test_less_than_the_time_between_two_decisions_is_no_delay() -> None:
    short = replace(KEPT, change_p99_seconds=1.0, with_dead_p99_seconds=1.9)

    assert list(short.missed()) == []


def test_a_count_stays_whole_and_times_are_rounded() -> None:
    line = replace(KEPT, change_p50_seconds=1.23456).line()

    assert (line["members"], line["change_p50_seconds"]) == (500, 1.235)


def test_somebody_has_to_be_left_to_be_measured() -> None:
    with pytest.raises(ValueError, match="too few"):
        Options(members=23)
