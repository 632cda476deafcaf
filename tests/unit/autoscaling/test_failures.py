"""Requests of the last minutes that failed."""

from triton_operator.autoscaling.failures import WINDOW_SECONDS, Ended, Failures, with_ended


def test_nobody_counted() -> None:
    assert with_ended(Failures(), 5.0, None).total is None


def test_the_window_is_of_minutes() -> None:
    seen = with_ended(Failures(), 0.0, Ended(10.0, 5.0))
    seen = with_ended(seen, 100.0, None)
    seen = with_ended(seen, 200.0, Ended(20.0, 0.0))

    assert seen.total == Ended(30.0, 5.0)
    assert with_ended(seen, WINDOW_SECONDS, None).total == Ended(20.0, 0.0)
    assert with_ended(seen, 1000.0, None).total is None


def test_no_requests_are_none_and_not_unknown() -> None:
    assert with_ended(Failures(), 1.0, Ended(0.0, 0.0)).total == Ended(0.0, 0.0)
