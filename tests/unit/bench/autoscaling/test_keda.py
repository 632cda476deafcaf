import pytest

from bench.autoscaling.faults import HalfMissing, NoScrapes, SourceDown
from bench.autoscaling.policies.keda import Keda, Pending, Percentile, RequestsPerSecond
from bench.autoscaling.view import View
from tests.unit.bench.autoscaling.looks import at, look


def test_completions_over_the_threshold() -> None:
    view = at(look(ready=10, per_second=460), 60.0)

    assert RequestsPerSecond(38.0).target(view) == 13


def test_nothing_is_decided_in_the_first_half_minute() -> None:
    assert RequestsPerSecond(38.0).target(at(look(ready=10, per_second=999), 15.0)) == 10


def test_the_gauge_counts_whoever_waits() -> None:
    # Six wait in each of four: 24 over two.
    assert Pending(2.0).target(at(look(ready=4, waiting=6), 60.0)) == 8


def test_few_answers_hold_the_number() -> None:
    assert Percentile(0.15).target(at(look(ready=4), 60.0)) == 4


@pytest.mark.parametrize(
    ("why", "policy", "view", "now", "expected"),
    [
        ("a minute of rates still has samples", RequestsPerSecond(38.0), NoScrapes, 630, 12),
        ("then no data is 0, which is one replica", RequestsPerSecond(38.0), NoScrapes, 661, 1),
        ("a gauge is gone at once", Pending(2.0), NoScrapes, 615, 1),
        ("no percentile is 0", Percentile(0.15), NoScrapes, 661, 1),
        ("half of the pods are half of the rate", RequestsPerSecond(38.0), HalfMissing, 660, 6),
        ("a source that fails is an error: hold", RequestsPerSecond(38.0), SourceDown, 700, 12),
        ("an error of the gauge, too", Pending(2.0), SourceDown, 615, 12),
        ("after the fault there is data again", RequestsPerSecond(38.0), SourceDown, 915, 12),
    ],
)
def test_faults(why: str, policy: Keda, view: type[View], now: int, expected: int) -> None:
    """Twelve replicas at 38/s each; what was wanted before is forgotten, so down is at once."""
    assert policy.target(at(look(view, ready=12, per_second=456), now)) == expected, why


def test_the_lost_scrape_takes_five_minutes_to_remove_everybody() -> None:
    policy = RequestsPerSecond(38.0)
    view = look(NoScrapes, ready=12, per_second=456)

    answers = {now: policy.target(at(view, now)) for now in range(585, 1000, 15)}

    assert next(now for now, answer in answers.items() if answer < 12) == 960
    assert answers[960] == 1
