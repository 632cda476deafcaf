"""Times as production showed them: one ratio by batch size, for all ways to run on a pool."""

import pytest

from tests.unit.planning.building import facts, gpu_pool, measurement, pool, spec, straight
from triton_operator.planning.curve_ratio import CurveRatio, as_in_production, drift_reason
from triton_operator.planning.plan import Plan, plan_service

SIZES = (1, 2, 4, 8, 16)
RATIO = CurveRatio(((2, 1.2), (8, 1.8)))
WITHIN = {"objective": {"latency": {"milliseconds": 250}}}


@pytest.mark.parametrize(("size", "ratio"), [(1, 1.2), (2, 1.2), (5, 1.5), (8, 1.8), (16, 1.8)])
def test_between_two_sizes_it_is_on_a_line(size: int, ratio: float) -> None:
    assert RATIO.at(size) == pytest.approx(ratio)


def test_one_after_the_other() -> None:
    both = RATIO.times(CurveRatio(((4, 0.5),)))

    assert both.points == ((2, 0.6), (4, pytest.approx(0.7)), (8, 0.9))


def test_only_rows_of_such_hardware_are_changed() -> None:
    here, there = measurement({2: 10, 8: 20}), measurement({2: 10}, product="NVIDIA-L4")

    found = as_in_production([here, there], pool("cpu"), RATIO)

    assert [float(one.milliseconds) for one in found[0].latency] == [12, 36]
    assert found[1] == there
    assert as_in_production([here, there], pool("cpu"), None) == [here, there]


def test_all_ways_to_run_become_slower_alike() -> None:
    """Else the way that serves would be left for one that nobody has seen."""
    one = measurement(straight(20, 10, SIZES), instances=1, threads=2)
    two = measurement(straight(40, 22, SIZES), instances=2, threads=1)
    cores = {**WITHIN, "hardware": {"resources": {"cpu": "2"}}}

    plans = [
        plan_service(spec(**cores), facts(), [pool("cpu")], (), [one, two], drifts=drifts)
        for drifts in ({}, {"cpu": CurveRatio(((1, 1.5),))})
    ]

    before, after = plans
    assert isinstance(before, Plan)
    assert isinstance(after, Plan)
    assert before.pools[0].instances == after.pools[0].instances
    assert before.pools[0].measured is not None
    assert after.pools[0].measured is not None
    assert after.pools[0].measured.safe_rate < before.pools[0].measured.safe_rate
    assert drift_reason(CurveRatio(((1, 1.5),))) in after.pools[0].reasons
    assert "production" not in str(before.pools[0].reasons)


def test_the_order_of_pools_is_that_of_the_measurements() -> None:
    """The pool that serves is the only one whose drift is known."""
    cpu = pool("cpu", cost_per_replica_hour=1, currency="USD")
    l4 = gpu_pool("l4", product="L4", cost_per_replica_hour=1, currency="USD")
    rows = [
        measurement(straight(20, 10, SIZES)),
        measurement(straight(21, 11, SIZES), product="L4"),
    ]

    plan = plan_service(
        spec(**WITHIN), facts(), [cpu, l4], (), rows, drifts={"cpu": CurveRatio(((1, 2.0),))}
    )

    assert isinstance(plan, Plan)
    assert plan.preference == ("cpu", "l4")


def test_many_sizes_are_not_all_told() -> None:
    ratio = CurveRatio(tuple((size, 1.3) for size in range(1, 12)))

    assert drift_reason(ratio).endswith("8: +30 %, 3 more sizes")
