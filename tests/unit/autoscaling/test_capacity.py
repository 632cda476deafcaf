"""How fast replicas really are: learnt from queues and latencies, and from nothing else."""

import numpy as np
import pytest

from triton_operator.autoscaling.capacity import (
    LEAST_PART,
    TOLD_APART,
    with_service,
    without_part,
)
from triton_operator.autoscaling.demand import with_traffic
from triton_operator.autoscaling.economy import replica_model
from triton_operator.autoscaling.observation import Observation, Served, Traffic
from triton_operator.autoscaling.state import ScalingState
from triton_operator.planning.service_curve import ServiceCurve

CURVE = ServiceCurve(0.020, 0.010, 8)
MODEL = replica_model(CURVE, 0.25, 0.99)


def served(
    state: ScalingState,
    seconds: int,
    rate: float,
    late: float = 0.0,
    ready: int = 4,
    queues: tuple[tuple[float, float], ...] = (),
    start: float = 1000.0,
    histogram: bool = True,
) -> ScalingState:
    """A second after another of `rate` requests/s; a part of the answers is late.

    `queues` are replicas with a queue: (answers/s, waiting).
    """
    answers_told = (rate, rate * (1 - late)) if histogram else (None, None)
    for second in range(seconds):
        replicas = tuple(Served(1.0, answers, waiting, waiting) for answers, waiting in queues)
        traffic = Traffic(1.0, rate, *answers_told, replicas)
        seen = Observation(
            now=start + second,
            ready=ready,
            traffic=traffic,
            pending=sum(waiting for _, waiting in queues),
            reporting=ready,
            curve=CURVE,
        )
        state = with_traffic(state, seen.now, traffic)
        state = with_service(state, seen, MODEL, 0.01)
    return state


def test_replicas_that_keep_the_objective_do_what_their_curve_says() -> None:
    assert served(ScalingState(), 300, 4 * 60.0, late=0.004).part == 1.0


def test_a_lasting_queue_tells_the_capacity_within_seconds() -> None:
    state = served(ScalingState(), 12, 4 * 60.0, queues=((0.66 * MODEL.capacity, 100.0),))

    assert state.part == pytest.approx(0.66, abs=0.01)


def test_a_queue_that_is_served_as_fast_as_it_should_says_nothing() -> None:
    state = served(ScalingState(), 60, 4 * 120.0, late=1.0, queues=((80.0, 900.0),) * 4)

    assert state.part == 1.0


def test_a_short_queue_is_no_proof_of_being_busy() -> None:
    state = served(ScalingState(), 60, 4 * 40.0, queues=((40.0, 12.0),) * 4)

    assert state.part == 1.0


def test_late_answers_without_a_queue_lower_the_capacity() -> None:
    state = served(ScalingState(), 200, 4 * 50.0, late=0.05)

    share = float(MODEL.missed(np.array([50.0 / state.part]))[0])
    assert LEAST_PART < state.part < TOLD_APART
    assert 0.01 < share < 0.05


def test_late_answers_of_a_step_are_not_the_replicas_fault() -> None:
    state = served(ScalingState(), 60, 4 * 50.0)
    state = served(state, 12, 4 * 200.0, late=1.0, queues=((80.0, 2000.0),) * 4, start=1060.0)
    state = served(state, 5, 4 * 50.0, late=1.0, start=1072.0)
    state = served(state, 120, 4 * 50.0, start=1077.0)

    assert state.part == 1.0


def test_too_few_answers_prove_nothing() -> None:
    assert served(ScalingState(), 110, 2.0, late=0.5).part == 1.0


def test_what_was_believed_too_slow_recovers_slowly() -> None:
    slow = served(ScalingState(), 12, 4 * 40.0, queues=((0.66 * MODEL.capacity, 100.0),))

    soon = served(slow, 60, 4 * 43.0, start=1060.0)
    later = served(slow, 1200, 4 * 43.0, start=1060.0)

    assert slow.part <= soon.part < slow.part + 0.02
    assert later.part > slow.part + 0.08


def test_however_slow_they_are_the_part_has_a_bound() -> None:
    assert served(ScalingState(), 60, 200.0, queues=((1.0, 100.0),)).part == LEAST_PART


def test_without_a_histogram_only_queues_tell() -> None:
    seen = Observation(now=1.0, ready=1, traffic=Traffic(1.0, 50.0), curve=CURVE)
    state = with_service(with_traffic(ScalingState(), 1.0, Traffic(1.0, 50.0)), seen, MODEL, 0.01)

    assert state.part == 1.0
    assert state.answers == ()


@pytest.mark.parametrize(("rate", "histogram"), [(4 * 43.0, False), (2.0, True)])
def test_where_latencies_say_nothing_the_part_recovers_too(rate: float, histogram: bool) -> None:
    slow = served(ScalingState(), 12, 4 * 40.0, queues=((0.66 * MODEL.capacity, 100.0),))

    later = served(slow, 1200, rate, start=1060.0, histogram=histogram)
    at_last = served(later, 1200, rate, start=2260.0, histogram=histogram)

    assert slow.part + 0.15 < later.part < slow.part + 0.21
    assert at_last.part == 1.0


def test_where_latencies_say_nothing_a_queue_holds_the_part_down() -> None:
    queues = ((0.66 * MODEL.capacity, 100.0),)
    state = served(ScalingState(), 600, 4 * 43.0, queues=queues, histogram=False)

    assert state.part == pytest.approx(0.66, abs=0.01)


def test_of_another_model_nothing_is_known_yet() -> None:
    queued = served(ScalingState(), 60, 4 * 40.0, queues=((0.66 * MODEL.capacity, 100.0),))
    late = served(queued, 60, 4 * 43.0, late=0.05, start=1060.0)

    fresh = without_part(late)

    assert late.part < 1.0
    assert served(fresh, 12, 4 * 40.0, start=1120.0).part == 1.0
    assert (fresh.busy, fresh.answers) == ((), ())
    assert fresh.rates == late.rates, "demand is what it was"


def test_an_interval_that_is_told_again_counts_once() -> None:
    """Prometheus has news every 15 s and is asked every second."""
    state = ScalingState()
    for second in range(40):
        until = 900.0 + second // 15 * 15
        replicas = tuple(Served(15.0, 15 * 40.0, 900.0, 900.0, until + pod) for pod in range(2))
        traffic = Traffic(1.0, 80.0, replicas=replicas)
        now = 1000.0 + second
        seen = Observation(now=now, ready=2, traffic=traffic, reporting=2, curve=CURVE)
        state = with_service(with_traffic(state, now, traffic), seen, MODEL, 0.01)

    assert sum(row[1] for row in state.busy) <= 2 * 30.0
    assert state.part == pytest.approx(40.0 / MODEL.capacity)
