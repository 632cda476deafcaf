"""What a decision costs: which count as cold, and what is said of many."""

from bench.autoscaling.decision_cost import DecisionCost, Stopwatch, together
from triton_operator.planning.queue_model import tails
from triton_operator.planning.service_curve import ServiceCurve


def test_a_decision_that_solves_a_queue_first_is_cold_and_the_next_is_warm() -> None:
    watch = Stopwatch()
    curve = ServiceCurve(0.0123, 0.00123, 4)

    answers = [watch.time(lambda: tails(curve, 0.25)) for _ in range(3)]

    assert answers[0] is answers[2]
    cost = watch.cost
    assert sum(cost.cold.values()) == 1
    assert sum(cost.warm.values()) == 2
    assert cost.slowest_cold is not None
    assert cost.warm_p99 is not None
    assert cost.slowest_cold > cost.warm_p99


def test_of_many_runs_one_in_a_hundred_is_slower_than_the_p99() -> None:
    many = together([DecisionCost({1.0: 98}, {50.0: 1}), DecisionCost({2.0: 1, 9.0: 1}, {80.0: 1})])

    assert many.line() == {"warm_p99_ms": 2.0, "slowest_cold_ms": 80.0, "warm": 100, "cold": 2}


def test_without_decisions_nothing_is_said() -> None:
    assert DecisionCost().line() == {
        "warm_p99_ms": None,
        "slowest_cold_ms": None,
        "warm": 0,
        "cold": 0,
    }
