"""The latency that is shown: from the queue model, rounded to the safe side."""

import pytest

from triton_operator.planning.predicted_latency import predicted_seconds
from triton_operator.planning.queue_model import percentile_seconds
from triton_operator.planning.service_curve import ServiceCurve

CURVE = ServiceCurve(0.020, 0.010, 8)


@pytest.mark.parametrize("rate", [1.0, 20.0, 40.0, 60.0, 70.0])
def test_it_is_a_little_above_the_models_own_word(rate: float) -> None:
    said = predicted_seconds(CURVE, rate)

    assert said is not None
    exact = percentile_seconds(CURVE, rate, 0.99)
    assert exact <= said <= 1.25 * exact


@pytest.mark.parametrize("rate", [79.5, 80.0, 500.0])
def test_a_queue_that_only_grows_has_no_latency(rate: float) -> None:
    assert predicted_seconds(CURVE, rate) is None
