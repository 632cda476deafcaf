"""The three states, and every way between them."""

import pytest

from triton_operator.client.breaker import Breaker, BreakerSettings, BreakerState

SETTINGS = BreakerSettings(
    silences_to_open=3, open_seconds=2.0, longest_open_seconds=10.0, jitter=0.5
)
CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


def silent(breaker: Breaker, now: float, times: int = 1, chance: float = 0.0) -> Breaker:
    for _ in range(times):
        breaker = breaker.silent(now, chance, SETTINGS)
    return breaker


def test_silences_in_a_row_open_it() -> None:
    two = silent(Breaker(), 100.0, 2)
    assert two.state(100.0) is CLOSED
    assert silent(two.answered(), 100.0, 2).state(100.0) is CLOSED, "not in a row"
    assert silent(two, 100.0).state(100.0) is OPEN


def test_after_a_while_one_request_finds_out() -> None:
    breaker = silent(Breaker(), 100.0, 3)

    assert not breaker.admits(101.9)
    assert breaker.state(102.0) is HALF_OPEN
    assert breaker.admits(102.0)
    probing = breaker.begun(102.0, 0.7)
    assert not probing.admits(102.6), "one at a time"
    assert probing.admits(102.7), "its caller is gone, and never said what became of it"


def test_an_answer_closes_it() -> None:
    breaker = silent(Breaker(), 100.0, 3).begun(103.0, 1.0).answered()

    assert breaker.state(103.0) is CLOSED
    assert silent(breaker, 104.0, 2).state(104.0) is CLOSED, "it begins anew"


def test_silence_when_half_open_doubles_the_pause() -> None:
    breaker, now, pauses = silent(Breaker(), 0.0, 3), 0.0, []
    for _ in range(5):
        pauses.append(breaker.open_until - now)
        now = breaker.open_until
        breaker = silent(breaker.begun(now, 1.0), now)
        assert breaker.state(now) is OPEN, "one is enough"

    assert pauses == [2.0, 4.0, 8.0, 10.0, 10.0]


def test_what_ends_in_silence_while_it_is_open_says_nothing_new() -> None:
    breaker = silent(Breaker(), 100.0, 3)

    assert silent(breaker, 101.0, 20).open_until == breaker.open_until


@pytest.mark.parametrize(("chance", "until"), [(0.0, 102.0), (0.5, 102.5), (0.999, 102.999)])
def test_clients_do_not_come_back_at_once(chance: float, until: float) -> None:
    assert silent(Breaker(), 100.0, 3, chance).open_until == pytest.approx(until)


def test_a_request_to_a_closed_one_is_no_probe() -> None:
    breaker = Breaker().begun(100.0, 60.0)

    assert silent(breaker, 100.0, 3).admits(102.0)
