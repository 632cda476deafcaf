"""Several candidates: each round the better half stays, and a failure is a result."""

from triton_operator.api.inspection import Failure
from triton_operator.model.errors import WorkFailed
from triton_operator.model.measurement.contest import best_rate, contest
from triton_operator.model.measurement.measured import Measured, SizeMeasured


def measured(seconds: float, batch_size: int = 1) -> Measured:
    size = SizeMeasured(
        batch_size=batch_size,
        seconds=seconds,
        client_seconds=seconds,
        client_p99_seconds=seconds,
        executions=1,
        narrow=True,
    )
    return Measured((size,), "all")


def run(times: dict[str, float | None]) -> tuple[list[str], list[tuple[str, float]]]:
    """The candidates best first, and every measurement with its seconds; None: does not load."""
    asked: list[tuple[str, float]] = []

    def measure(name: str, seconds: float) -> Measured:
        asked.append((name, seconds))
        if (took := times[name]) is None:
            raise WorkFailed("ModelNotLoaded", name)
        return measured(took)

    results = contest(list(times), measure, 120.0, lambda _, found: best_rate(found, 1, None))
    return [row.name for row in results], asked


def test_the_better_half_gets_the_time_of_all() -> None:
    order, asked = run({"a": 0.4, "b": 0.1, "c": 0.3, "d": 0.2})

    assert order == ["b", "d", "c", "a"]
    assert asked == [("a", 15), ("b", 15), ("c", 15), ("d", 15), ("b", 30), ("d", 30)]


def test_one_candidate_gets_all_of_it() -> None:
    assert run({"a": 0.4}) == (["a"], [("a", 120.0)])


def test_what_does_not_load_is_last_and_not_asked_again() -> None:
    order, asked = run({"a": None, "b": 0.1, "c": 0.2, "d": None})

    assert order == ["b", "c", "a", "d"]
    assert [name for name, _ in asked].count("a") == 1


def test_nothing_loads() -> None:
    order, _ = run({"a": None, "b": None})

    assert order == ["a", "b"]


def test_a_failure_says_why() -> None:
    def measure(name: str, _seconds: float) -> Measured:
        raise WorkFailed("ModelNotLoaded", f"no {name}")

    (result,) = contest(["a"], measure, 1.0, lambda *_: 0.0)

    assert isinstance(result.outcome, Failure)
    assert result.outcome.message == "no a"


def test_what_is_compared_is_done_within_the_objective() -> None:
    found = Measured((measured(0.01).sizes[0], measured(0.04, 8).sizes[0]), "all")

    assert best_rate(found, 2, None) == 400
    assert best_rate(found, 2, 0.02) == 200
    assert best_rate(found, 2, 0.001) == 0
