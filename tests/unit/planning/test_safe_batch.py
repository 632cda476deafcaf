"""The batch with the highest safe rate, and what it was compared with."""

from itertools import pairwise

import pytest

from triton_operator.planning.measured_curve import MeasuredCurve, curve_through
from triton_operator.planning.queue_model import percentile_seconds, safe_rate
from triton_operator.planning.safe_batch import candidate_sizes, kept_seconds, safe_batch
from triton_operator.planning.service_curve import ServiceCurve


def straight(*sizes: int) -> MeasuredCurve:
    """S(b) = 20 + 10 b ms."""
    curve = curve_through(((size, 20 + 10 * size) for size in sizes), sizes[-1], 1)
    assert curve is not None
    return curve


EVERY = tuple(range(1, 9))
DOUBLED = (1, 2, 4, 8, 16, 32)


@pytest.mark.parametrize(
    ("milliseconds", "rule_of_thumb", "best"),
    [(120, 3, 6), (150, 5, 7)],
)
def test_the_queue_model_and_not_the_rule_of_two_batches(
    milliseconds: int, rule_of_thumb: int, best: int
) -> None:
    curve, seconds = straight(*EVERY), milliseconds / 1000

    found = safe_batch(curve, EVERY, seconds, 0.99)

    assert found.best.size == best
    ruled = safe_rate(ServiceCurve(0.020, 0.010, rule_of_thumb), seconds, 0.99)
    assert found.best.rate > 1.02 * ruled


def test_the_rates_are_those_of_the_autoscalers_model() -> None:
    found = safe_batch(straight(*EVERY), EVERY, 0.25, 0.99)

    expected = safe_rate(ServiceCurve(0.020, 0.010, 8), 0.25, 0.99)
    assert found.best.rate == pytest.approx(expected, rel=0.005)
    assert found.runner_up is not None
    assert found.runner_up.size == 7
    assert found.runner_up.rate < found.best.rate


def test_of_sizes_that_do_the_same_the_smallest_is_taken() -> None:
    sizes = (1, 2, 4, 8, 12, 16, 32, 64)

    found = safe_batch(straight(*sizes), sizes, 0.15, 0.99)

    assert found.best.size == 8
    assert found.runner_up is not None
    assert found.runner_up.rate <= 1.01 * found.best.rate


def test_a_step_in_the_curve_is_seen() -> None:
    # A line through these says that a batch of 16 takes 2.1 ms, and the smaller ones less.
    curve = curve_through({1: 0.335, 2: 0.439, 4: 0.809, 8: 1.635, 16: 1.763}.items(), 16, 1)
    assert curve is not None

    found = safe_batch(curve, (1, 2, 4, 8, 16), 0.005, 0.99)

    assert found.best.size == 16
    assert found.runner_up is not None
    assert found.runner_up.rate < 0.6 * found.best.rate


@pytest.mark.parametrize(
    ("milliseconds", "most_rate"),
    [
        ({1: 30, 2: 36, 4: 48, 8: 72, 16: 120}, 57.2),
        ({1: 30, 2: 40, 4: 60, 8: 100, 16: 180}, 30),
        ({1: 0.12, 2: 0.14, 4: 0.18, 8: 0.26, 16: 0.42}, 3600),
        ({1: 10, 2: 12, 4: 16, 8: 24, 16: 90, 32: 100}, 150),
    ],
    ids=["flat", "steep", "short", "a step"],
)
def test_a_bound_by_the_server_is_no_reason_for_smaller_batches(
    milliseconds: dict[int, float], most_rate: float
) -> None:
    """Where the server does no more than a smaller batch would: at that rate it is later, and never
    sooner by more than the queue model knows."""
    curve = curve_through(milliseconds.items(), max(milliseconds), 1)
    assert curve is not None
    chosen = safe_batch(curve, tuple(milliseconds), 0.25, 0.99).best
    as_fast = [
        size
        for size in milliseconds
        if size < chosen.size and safe_rate(curve.up_to(size), 0.25, 0.99) >= most_rate
    ]
    late = {
        size: percentile_seconds(curve.up_to(size), most_rate, 0.99)
        for size in (*as_fast, chosen.size)
    }

    assert chosen.rate > most_rate
    assert as_fast, "or there would be nothing to choose"
    assert late[chosen.size] <= 1.01 * min(late.values())
    assert late[as_fast[0]] > 1.2 * late[chosen.size]


@pytest.mark.parametrize(
    ("curve", "most", "milliseconds", "sizes", "why"),
    [
        (straight(*DOUBLED), 4096, 1000, (1, 2, 4, 8, 16, 32), "what was measured"),
        (straight(*DOUBLED), 6, 1000, (1, 2, 4, 6), "a bound between two sizes counts"),
        (straight(*DOUBLED), 8, 1000, (1, 2, 4, 8), "a bound that was measured"),
        (straight(*DOUBLED), 1, 1000, (1,), "no batches"),
        (straight(*DOUBLED), 4096, 90, (1, 2, 4, 6), "8 is late by itself, 7 often"),
        (straight(*DOUBLED), 4096, 30, (1,), "only a request that is alone is in time"),
        (straight(4, 8), 4096, 1000, (4, 8), "nothing below what was measured"),
        (straight(4, 8), 2, 1000, (2,), "but the bound holds"),
    ],
)
def test_sizes_worth_asking_for(
    curve: MeasuredCurve, most: int, milliseconds: int, sizes: tuple[int, ...], why: str
) -> None:
    assert candidate_sizes(curve, most, milliseconds / 1000) == sizes, why


def test_of_many_sizes_some_are_asked_for_and_those_about_two_batches_among_them() -> None:
    curve = straight(*range(1, 257, 8))

    # 2 * S(b) is 1 s at 48: 41 is the last size below, 49 the first above.
    sizes = candidate_sizes(curve, 4096, 1.0)

    assert sizes[0] == 1
    assert sizes[-1] == 88, "where 0.9 of the objective cuts"
    assert sizes == (1, 9, 17, 25, 33, 41, 49, 57, 65, 73, 81, 88), "twelve are few enough"

    thinned = candidate_sizes(curve, 4096, 3.0)
    assert len(thinned) == 12
    assert (thinned[0], thinned[-1]) == (1, 249)
    assert {145, 153} <= set(thinned), "2 * S(b) is 3 s at 148"
    steps = [high - low for low, high in pairwise(thinned)]
    assert max(steps) <= 48
    assert len(set(thinned)) == 12


def test_thinned_sizes_cost_hardly_any_rate() -> None:
    sizes = tuple(range(1, 33))
    curve = straight(*sizes)

    few = safe_batch(curve, candidate_sizes(curve, 4096, 0.45), 0.45, 0.99)

    assert few.best.rate >= 0.99 * safe_batch(curve, sizes, 0.45, 0.99).best.rate


def test_what_cannot_keep_the_objective_is_chosen_for_twice_a_lone_request() -> None:
    curve = straight(*EVERY)
    kept = kept_seconds(curve, 0.025)

    found = safe_batch(curve, candidate_sizes(curve, 8, kept), kept, 0.99, feasible=False)

    assert kept == pytest.approx(0.060)
    assert not found.feasible
    assert found.best.rate > 0
    assert kept_seconds(curve, 0.030) == pytest.approx(0.030)
