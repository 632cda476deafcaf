"""How often services are looked at follows how busy the process is."""

from hypothesis import given
from hypothesis import strategies as st

from triton_operator.controllers.pace import LEAST_BUSY, LONGEST_SECONDS, MOST_BUSY, Pace

WANTED = st.floats(0.1, 60.0)
BUSY = st.lists(st.floats(0.0, 4.0), max_size=60)


def after(pace: Pace, busy: list[float], late_seconds: float = 0.0) -> Pace:
    for one in busy:
        pace = pace.after(one, late_seconds)
    return pace


@given(wanted=WANTED, busy=BUSY, late=st.floats(0.0, 100.0))
def test_never_more_often_than_wanted_and_never_less_than_each_quarter_of_a_minute(
    wanted: float, busy: list[float], late: float
) -> None:
    tick = after(Pace.of(wanted), busy, late).tick_seconds

    assert wanted <= tick <= max(LONGEST_SECONDS, wanted)


@given(wanted=st.floats(0.5, 5.0), cost=st.floats(0.0, 8.0), other=st.floats(0.0, 0.3))
def test_it_settles_where_the_process_is_busy_and_not_too_busy(
    wanted: float, cost: float, other: float
) -> None:
    """One round of looks takes `cost` seconds of a core, and everything else `other` of it."""

    def busy(pace: Pace) -> float:
        return other + cost / pace.tick_seconds

    pace = Pace.of(wanted)
    for _ in range(60):
        pace = pace.after(busy(pace), 0.0)

    settled = pace.after(busy(pace), 0.0)
    # Within a step of the bounds, where a slower step overshoots and the next faster one mends it.
    assert busy(settled) <= MOST_BUSY * 1.15 or settled.tick_seconds == LONGEST_SECONDS
    assert busy(settled) >= LEAST_BUSY * 0.75 or settled.tick_seconds == wanted
    assert pace.after((LEAST_BUSY + MOST_BUSY) / 2, 0.0) == pace, "between the bounds it stays"


def test_an_idle_process_comes_back_to_what_is_wanted() -> None:
    slow = after(Pace.of(1.0), [1.0] * 20)

    assert slow.tick_seconds == LONGEST_SECONDS
    assert after(slow, [0.0] * 40).tick_seconds == 1.0


def test_who_is_late_looks_more_seldom_without_being_busy() -> None:
    """Something else has the machine."""
    pace = Pace.of(1.0)

    assert after(pace, [0.1] * 20, late_seconds=20.0).tick_seconds == LONGEST_SECONDS
    assert pace.after(0.1, 0.2) == pace, "a little late is nothing"


def test_nobody_hurries_who_is_still_late() -> None:
    slow = after(Pace.of(1.0), [1.0] * 20)

    assert slow.after(0.0, 0.2) == slow
