"""`decide` on several pools: demand beyond the GPUs and back, and what it counts in meanwhile."""

from __future__ import annotations

import math
from dataclasses import replace

from tests.unit.autoscaling.looks import CURVE
from tests.unit.autoscaling.pool_world import ImaginedPool
from tests.unit.autoscaling.pooled_service import PooledService, lost
from triton_operator.autoscaling.reasons import Reason, Why
from triton_operator.autoscaling.settings import ScalingSettings
from triton_operator.planning.queue_model import safe_rate

SETTINGS = ScalingSettings(objective_seconds=0.25, least=1, most=200)
TEN_TIMES_FASTER = CURVE.slower_by(0.1)
OF_CPU = safe_rate(CURVE, 0.25, 0.99)
OF_GPU = safe_rate(TEN_TIMES_FASTER, 0.25, 0.99)


def service(cpus: int = 1000, most: int = 200) -> PooledService:
    """Four GPUs, and CPUs of which each does a tenth."""
    return PooledService(
        [ImaginedPool("gpu", OF_GPU, 4), ImaginedPool("cpu", OF_CPU, cpus)],
        {"gpu": TEN_TIMES_FASTER, "cpu": CURVE},
        ScalingSettings(objective_seconds=0.25, least=1, most=most),
    )


def test_six_gpus_worth_of_demand_and_back() -> None:
    seen = service()
    seen.looks(2.0 * OF_GPU, 300)
    assert (seen.ready, seen.state.unit) == ((3, 0), "gpu")

    seen.looks(6.0 * OF_GPU, 150)
    assert seen.state.unit == "cpu"
    assert seen.ready[0] == 0
    assert seen.ready[1] >= math.ceil(6.0 * OF_GPU / OF_CPU)
    assert max(seen.late[-30:]) == 0.0

    seen.looks(1.0 * OF_GPU, 900)
    assert seen.state.unit == "gpu"
    assert seen.ready[0] >= 2
    assert seen.ready[1] == 0
    assert max(seen.late[-750:]) == 0.0, "nobody noticed the way back"


def test_moving_over_makes_nobody_late_who_was_in_time() -> None:
    """Demand that the GPUs can just bear, but not within the objective."""
    seen = service()
    seen.looks(3.0 * OF_GPU, 400)
    before = len(seen.late)

    seen.looks(4.1 * OF_GPU, 200)

    assert seen.ready[1] >= math.ceil(4.1 * OF_GPU / OF_CPU)
    assert sum(seen.late[before:]) <= 70, "until the CPUs have started, and not for longer"
    assert max(seen.late[-90:]) == 0.0


def test_lost_metrics_bring_back_capacity_and_not_the_number_of_other_replicas() -> None:
    """Sixty CPUs were wanted in the last quarter of an hour: sixty GPUs were not."""
    seen = service()
    worth = []
    for demand in [2.0] * 300 + [6.0] * 300 + [0.5] * 400:
        made = seen.look(demand * OF_GPU)
        worth.append(made.record.decision.target * (seen.state.unit_rate or 0.0) / OF_GPU)
    assert seen.state.unit == "gpu"
    most = max(worth[-900:])

    seen.change = lost(100.0)
    made = seen.look(0.5 * OF_GPU)

    assert any(one.why is Why.METRICS_LOST for one in made.record.decision.reasons)
    assert 6 <= made.record.decision.target <= math.ceil(most) + 1


def test_what_the_bound_leaves_unserved_is_said_in_replicas() -> None:
    """With no GPU at all, ten CPUs serve what they can: sixty are the least that would."""
    seen = service(most=10)
    seen.pools[0].places = 0

    made = seen.looks(6.0 * OF_GPU, 200).distribution

    assert seen.ready == (0, 10)
    assert made.limited
    (bound,) = (one for one in made.reasons if isinstance(one, Reason))
    assert bound.why is Why.AT_MAXIMUM
    assert bound.numbers["wanted"] >= 6.0 * OF_GPU / CURVE.capacity


def test_few_calls_are_few_replicas_however_many_have_to_be_there() -> None:
    """Two pods and one GPU: two CPUs will do, not as many as two GPUs are worth."""
    seen = service()
    seen.pools[0].places = 1
    seen.settings = replace(seen.settings, least=2)

    totals = [sum(seen.look(5.0).distribution.replicas.values()) for _ in range(300)]

    assert sum(seen.ready) == 2
    assert max(totals) <= math.ceil(OF_GPU / OF_CPU) + 1, "one GPU's worth is the least it counts"
    assert totals[-1] <= 3


def test_bounds_are_of_pods_and_not_of_demand() -> None:
    """With ten CPUs at most, ten CPUs are no more than one GPU: the GPUs stay, and it is said."""
    seen = service(most=10)
    seen.looks(2.0 * OF_GPU, 100)

    made = seen.looks(6.0 * OF_GPU, 300).distribution

    assert seen.ready == (4, 0)
    assert made.limited
    assert sum(made.replicas.values()) <= 10


def test_without_any_metrics_the_lower_bound_is_spread_and_comes_back() -> None:
    """Whoever waits for a node finds one that is added; it is no reason to want one more."""
    gpus = ImaginedPool("gpu", 1.0, 2, measured=False)
    cpus = ImaginedPool("cpu", 1.0, measured=False)
    settings = ScalingSettings(objective_seconds=0.25, least=3, most=10)
    seen = PooledService([gpus, cpus], {"gpu": CURVE, "cpu": CURVE}, settings)
    seen.change = lost(100.0)
    seen.looks(1.0, 150)
    assert (seen.ready, len(gpus.waiting)) == ((2, 1), 1)

    for places in (3, 4, 5):
        gpus.places = places
        seen.looks(1.0, 150)
        assert (seen.ready, len(gpus.waiting)) == ((3, 0), 0)
