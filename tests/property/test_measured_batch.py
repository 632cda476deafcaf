"""Batches chosen from any measured times keep every bound, and more time never costs a rate."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.planning.building import facts, measurement, pool, spec
from triton_operator.planning.measured_replica import Measured
from triton_operator.planning.plan import Plan, PoolPlan, plan_service

DOUBLED = (1, 2, 4, 8, 16, 32)
MODEL_NOISE = 0.02
"""Of a rate: 1 % by which a smaller batch may lose, and as much of the model's own."""


@st.composite
def times(draw: st.DrawFn) -> dict[int, float]:
    """Milliseconds by batch size, which bend as they like."""
    base = draw(st.floats(0.1, 80))
    steps = draw(st.lists(st.floats(0, 30), min_size=2, max_size=len(DOUBLED)))
    found, last = {}, base
    for size, step in zip(DOUBLED, steps, strict=False):
        last += step
        found[size] = round(last, 3)
    return found


def planned(rows: dict[int, float], milliseconds: int, **batching: int) -> PoolPlan:
    wanted = spec(
        objective={"latency": {"milliseconds": milliseconds}},
        **({"batching": batching} if batching else {}),
    )
    plan = plan_service(wanted, facts(), [pool("cpu")], (), [measurement(rows)])
    assert isinstance(plan, Plan)
    return plan.pools[0]


def measured(plan: PoolPlan) -> Measured:
    assert plan.measured is not None
    return plan.measured


@settings(max_examples=40)
@given(rows=times(), milliseconds=st.integers(1, 400), most=st.integers(1, 40))
def test_a_batch_keeps_every_bound(rows: dict[int, float], milliseconds: int, most: int) -> None:
    plan = planned(rows, milliseconds, maxBatchSize=most)
    found = measured(plan)

    assert 1 <= plan.max_batch_size <= min(most, max(rows))
    # Whoever can be served in time at all, can be with what was chosen.
    assert (found.safe_rate > 0) == (rows[1] <= milliseconds)
    if found.found.feasible:
        assert 1000 * found.curve.seconds(plan.max_batch_size) <= milliseconds + 1e-9
        assert found.safe_rate < found.curve.capacity


@settings(max_examples=25)
@given(rows=times(), milliseconds=st.integers(1, 300), more=st.integers(1, 300))
def test_a_longer_objective_never_costs_a_rate(
    rows: dict[int, float], milliseconds: int, more: int
) -> None:
    short = measured(planned(rows, milliseconds)).safe_rate
    long = measured(planned(rows, milliseconds + more)).safe_rate

    assert long >= (1 - MODEL_NOISE) * short
