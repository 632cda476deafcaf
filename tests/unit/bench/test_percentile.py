import pytest

from bench.reconcile.figures import percentile


@pytest.mark.parametrize(
    ("why", "values", "percent", "expected"),
    [
        ("one value is every percentile of itself", [7.0], 99, 7.0),
        ("the order of arrival does not matter", [3.0, 1.0, 2.0], 50, 2.0),
        ("nearest rank: no value that was never seen", [1.0, 2.0], 50, 1.0),
        ("the 99th of 100 leaves out exactly the worst", list(range(1, 101)), 99, 99),
        ("of 50, the 99th is the worst", list(range(1, 51)), 99, 50),
        ("the lowest rank is the first", [4.0, 5.0], 0, 4.0),
    ],
)
def test_percentile(why: str, values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected, why


def test_no_value_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="at least one"):
        percentile([], 50)
