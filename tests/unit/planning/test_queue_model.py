"""The law of latency, against values from a simulation and against what must hold of any queue."""

import math

import numpy as np
import pytest

from triton_operator.planning import queue_model
from triton_operator.planning.arrival_counts import counts
from triton_operator.planning.queue_model import (
    percentile_seconds,
    safe_rate,
    tail,
    tails,
)
from triton_operator.planning.service_curve import ServiceCurve

EXAMPLE = ServiceCurve(0.020, 0.010, 8)


@pytest.mark.parametrize(
    ("rate", "simulated_milliseconds"),
    [(20, 84.1), (40, 128.6), (60, 215.0), (65, 249), (70, 317), (75, 532)],
)
def test_the_99th_percentile_is_that_of_a_simulation(
    rate: float, simulated_milliseconds: float
) -> None:
    """60,000 arrivals with 5 % noise in the service time: within 4 %."""
    assert 1000 * percentile_seconds(EXAMPLE, rate, 0.99) == pytest.approx(
        simulated_milliseconds, rel=0.04
    )


@pytest.mark.parametrize(
    ("largest", "objective", "rate"),
    [
        (8, 0.250, 65.0),
        (5, 0.150, 45.8),
        (7, 0.150, 47.4),
        (3, 0.120, 32.9),
        (6, 0.120, 37.5),
    ],
    ids=["example", "rule of two batches", "best at 150 ms", "rule at 120 ms", "best at 120 ms"],
)
def test_the_safe_rate_is_the_known_one(largest: int, objective: float, rate: float) -> None:
    curve = ServiceCurve(0.020, 0.010, largest)

    assert safe_rate(curve, objective, 0.99) == pytest.approx(rate, rel=0.01)


def test_a_lone_request_that_is_too_slow_has_no_safe_rate() -> None:
    assert safe_rate(EXAMPLE, 0.029, 0.99) == 0.0
    assert tail(EXAMPLE, 1.0, 0.029) == 1.0


def test_nearly_no_load_takes_one_batch_of_one() -> None:
    assert percentile_seconds(EXAMPLE, 0.01, 0.5) == pytest.approx(EXAMPLE.seconds(1), rel=1e-3)


def test_more_load_more_dispersion_and_less_time_never_help() -> None:
    rates = np.linspace(1, 79, 14)
    shares = [tail(EXAMPLE, rate, 0.2) for rate in rates]

    assert shares == sorted(shares)
    assert safe_rate(EXAMPLE, 0.25, 0.99, 2.0) < safe_rate(EXAMPLE, 0.25, 0.99, 1.5)
    assert safe_rate(EXAMPLE, 0.25, 0.99, 1.5) < safe_rate(EXAMPLE, 0.25, 0.99)
    assert safe_rate(EXAMPLE, 0.20, 0.99) < safe_rate(EXAMPLE, 0.25, 0.99)
    assert safe_rate(EXAMPLE, 0.25, 0.999) < safe_rate(EXAMPLE, 0.25, 0.99)


def test_an_overloaded_replica_is_late_with_everything() -> None:
    assert tail(EXAMPLE, EXAMPLE.capacity, 10.0) == 1.0
    assert percentile_seconds(EXAMPLE, 1.01 * EXAMPLE.capacity, 0.99) == math.inf


def test_two_instances_are_two_replicas_of_half_the_rate() -> None:
    twice = ServiceCurve(0.020, 0.010, 8, instances=2)

    assert safe_rate(twice, 0.25, 0.99) == pytest.approx(
        2 * safe_rate(EXAMPLE, 0.25, 0.99), rel=0.02
    )


def test_a_batch_of_one_is_a_queue_without_batching() -> None:
    """M/D/1: P(wait = 0) is 1 - load, and only who does not wait is done in one service time."""
    single = ServiceCurve(0.010, 0.0, 1)

    assert tail(single, 50.0, 0.0101) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("dispersion", [1.0, 1.5, 4.0])
@pytest.mark.parametrize("mean", [0.3, 5.0, 40.0])
def test_counts_have_their_mean_and_their_variance(mean: float, dispersion: float) -> None:
    law = counts(mean, dispersion, 600)
    numbers = np.arange(600)

    assert law.sum() == pytest.approx(1.0)
    assert (law * numbers).sum() == pytest.approx(mean)
    assert (law * (numbers - mean) ** 2).sum() == pytest.approx(dispersion * mean)


def test_the_table_rises_to_certainty_at_the_capacity() -> None:
    rates, shares = tails(EXAMPLE, 0.25)

    assert list(rates) == sorted(rates)
    assert list(shares) == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("curve", "objective"),
    [
        (ServiceCurve(0.005, 0.0005, 64), 0.05),
        (ServiceCurve(0.002, 0.001, 64), 0.12),
        (ServiceCurve(0.02, 0.002, 128), 0.4),
        (ServiceCurve(0.002, 0.0001, 256), 0.035),
        (ServiceCurve(0.02, 0.0001, 1024), 0.075),
    ],
    ids=lambda value: str(value),
)
def test_states_that_lie_apart_say_what_all_of_them_say(
    curve: ServiceCurve, objective: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = [part * curve.capacity for part in (0.5, 0.9, 0.95)]
    coarse = [tail(curve, rate, objective) for rate in rates]
    with monkeypatch.context() as exact:
        exact.setattr(queue_model, "EVERY_SIZE", 10_000)
        fine = [tail(curve, rate, objective) for rate in rates]

    assert coarse == pytest.approx(fine, rel=0.04, abs=0.001)


@pytest.mark.parametrize("largest", [2048, 4096])
@pytest.mark.parametrize("dispersion", [1.0, 4.0])
def test_the_largest_batches_have_a_law_too(largest: int, dispersion: float) -> None:
    """No length of a queue is too long for the tables of the law."""
    curve = ServiceCurve(0.02, 0.4 / largest, largest)
    shares = [tail(curve, part * curve.capacity, 0.42, dispersion) for part in (0.2, 0.94, 0.96)]

    assert shares[0] == pytest.approx(0.0, abs=1e-6)
    assert shares[0] <= shares[1] < shares[2]
    assert shares[-1] > 0.01
    assert safe_rate(curve, 0.9, 0.99, dispersion) > 0.9 * curve.capacity


@pytest.mark.parametrize("largest", [64, 128, 256, 1024, 4096])
def test_large_batches_and_fast_curves_have_few_states(largest: int) -> None:
    """Solving takes their cube: 300 states take milliseconds."""
    longest = 2 * largest + 2 + queue_model.LONGEST_QUEUE

    states = queue_model._states(longest, largest)

    assert len(states) < 300
    assert largest in states
    assert (states[0], states[-1]) == (0, longest)
    assert (np.diff(states) > 0).all()
