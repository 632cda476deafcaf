import numpy as np
import pytest

from bench.autoscaling.replicas import (
    ANSWERED,
    AREA,
    ARRIVED,
    ASIDE,
    COMPLETED,
    DONE,
    EXECUTIONS,
    FAILED,
    HELD,
    MISSED,
    QUEUED_SECONDS,
    READY,
    READY_AT,
    REJECTED,
    STARTING,
    STATE,
    Fleet,
    new_fleet,
    run,
    seed,
)
from bench.autoscaling.setup import Setup


def played(setup: Setup, arrivals: list[float], *, ready_at: float = 0.0) -> Fleet:
    """One replica, ready then, until second 10."""
    fleet = new_fleet(1, 10, 1)
    fleet.counts[0, STATE] = STARTING if ready_at else READY
    fleet.numbers[0, READY_AT] = ready_at
    seed(0)
    run(fleet, setup.curve(), np.array(arrivals), 0, 10.0, setup.balancing)
    return fleet


def test_who_comes_during_a_batch_is_in_the_next_one() -> None:
    # 30 ms for the first alone, then 40 ms for two who waited 20 and 10 ms.
    fleet = played(Setup(noise=0.0), [1.00, 1.01, 1.02])

    assert fleet.counts[0, [DONE, EXECUTIONS]].tolist() == [3, 2]
    assert fleet.numbers[0, QUEUED_SECONDS] == pytest.approx(0.020 + 0.010)
    # Latencies of 30, 60 and 50 ms: what is held, integrated.
    assert fleet.numbers[0, AREA] == pytest.approx(0.030 + 0.060 + 0.050)
    assert fleet.seconds[[ARRIVED, COMPLETED, ANSWERED, MISSED], 1].tolist() == [3, 3, 3, 0]


@pytest.mark.parametrize(
    ("why", "objective", "missed"),
    [("60 ms are too many", 0.055, 1), ("60 and 50 ms are", 0.045, 2), ("none are", 0.065, 0)],
)
def test_misses(why: str, objective: float, missed: int) -> None:
    fleet = played(Setup(noise=0.0, objective=objective), [1.00, 1.01, 1.02])

    assert fleet.by_second(MISSED)[1] == missed, why


def test_nobody_is_ready_yet() -> None:
    # Two waited in front from 1.0 and 1.5 until 3.0; the first goes alone, as it is let in first.
    fleet = played(Setup(noise=0.0), [1.0, 1.5], ready_at=3.0)

    assert fleet.counts[0, DONE] == 2
    assert fleet.numbers[0, QUEUED_SECONDS] == pytest.approx(2.0 + 1.53)
    assert fleet.by_second(MISSED)[1] == 2


def test_who_is_put_aside_works_off_its_queue_and_gets_nothing_new() -> None:
    setup = Setup(noise=0.0)
    fleet = new_fleet(2, 10, 1)
    fleet.counts[:, STATE] = READY
    arrivals = np.arange(1.0, 3.0, 0.01)
    seed(0)
    place = run(fleet, setup.curve(), arrivals, 0, 2.0, setup.balancing)
    had = int(fleet.counts[0, DONE] + fleet.counts[0, HELD])
    fleet.counts[0, STATE] = ASIDE
    run(fleet, setup.curve(), arrivals, place, 10.0, setup.balancing)

    assert 0 < had < 100
    assert fleet.counts[:, DONE].tolist() == [had, 200 - had]


def test_who_waited_too_long_to_be_in_time_is_rejected() -> None:
    # A batch of eight takes 100 ms of 250: after 150 ms of waiting it is too late.
    fleet = played(Setup(noise=0.0, rejects=True), [1.0, 2.9], ready_at=3.0)

    assert fleet.counts[0, [DONE, FAILED]].tolist() == [1, 1]
    assert fleet.by_second(REJECTED)[3] == 1
    assert fleet.seconds[[MISSED, ANSWERED], 1].tolist() == [1, 1]
    assert fleet.by_second(MISSED)[2] == 0
