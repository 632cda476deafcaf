"""When ordered replicas become ready."""

import numpy as np
import pytest

from triton_operator.autoscaling.readiness import ready_parts

ENDS = np.arange(0.0, 200.0, 5.0)


def test_nine_of_ten_keep_the_lead() -> None:
    for starts in ((), (30.0, 35.0, 60.0, 20.0)):
        assert ready_parts(starts, 50.0, np.array([50.0])) == pytest.approx([0.9])


def test_parts_rise_from_nothing_to_all() -> None:
    parts = ready_parts((), 50.0, ENDS)

    assert (parts[0], parts[-1]) == (0.0, pytest.approx(1.0))
    assert (np.diff(parts) >= 0).all()


def test_of_starts_that_vary_some_are_fast_and_of_even_ones_none() -> None:
    soon = np.array([20.0])
    varied = ready_parts((15.0, 25.0, 35.0, 45.0, 60.0) * 4, 50.0, soon)
    even = ready_parts((49.0, 50.0, 50.0, 51.0) * 5, 50.0, soon)

    assert varied[0] > 0.1
    assert even[0] < 0.01
