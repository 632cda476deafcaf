import pytest

from bench.autoscaling.policies.wva import MeanLatency, mean_latency, rate_at
from bench.autoscaling.replicas import COMPLETED
from bench.autoscaling.setup import Setup
from tests.unit.bench.autoscaling.looks import at, look


@pytest.mark.parametrize(
    ("rate", "milliseconds"),
    [(0.001, 30.0), (20, 42.3), (40, 61.3), (60, 94.9), (65, 109.9), (70, 133.8), (75, 191.5)],
)
def test_mean_of_20_plus_10_b(rate: float, milliseconds: float) -> None:
    assert 1000 * mean_latency(0.020, 0.010, 8, rate) == pytest.approx(milliseconds, abs=0.06)


def test_batches_of_one_are_a_queue_with_a_formula() -> None:
    # M/D/1 at half its capacity of 20/s: 50 ms of service and 25 ms of waiting.
    assert mean_latency(0.0, 0.050, 1, 10.0) == pytest.approx(0.075, rel=1e-6)


def test_the_rate_is_the_inverse_of_the_mean() -> None:
    rate = rate_at(Setup(), 0.0949)

    assert rate == pytest.approx(60.0, abs=0.1)


def test_a_curve_believed_faster_promises_more() -> None:
    assert rate_at(Setup(believed_base=0.85), 0.065) > 1.15 * rate_at(Setup(), 0.065)


def test_up_at_once_and_down_after_five_minutes() -> None:
    policy = MeanLatency(40.0)
    view = look(ready=3)
    view.fleet.seconds[COMPLETED, 0:60] = 400
    view.fleet.seconds[COMPLETED, 60:2000] = 161

    answers = [policy.target(at(view, 60.0 * minute)) for minute in range(1, 8)]

    assert answers == [10, 10, 10, 10, 10, 10, 5]
