"""What is remembered of targets, for when metrics are lost."""

import pytest

from triton_operator.autoscaling.scale_down import FORGOTTEN_SECONDS, with_target
from triton_operator.autoscaling.state import ScalingState


@pytest.mark.parametrize(
    ("until", "highest"),
    [(869.0, 20), (905.0, 20), (870.0 + FORGOTTEN_SECONDS - 5, 20), (875.0 + FORGOTTEN_SECONDS, 8)],
)
def test_a_target_is_remembered_from_when_it_ended(until: float, highest: int) -> None:
    """20 until 870 s, 8 from then on; looks every 5 s."""
    state, ordered = ScalingState(), 20
    for now in range(0, int(until) + 1, 5):
        target = 20 if now < 870 else 8
        state = with_target(state, float(now), 60.0, ordered, target)
        ordered = target

    assert max(number for _, number in state.targets) == highest


def test_targets_of_long_ago_are_forgotten() -> None:
    state = ScalingState()
    for now in range(0, 10_000, 10):
        state = with_target(state, float(now), 60.0, 5, 5 + now // 10 % 2)

    assert len(state.targets) <= FORGOTTEN_SECONDS / 10 + 1
