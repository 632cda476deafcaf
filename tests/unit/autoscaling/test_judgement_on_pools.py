"""A look at a service on several pools: whose pods are counted, and what is asked for then."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.unit.autoscaling.pods import pod, told
from triton_operator.api.enums import MetricsFreshness
from triton_operator.autoscaling.fleet import Fleet
from triton_operator.autoscaling.judgement import Judgement, ServiceMemory, Told, judge
from triton_operator.autoscaling.pooled_decision import PooledState
from triton_operator.autoscaling.reasons import Reason, Why
from triton_operator.autoscaling.samples import Samples
from triton_operator.autoscaling.scaling_question import PoolQuestion, ScalingQuestion
from triton_operator.autoscaling.settings import ScalingSettings
from triton_operator.autoscaling.spill_state import SpillState
from triton_operator.planning.queue_model import safe_rate
from triton_operator.planning.service_curve import ServiceCurve

OF_CPU = ServiceCurve(0.020, 0.080, 1)
OF_GPU = OF_CPU.slower_by(0.1)
CPU_RATE = safe_rate(OF_CPU, 1.0, 0.99)
GPU_RATE = safe_rate(OF_GPU, 1.0, 0.99)
QUESTION = ScalingQuestion(
    "shop",
    "filetype",
    1000,
    ScalingSettings(objective_seconds=1.0, most=2000),
    pools=(
        PoolQuestion("gpu", "filetype-gpu", 1, 1, prior=OF_GPU, start_seconds=60.0),
        PoolQuestion("cpu", "filetype-cpu", 1, 1, prior=OF_CPU, start_seconds=60.0),
    ),
)


def fleet(pool: str, ready: int, **more: tuple[float, ...]) -> Fleet:
    """So many ready replicas; `more` are on their way or have no node, by their seconds."""
    return Fleet(
        targets=tuple(pod(f"{pool}{number}") for number in range(ready)),
        ordered=ready + sum(len(seconds) for seconds in more.values()),
        **more,  # type: ignore[arg-type]
    )


class Watched:
    """A service on GPUs and CPUs that is looked at each second; nothing is started."""

    def __init__(self, spill: SpillState, question: ScalingQuestion = QUESTION) -> None:
        self.question = question
        self.memory = ServiceMemory(state=PooledState(spill=spill))
        self.fleets: dict[str, Fleet] = {}
        self.answered: dict[str, float] = {}
        self.now = 1000.0

    def look(self, rates: dict[str, float], silent: Sequence[str] = ()) -> Judgement:
        """One second of requests: each pool's share is spread evenly over its targets."""
        found = {}
        for pool, one in self.fleets.items():
            for target in one.targets:
                share = rates.get(pool, 0.0) / len(one.targets)
                done = self.answered.get(target.instance, 0.0) + share
                self.answered[target.instance] = done
                if pool not in silent:
                    found[target.instance] = told(self.now, done)
        self.memory, made = judge(
            self.memory,
            self.question,
            self.fleets,
            Told(Samples("pods", self.now, found)),
            self.now,
            1.0,
        )
        self.now += 1.0
        return made


def on_gpus_alone(question: ScalingQuestion = QUESTION) -> Watched:
    return Watched(SpillState(arrangement=("gpu",), alone="gpu"), question)


def test_what_starts_elsewhere_is_no_replica_of_those_that_serve() -> None:
    """Else each CPU on its way is one more GPU that is there, and as many CPUs again are asked."""
    watched = on_gpus_alone()
    rate = 3.4 * GPU_RATE
    wanted = []
    watched.fleets = {
        "gpu": fleet("gpu", 4, unplaced_seconds=(40.0,)),
        "cpu": Fleet(),
    }
    for _ in range(90):
        made = watched.look({"gpu": rate})
        wanted.append(made.replicas["filetype-cpu"])
        number = made.replicas["filetype-cpu"]
        watched.fleets["cpu"] = fleet("cpu", 0, starting_seconds=(5.0,) * number)

    assert made.alone == "gpu"
    assert made.record.observation.starting_seconds == ()
    assert 0 < max(wanted) <= 2 * math.ceil(rate / CPU_RATE)


def test_whoever_is_held_back_does_not_speak_for_those_that_serve() -> None:
    """The CPUs have nothing to do; what the GPUs do is not known once they fall silent."""
    watched = on_gpus_alone()
    watched.fleets = {"gpu": fleet("gpu", 8), "cpu": fleet("cpu", 8)}
    for _ in range(120):
        made = watched.look({"gpu": 6.6 * GPU_RATE})
    assert made.record.decision.freshness is MetricsFreshness.FRESH
    before = made.replicas["filetype-gpu"]
    assert (made.alone, before) == ("gpu", 8)

    for _ in range(90):
        made = watched.look({"gpu": 6.6 * GPU_RATE}, silent=["gpu"])
        assert made.replicas["filetype-gpu"] >= before
    assert made.record.decision.freshness is not MetricsFreshness.FRESH
    assert made.look.reporting == 0


def test_a_floor_over_all_pools_is_the_first_reason() -> None:
    floor = replace(QUESTION, settings=replace(QUESTION.settings, least=4))
    watched = on_gpus_alone(floor)
    watched.fleets = {"gpu": fleet("gpu", 4), "cpu": Fleet()}
    for _ in range(120):
        watched.look({"gpu": 2.4 * GPU_RATE})
    for _ in range(20):
        made = watched.look({"gpu": 0.5 * GPU_RATE})

    assert Why.KEPT in {one.why for one in made.record.decision.reasons}, "three, for a while"
    assert sum(made.replicas.values()) == 4
    kinds = [one.why for one in made.reasons if isinstance(one, Reason)]
    assert kinds == [Why.AT_MINIMUM, Why.DEMAND]


def test_a_pool_that_is_left_stays_as_fast_as_it_was() -> None:
    """Its plan went with its Deployment, and so what a batch and an instance were."""
    gpu = PoolQuestion("gpu", "filetype-gpu", 64, 2, prior=replace(OF_GPU, max_batch_size=64))
    watched = on_gpus_alone(replace(QUESTION, pools=(gpu, QUESTION.pools[1])))
    watched.fleets = {"gpu": fleet("gpu", 1)}
    watched.look({"gpu": 1.0})
    before = watched.memory.pools["gpu"]
    assert before.used is not None

    gone = PoolQuestion("gpu", "filetype-gpu", 1, 1, standing_by=True)
    watched.question = replace(QUESTION, pools=(gone, QUESTION.pools[1]))
    watched.fleets = {"cpu": fleet("cpu", 1)}
    made = watched.look({"cpu": 1.0})

    assert watched.memory.pools["gpu"] == before
    assert made.safe_rates["gpu"] == pytest.approx(safe_rate(before.used, 1.0, 0.99))


def test_after_a_restart_what_is_there_stays_until_demand_is_known() -> None:
    """Nobody remembers that replicas had spilled over: CPUs are no reason to order GPUs."""
    watched = Watched(SpillState())
    watched.fleets = {"gpu": fleet("gpu", 4), "cpu": fleet("cpu", 8)}
    made = watched.look({"gpu": 20.0, "cpu": 40.0})
    assert made.record.decision.rate is None
    assert made.replicas == {"filetype-gpu": 4, "filetype-cpu": 8}

    for _ in range(40):
        made = watched.look({"gpu": 20.0, "cpu": 40.0})
        assert made.replicas["filetype-gpu"] <= 4


def test_after_a_restart_pools_of_unknown_speed_stay_as_they_are() -> None:
    """Where replicas are only counted, twelve of them could as well all be GPUs."""
    unknown = tuple(replace(one, prior=None) for one in QUESTION.pools)
    watched = Watched(SpillState(), replace(QUESTION, pools=unknown))
    watched.fleets = {"gpu": fleet("gpu", 4), "cpu": fleet("cpu", 8)}

    for silent in [()] * 20 + [("gpu", "cpu")] * 80:
        made = watched.look({"gpu": 20.0, "cpu": 40.0}, silent=silent)
        assert made.replicas == {"filetype-gpu": 4, "filetype-cpu": 8}
    assert made.record.decision.freshness is MetricsFreshness.LOST


@pytest.mark.parametrize(
    ("least", "most", "replicas"),
    [(1, 20, (4, 8)), (15, 20, (7, 8)), (1, 10, None)],
    ids=["within", "too few", "too many"],
)
def test_bounds_hold_before_demand_is_known(
    least: int, most: int, replicas: tuple[int, int] | None
) -> None:
    settings = replace(QUESTION.settings, least=least, most=most)
    watched = Watched(SpillState(), replace(QUESTION, settings=settings))
    watched.fleets = {"gpu": fleet("gpu", 4), "cpu": fleet("cpu", 8)}

    made = watched.look({}, silent=["gpu", "cpu"])

    found = (made.replicas["filetype-gpu"], made.replicas["filetype-cpu"])
    assert least <= sum(found) <= most
    assert replicas in (None, found)
