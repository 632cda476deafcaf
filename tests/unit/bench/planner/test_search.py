import pytest

from bench.planner.search import HIGHEST, LOWEST, STEP, highest_place, place_of, rate_of


@pytest.mark.parametrize("rate", [0.3, 1.0, 7.7, 100.0, 2500.0])
def test_a_place_is_the_highest_rate_that_is_no_higher(rate: float) -> None:
    place = place_of(rate)

    assert rate_of(place) <= rate * (1 + 1e-9)
    assert rate_of(place) * STEP > rate


@pytest.mark.parametrize("limit", [LOWEST, -3, 0, 41, 60, HIGHEST])
@pytest.mark.parametrize("guess", [LOWEST - 9, 0, 40, 59, 60, 61, 90, HIGHEST + 9])
def test_the_highest_place_is_found_from_any_guess(limit: int, guess: int) -> None:
    asked: list[int] = []

    def keeps(place: int) -> bool:
        asked.append(place)
        return place <= limit

    assert highest_place(keeps, guess) == limit
    assert len(set(asked)) == len(asked), "no place is asked for twice"
    assert all(LOWEST <= place <= HIGHEST for place in asked)


def test_a_good_guess_is_cheap() -> None:
    asked: list[int] = []

    def keeps(place: int) -> bool:
        asked.append(place)
        return place <= 50

    assert highest_place(keeps, 50) == 50
    assert asked == [50, 51]


def test_what_keeps_the_objective_at_no_rate() -> None:
    assert highest_place(lambda place: False, 30) is None
