"""How a deadline is split, and how long an endpoint usually takes."""

import pytest

from triton_operator.client.budget import Need, budget_seconds
from triton_operator.client.usual_time import learned


@pytest.mark.parametrize(
    ("remaining", "own", "following", "budget", "why"),
    [
        (1.0, Need(0.0, 0.1), None, 1.0, "nobody follows"),
        (1.0, Need(0.0, 0.1), Need(0.04, 0.06), 0.82, "needs 0.1, and a tenth of 0.8"),
        (0.301, Need(0.1, 0.1), Need(0.04, 0.06), 0.2009, "just enough for both"),
        (0.29, Need(0.1, 0.1), Need(0.04, 0.06), 0.29, "not for both: the first one gets all"),
        (0.05, Need(0.1, 0.1), Need(0.04, 0.06), 0.05, "not even for one"),
        (1.0, Need(0.0, 0.1), Need(0.04), 0.784, "not known: as the first one"),
        (1.0, Need(0.0), Need(0.04, 0.06), 0.816, "what the next one needs is known"),
        (1.0, Need(0.1), Need(0.3), 0.4, "nothing is known: the same part without the ways"),
        (0.3, Need(0.1), Need(0.3), 0.3, "the ways alone take longer"),
    ],
)
def test_a_deadline_is_split(
    remaining: float, own: Need, following: Need | None, budget: float, why: str
) -> None:
    assert budget_seconds(remaining, own, following) == pytest.approx(budget), why


def test_the_estimate_is_the_one_of_rfc_6298() -> None:
    first = learned(None, 0.1)
    assert (first.mean, first.deviation) == (0.1, 0.05)
    second = learned(first, 0.2)
    assert second.mean == pytest.approx(0.1125)
    assert second.deviation == pytest.approx(0.0625)
    assert second.seconds == pytest.approx(0.1125 + 4 * 0.0625)


def test_it_follows_what_changes() -> None:
    known = None
    for _ in range(60):
        known = learned(known, 0.1)
    assert known is not None
    assert known.seconds == pytest.approx(0.1, abs=0.001)
    for _ in range(60):
        known = learned(known, 0.4)
    assert known.seconds == pytest.approx(0.4, abs=0.001)
