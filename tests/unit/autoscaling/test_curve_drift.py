"""Batches that do not take what a profile says."""

from typing import NamedTuple

import pytest

from triton_operator.autoscaling.curve_drift import (
    Drift,
    DriftMemory,
    SizeDrift,
    drift,
    is_drifted,
    with_batches,
)
from triton_operator.planning.measured_curve import MeasuredCurve

BENT = MeasuredCurve(((1, 0.010), (4, 0.020), (8, 0.100)), 8)
SIZES = (1, 4, 8)


def overall(memory: DriftMemory) -> float | None:
    found = drift(memory)
    return None if found is None else found.overall


def seen(factor: float, profile: MeasuredCurve = BENT, executions: int = 100) -> DriftMemory:
    rows = [(size, executions, factor * executions * profile.seconds(size)) for size in SIZES]
    return with_batches(DriftMemory(), profile, 0.0, rows)


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.4])
def test_every_batch_is_compared_with_its_own_size(factor: float) -> None:
    assert overall(seen(factor)) == pytest.approx(factor - 1)


def test_which_sizes_the_traffic_makes_does_not_matter() -> None:
    for size in SIZES:
        memory = with_batches(DriftMemory(), BENT, 0.0, [(size, 300, 300 * BENT.seconds(size))])
        assert overall(memory) == pytest.approx(0)


def test_a_few_batches_tell_nothing() -> None:
    assert drift(seen(2.0, executions=66)) is None
    assert drift(seen(2.0, executions=67)) is not None


def test_newer_batches_count_more() -> None:
    memory = seen(1.0)
    rows = [(1, 300, 300 * 2 * BENT.seconds(1))]
    early = with_batches(memory, BENT, 60.0, rows)
    late = with_batches(memory, BENT, 4 * 3600.0, rows)
    found, later = overall(early), overall(late)
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
    assert overall(seen(0.5, two)) == 0
    assert overall(seen(1.5, two)) == pytest.approx(0.5)


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
    told = None if found is None else Drift(BENT, found)
    assert is_drifted(told, before) is expected


def of_sizes(*rows: tuple[int, int, float]) -> DriftMemory:
    """Batches of (size, how many, times what the profile says)."""
    told = [(size, count, count * factor * BENT.seconds(size)) for size, count, factor in rows]
    return with_batches(DriftMemory(), BENT, 0.0, told)


class Row(NamedTuple):
    name: str
    seen: DriftMemory
    sizes: list[tuple[int, float]]
    drifted: bool
    still: bool


@pytest.mark.parametrize(
    "case",
    [
        Row("as measured", of_sizes((1, 300, 1.0), (8, 300, 1.0)), [(1, 0), (8, 0)], False, False),
        Row("all slower", of_sizes((1, 300, 1.3), (8, 300, 1.3)), [(1, 0.3), (8, 0.3)], True, True),
        Row("near", of_sizes((1, 300, 1.22), (8, 300, 1.22)), [(1, 0.22), (8, 0.22)], False, True),
        Row(
            "large ones make up",
            of_sizes((1, 999, 1.6), (8, 999, 0.95)),
            [(1, 0.6), (8, -0.05)],
            True,
            True,
        ),
        Row("few of the slow size", of_sizes((1, 900, 1.0), (8, 20, 1.3)), [(1, 0)], False, False),
        Row("none often", of_sizes((1, 80, 1.5), (4, 80, 1.5), (8, 80, 1.5)), [], True, True),
        Row("too few", of_sizes((1, 60, 3.0), (4, 60, 3.0), (8, 60, 3.0)), [], False, True),
    ],
    ids=lambda case: case.name,
)
def test_sizes_that_come_often_are_looked_at_by_themselves(case: Row) -> None:
    """What is faster in one size does not make up for what is slower in another."""
    found = drift(case.seen)

    sizes = [(one.batch_size, pytest.approx(one.off)) for one in found.sizes] if found else []
    assert case.sizes == sizes
    assert is_drifted(found, False) is case.drifted
    assert is_drifted(found, True) is case.still


def test_noise_around_the_bound_tells_it_once() -> None:
    """20 to 25 % is told if it was told before, and is not if it was not."""
    told, changes = False, 0
    for off in (0.1, 0.24, 0.26, 0.23, 0.26, 0.21, 0.24, 0.26, 0.22):
        now = is_drifted(Drift(BENT, off), told)
        changes += now is not told
        told = now

    assert (told, changes) == (True, 1)


def test_a_size_that_comes_no_more_is_forgotten() -> None:
    memory = with_batches(of_sizes((1, 300, 9.0)), BENT, 12 * 3600.0, [(8, 300, 30.0)])

    assert set(memory.sizes) == {8}
    found = drift(memory)
    assert found is not None
    assert found.overall == pytest.approx(0)
    assert found.sizes == (SizeDrift(8, pytest.approx(0.1), 0.1),)
