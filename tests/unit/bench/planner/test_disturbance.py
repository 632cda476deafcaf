import os

import pytest

from bench.planner.disturbance import (
    Scheduled,
    is_disturbed,
    own_share,
    scheduled,
    share_of_others,
    waited_for_others,
)


@pytest.mark.parametrize(
    ("why", "waited", "threads", "cores", "expected"),
    [
        ("one thread waits for nobody of its own", 2.0, 1, 1, 0.25),
        ("two on one core wait for each other as long as they run", 8.0, 2, 1, 0.25),
        ("less than that is no time of others", 5.0, 2, 1, 0.0),
        ("two on two cores need not wait", 2.0, 2, 2, 0.25),
        ("nobody waited", 0.0, 1, 1, 0.0),
    ],
)
def test_waiting_for_others(
    why: str, waited: float, threads: int, cores: int, expected: float
) -> None:
    before, after = Scheduled(100.0, 50.0), Scheduled(106.0, 50.0 + waited)

    assert waited_for_others(before, after, threads, cores) == pytest.approx(expected), why


@pytest.mark.parametrize(
    ("why", "waited", "others", "behind", "expected"),
    [
        ("all its own", 0.0, 0.0, 0.0, False),
        ("its threads waited, and others ran", 0.2, 0.1, 0.0, True),
        ("its threads waited for each other", 0.2, 0.03, 0.0, False),
        ("its threads waited, and nobody knows for whom", 0.2, None, 0.0, True),
        ("others ran where it was idle", 0.1, 0.3, 0.0, False),
        ("requests were sent late", 0.0, 0.0, 0.2, True),
    ],
)
def test_a_run_that_says_nothing(
    why: str, waited: float, others: float | None, behind: float, expected: bool
) -> None:
    assert is_disturbed(waited, others, behind) is expected, why


@pytest.mark.parametrize(
    ("why", "by_all", "expected"),
    [
        ("nobody else ran", 6.0, 0.0),
        ("others had a quarter of two cores", 11.0, 0.25),
        ("the kernel does not tell", None, None),
    ],
)
def test_what_others_had(why: str, by_all: float | None, expected: float | None) -> None:
    before = Scheduled(100.0, 0.0, None if by_all is None else 200.0)
    after = Scheduled(106.0, 0.0, None if by_all is None else 200.0 + by_all)

    assert share_of_others(before, after, 10.0, 2) == expected, why


def test_this_session_has_run() -> None:
    cores = [min(os.sched_getaffinity(0))]
    before = scheduled(os.getsid(0), cores)
    share = own_share(cores)
    after = scheduled(os.getsid(0), cores)

    assert 0 < share <= 1.01
    assert after.ran > before.ran > 0
