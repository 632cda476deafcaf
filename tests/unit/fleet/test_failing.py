"""A cluster of which more requests fail with a change than without it, or by chance."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triton_operator.fleet.failing import Errors, failing

NONE: list[Errors] = []
FINE = Errors(1000, 1)


@pytest.mark.parametrize(
    ("now", "before", "others", "fails"),
    [
        pytest.param(Errors(1000, 200), FINE, NONE, True, id="a fifth, and none before"),
        pytest.param(Errors(1000, 0), FINE, NONE, False, id="none"),
        pytest.param(Errors(10_000, 100), FINE, NONE, False, id="less than a point more"),
        pytest.param(Errors(10_000, 170), FINE, NONE, True, id="1.7 % of many"),
        pytest.param(Errors(100, 2), FINE, NONE, False, id="2 of 100 are chance"),
        pytest.param(Errors(100, 6), FINE, NONE, True, id="6 of 100 are not"),
        pytest.param(Errors(9, 9), FINE, NONE, False, id="nine requests say nothing"),
        pytest.param(Errors(10, 10), FINE, NONE, True, id="ten of ten do"),
        pytest.param(Errors(1000, 52), Errors(1000, 50), NONE, False, id="as before"),
        pytest.param(Errors(1000, 120), Errors(1000, 50), NONE, True, id="far more than before"),
        pytest.param(Errors(1000, 40), Errors(20, 0), NONE, False, id="few before prove little"),
        pytest.param(Errors(1000, 40), Errors(9, 9), NONE, True, id="too few before say nothing"),
        pytest.param(Errors(1000, 60), FINE, [Errors(1000, 60)], False, id="others fail too"),
        pytest.param(Errors(1000, 60), None, [Errors(1000, 60)], False, id="others, and no before"),
        pytest.param(Errors(1000, 60), None, [Errors(1000, 1)], True, id="others do not"),
        pytest.param(Errors(1000, 60), None, [Errors(9, 9)], True, id="others say nothing"),
        pytest.param(
            Errors(1000, 60), FINE, [Errors(1000, 900), Errors(1000, 0)], True, id="one of two lies"
        ),
        pytest.param(Errors(1000, 60), Errors(1000, 50), [FINE], False, id="better elsewhere"),
        pytest.param(Errors(1000, 12), None, NONE, False, id="within the objective"),
        pytest.param(Errors(1000, 40), None, NONE, True, id="beyond the objective"),
        pytest.param(None, FINE, NONE, False, id="nobody counts"),
    ],
)
def test_more_requests_fail(
    now: Errors | None, before: Errors | None, others: list[Errors], fails: bool
) -> None:
    assert bool(failing(now, before, others, 0.99)) is fails


def test_the_words_have_the_numbers() -> None:
    found = failing(Errors(1250, 90), Errors(900, 1), [Errors(500, 1), FINE, FINE], 0.99)

    assert found == (
        "7.2 % of 1250 requests fail, 0.111 % of 900 before, 0.1 % in the middle of 3 clusters "
        "without it; up to 2.15 % of so many would be taken"
    )


def test_a_loose_objective_allows_what_it_says_where_nothing_is_known_of_before() -> None:
    assert not failing(Errors(1000, 100), None, NONE, 0.9)
    assert failing(Errors(1000, 140), None, NONE, 0.9)


counts = st.integers(0, 10**9).flatmap(
    lambda total: st.builds(Errors, st.just(total), st.integers(0, total))
)


@given(counts, st.none() | counts, st.lists(counts, max_size=5), st.floats(0.5, 1.0))
def test_whoever_does_not_fail_more_ends_nothing(
    now: Errors, before: Errors | None, others: list[Errors], promised: float
) -> None:
    found = failing(now, before, others, promised)

    if found:
        assert now.share > 0.01
        assert before is None or not before.is_enough or now.share > before.share
    for worse in (Errors(now.requests, now.requests),):
        known = [one for one in (before, *others) if one is not None and one.is_enough]
        if now.is_enough and all(one.share < 0.2 and one.requests >= 100 for one in known):
            assert failing(worse, before, others, promised), "all fail"
    assert math.isfinite(now.share)
