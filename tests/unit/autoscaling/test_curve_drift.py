"""Batches that do not take what a profile says."""

import pytest

from triton_operator.autoscaling.curve_drift import (
    DriftMemory,
    drift,
    is_drifted,
    with_batches,
)
from triton_operator.planning.measured_curve import MeasuredCurve

BENT = MeasuredCurve(((1, 0.010), (4, 0.020), (8, 0.100)), 8)
SIZES = (1, 4, 8)


def seen(factor: float, profile: MeasuredCurve = BENT, executions: int = 100) -> DriftMemory:
    rows = [(size, executions, factor * executions * profile.seconds(size)) for size in SIZES]
    return with_batches(DriftMemory(), profile, 0.0, rows)


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.4])
def test_every_batch_is_compared_with_its_own_size(factor: float) -> None:
    assert drift(seen(factor)) == pytest.approx(factor - 1)


def test_which_sizes_the_traffic_makes_does_not_matter() -> None:
    for size in SIZES:
        memory = with_batches(DriftMemory(), BENT, 0.0, [(size, 300, 300 * BENT.seconds(size))])
        assert drift(memory) == pytest.approx(0)


def test_a_few_batches_tell_nothing() -> None:
    assert drift(seen(2.0, executions=66)) is None
    assert drift(seen(2.0, executions=67)) is not None


def test_newer_batches_count_more() -> None:
    memory = seen(1.0)
    rows = [(1, 300, 300 * 2 * BENT.seconds(1))]
    early = with_batches(memory, BENT, 60.0, rows)
    late = with_batches(memory, BENT, 4 * 3600.0, rows)
    found, later = drift(early), drift(late)
    assert found is not None
    assert later is not None
    assert found < later
    assert later == pytest.approx(1.0, abs=0.1)


def test_another_profile_begins_anew() -> None:
    other = MeasuredCurve(((1, 0.020),), 8)
    assert drift(with_batches(seen(2.0), other, 1.0, [])) is None
    assert with_batches(seen(2.0), None, 1.0, []) == DriftMemory()


def test_with_several_instances_faster_batches_are_no_drift() -> None:
    two = MeasuredCurve(BENT.points, 8, instances=2)
    assert drift(seen(0.5, two)) == 0
    assert drift(seen(1.5, two)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("found", "before", "expected"),
    [
        (0.26, False, True),
        (0.24, False, False),
        (0.24, True, True),
        (0.19, True, False),
        # Faster by as large a factor.
        (-0.21, False, True),
        (-0.19, False, False),
        # A server of somebody's own that counts no time.
        (-1.0, False, True),
        (None, True, True),
        (None, False, False),
    ],
)
def test_a_drift_near_the_bound_does_not_come_and_go(
    found: float | None, before: bool, expected: bool
) -> None:
    assert is_drifted(found, before) is expected
