"""The time from an order to a ready replica, by what starts have shown."""

import pytest

from triton_operator.autoscaling.lead_memory import (
    KEPT_STARTS,
    PRIOR_SECONDS,
    LeadMemory,
    Start,
    lead_seconds,
    with_start,
)


def after(*seconds: float) -> LeadMemory:
    memory = LeadMemory()
    for number, one in enumerate(seconds):
        memory = with_start(memory, f"pod-{number}", one)
    return memory


@pytest.mark.parametrize(
    ("starts", "pool", "expected", "why"),
    [
        ((), None, PRIOR_SECONDS, "nothing seen: a guess"),
        ((), 240, 240, "nothing seen: the pool knows better"),
        ((19.0,), 240, 19.0, "one start is more than any guess"),
        ((10.0, 20.0), None, 19.0, "nine tenths of the way"),
        (tuple(range(1, 12)), None, 10.0, "nine of ten"),
        ((20.0,) * 19 + (300.0,), None, 20.0, "one in twenty is no rule"),
        ((20.0,) * 17 + (300.0,) * 3, None, 300.0, "three in twenty are"),
        ((300.0,) * 30 + (20.0,) * KEPT_STARTS, None, 20.0, "what is long ago is forgotten"),
    ],
)
def test_the_lead_is_what_nine_of_ten_starts_keep(
    starts: tuple[float, ...], pool: float | None, expected: float, why: str
) -> None:
    assert lead_seconds(after(*starts), pool) == pytest.approx(expected), why


def test_a_pod_starts_once_however_often_it_is_seen_ready() -> None:
    memory = with_start(with_start(LeadMemory(), "a", 20.0), "a", 500.0)

    assert memory == LeadMemory((Start("a", 20.0),))


@pytest.mark.parametrize("seconds", [-1.0, 0.0, float("nan"), float("inf"), 1800.1, 7200.0])
def test_a_time_that_is_no_start_is_left_out(seconds: float) -> None:
    assert with_start(LeadMemory(), "a", seconds) == LeadMemory()


def test_a_slow_start_is_one() -> None:
    assert lead_seconds(with_start(LeadMemory(), "a", 1800.0)) == 1800.0
