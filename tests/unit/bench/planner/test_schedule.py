import numpy as np
import pytest

from bench.planner.schedule import arrivals, late_allowed, percentile, run_seconds


def test_the_same_seed_gives_the_same_stream_at_every_rate() -> None:
    slow, fast = arrivals(10, 4, seed=3), arrivals(40, 1, seed=3)

    assert np.allclose(slow, 4 * fast)
    assert not np.allclose(slow, arrivals(10, 4, seed=4))


def test_arrivals_are_poisson() -> None:
    due = arrivals(100, 200, seed=1)

    gaps = np.diff(due)
    assert (gaps > 0).all()
    assert len(due) == 20_000
    assert gaps.mean() == pytest.approx(0.01, rel=0.03)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)


@pytest.mark.parametrize(
    ("why", "rate", "expected"),
    [
        ("as many requests as are wanted", 100.0, 3.0),
        ("a fast model is not judged by a moment", 10_000.0, 2.0),
        ("a slow one has fewer", 1.0, 8.0),
    ],
)
def test_run_seconds(why: str, rate: float, expected: float) -> None:
    assert run_seconds(rate) == expected, why


@pytest.mark.parametrize(
    ("count", "allowed"), [(1, 0), (99, 0), (100, 1), (299, 2), (300, 3), (700, 7)]
)
def test_late_allowed_is_what_the_percentile_says(count: int, allowed: int) -> None:
    assert late_allowed(count) == allowed
    latencies = [0.1] * (count - allowed) + [9.0] * allowed

    assert percentile(latencies, 0.99) == 0.1
    assert percentile([*latencies[1:], 9.0], 0.99) == 9.0


def test_no_value_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="at least one"):
        percentile([], 0.5)
