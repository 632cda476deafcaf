"""Replicas go to the next pool and come back, and what serves never serves less on the way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.autoscaling.pool_world import ImaginedPool, served
from triton_operator.autoscaling.pool_room import PoolState
from triton_operator.autoscaling.pool_scene import Bounds, Wanted
from triton_operator.autoscaling.reasons import Why
from triton_operator.autoscaling.spill import Distribution, distribute
from triton_operator.autoscaling.spill_reasons import PoolReason
from triton_operator.autoscaling.spill_state import SpillState

BOUNDS = Bounds(1, 200)


@dataclass
class World:
    """Looks at pools, one each second. `lost`: where a look made the pods serve less."""

    pools: list[ImaginedPool]
    bounds: Bounds = BOUNDS
    state: SpillState = field(default_factory=SpillState)
    now: float = 1000.0
    last: Distribution | None = None
    demand: float = 0.0
    lost: list[str] = field(default_factory=list)

    def look(self, demand: float) -> Distribution:
        """One second: pods start, and replicas are spread for so many requests/s."""
        self.now += 1.0
        earlier, ready, known = self.served, self.ready, self.measured
        for pool in self.pools:
            pool.pass_time(self.now)
        gone = any(now < then for now, then in zip(self.ready, ready, strict=True))
        # A node that is lost is nobody's choice, and one slow pod is what it takes to measure it.
        if (
            not gone
            and known == self.measured
            and self.served < min(earlier, demand, self.demand) * (1 - 1e-6)
        ):
            self.lost.append(f"{self.now}: {earlier} -> {self.served} of {demand}, started")
        self.demand = demand
        before = served(self.pools, self.state.alone)
        states = [pool.state(self.now) for pool in self.pools]
        alone = self.state.alone
        # One replica of 1 request/s each, so that demand is not rounded.
        wanted = Wanted(max(1, round(demand)), 1.0)
        self.state, made = distribute(self.state, self.now, states, wanted, self.bounds)
        needed = min(before, wanted.replicas)
        for shown in {alone, made.alone}:
            # Some nodes still send to those of before.
            after = served(self.pools, shown, made.replicas)
            if after < needed * (1 - 1e-6):
                self.lost.append(f"{self.now}: {before:.1f} -> {after:.1f} of {demand}: {made}")
        for pool in self.pools:
            pool.scale(made.replicas[pool.name], self.now)
        self.last = made
        return made

    def looks(self, demand: float, count: int) -> Distribution:
        """Several looks at the same demand; what the last one said."""
        for _ in range(count - 1):
            self.look(demand)
        return self.look(demand)

    @property
    def ready(self) -> tuple[int, ...]:
        """Ready pods by pool."""
        return tuple(pool.ready for pool in self.pools)

    @property
    def measured(self) -> int:
        """Pools whose speed is known."""
        return sum(pool.measured for pool in self.pools)

    @property
    def served(self) -> float:
        """Requests/s within the objective."""
        return served(self.pools, self.state.alone)


def gpus(places: int = 4, **changes: object) -> ImaginedPool:
    return replace(ImaginedPool("gpu", 100.0, places), **changes)  # type: ignore[arg-type]


def cpus(rate: float = 10.0, **changes: object) -> ImaginedPool:
    return replace(ImaginedPool("cpu", rate), **changes)  # type: ignore[arg-type]


def whys(made: Distribution) -> set[tuple[str, Why]]:
    return {
        (one.pool, one.reason.why) if isinstance(one, PoolReason) else ("", one.why)
        for one in made.reasons
    }


def test_all_are_in_the_first_pool_while_they_fit() -> None:
    world = World([gpus(), cpus()])

    made = world.looks(400.0, 300)

    assert made.replicas == {"gpu": 4, "cpu": 0}
    assert (made.alone, made.limited, made.reasons) == (None, False, ())


def test_a_replica_that_waits_for_a_moment_is_no_reason_to_spill() -> None:
    """Somebody's pod may be about to go: 30 s, once the scheduler has refused."""
    world = World([gpus(), cpus(100.0)])

    assert world.looks(600.0, 30).replicas == {"gpu": 6, "cpu": 0}
    made = world.looks(600.0, 3)

    assert made.replicas == {"gpu": 5, "cpu": 2}
    assert made.limited
    assert ("gpu", Why.POOL_FULL) in whys(made)


@pytest.mark.parametrize(("refused", "patience"), [(True, 30.0), (False, 120.0)])
def test_patience_is_two_starts_unless_the_scheduler_speaks(refused: bool, patience: float) -> None:
    pool = PoolState("gpu", 4, 6, unschedulable=2, refused=refused, start_seconds=60.0)

    assert not replace(pool, waiting_seconds=patience).is_full
    assert replace(pool, waiting_seconds=patience + 1).is_full
    assert not replace(pool, unschedulable=0, waiting_seconds=1e9).is_full


def test_pools_of_one_speed_share_and_only_what_is_missing_goes_on() -> None:
    world = World([gpus(), cpus(100.0)])

    made = world.looks(600.0, 200)

    assert made.replicas == {"gpu": 5, "cpu": 2}, "one waits, to see when there is room"
    assert made.alone is None
    assert world.ready == (4, 2)
    assert world.served == 600.0


def test_ten_times_slower_pods_take_over_all_or_nothing() -> None:
    world = World([gpus(), cpus()])
    world.looks(600.0, 35)
    starting = world.looks(600.0, 25)

    assert starting.replicas == {"gpu": 4, "cpu": 60}
    assert starting.alone == "gpu", "not one slow pod gets a share that it cannot serve"
    assert ("cpu", Why.HELD_BACK) in whys(starting)
    over = world.looks(600.0, 30)
    assert over.replicas == {"gpu": 0, "cpu": 60}
    assert over.alone in ("cpu", None)
    assert world.served == 600.0
    assert ("cpu", Why.MOVED_OVER) in whys(over)
    assert world.lost == []


def test_back_as_soon_as_it_fits_and_not_a_moment_less_serves() -> None:
    world = World([gpus(), cpus()])
    world.looks(600.0, 200)
    soon = world.looks(390.0, 30)

    assert soon.replicas["gpu"] == 0, "the demand may be back at once"
    later = world.looks(390.0, 60)
    assert later.replicas["gpu"] == 4
    assert later.replicas["cpu"] >= 39, "until the GPUs are ready"
    back = world.looks(390.0, 60)
    assert back.replicas == {"gpu": 4, "cpu": 0}
    assert back.alone is None
    assert world.lost == []


def test_what_may_be_wanted_again_at_once_stays_for_a_while() -> None:
    world = World([gpus(), cpus(100.0)])
    world.looks(600.0, 200)

    assert world.looks(390.0, 50).replicas["cpu"] == 2
    assert world.looks(390.0, 20).replicas == {"gpu": 4, "cpu": 0}


def test_a_place_that_becomes_free_is_found_by_the_one_that_waits() -> None:
    world = World([gpus(), cpus(100.0)])
    world.looks(600.0, 200)

    world.pools[0].places = 8
    made = world.looks(600.0, 200)

    assert made.replicas == {"gpu": 6, "cpu": 0}
    assert world.lost == []


def test_after_moving_over_the_first_is_tried_again_now_and_then() -> None:
    """Nobody waits there who would find the place."""
    world = World([gpus(), cpus()])
    world.looks(600.0, 300)
    world.pools[0].places = 8

    made = world.looks(600.0, 800)

    assert made.replicas == {"gpu": 6, "cpu": 0}
    assert world.lost == []


def test_a_try_that_finds_no_more_room_changes_nothing_for_who_calls() -> None:
    world = World([gpus(), cpus()])
    world.looks(600.0, 300)

    most = 0
    for _ in range(1500):
        made = world.look(600.0)
        most = max(most, world.pools[0].ready)
        assert world.served >= 600.0
        assert made.replicas["cpu"] >= 56

    assert most == 4, "it was tried"
    assert world.lost == []


def test_a_pool_of_unknown_speed_gets_one_replica_until_it_is_known() -> None:
    world = World([gpus(), cpus(measured=False)])
    made = world.looks(600.0, 40)

    assert made.replicas == {"gpu": 5, "cpu": 1}
    assert ("cpu", Why.SPEED_UNKNOWN) in whys(made)
    assert world.looks(600.0, 200).replicas == {"gpu": 0, "cpu": 60}


def test_a_short_peak_is_not_worth_a_move() -> None:
    """What a queue asks for is gone when it has been served; the first pool still fills up."""
    world = World([gpus(), cpus()])
    world.looks(600.0, 40)
    world.looks(290.0, 200)
    assert world.ready == (3, 0)

    for _ in range(29):
        made = world.look(600.0)
        assert made.replicas == {"gpu": 5, "cpu": 0}
    world.looks(390.0, 100)

    assert world.ready == (4, 0)


def test_the_first_pool_fills_up_while_another_starts() -> None:
    world = World([gpus(), cpus(start_seconds=200.0)])
    world.looks(600.0, 40)
    world.pools[0].ready = 3

    made = world.looks(600.0, 40)

    assert made.replicas == {"gpu": 4, "cpu": 60}
    assert world.ready == (4, 0)


def test_a_way_on_which_less_would_be_served_is_not_begun() -> None:
    """Two pools share the work, and one pool or all is the choice: none keeps a third one out."""
    spot = ImaginedPool("spot", 100.0, 3)
    world = World([gpus(), spot, cpus()])

    made = world.looks(800.0, 300)

    assert world.served == 700.0
    assert made.replicas["cpu"] == 0
    assert ("", Why.NO_ROOM) in whys(made)
    assert world.lost == []


def test_where_no_speed_is_known_replicas_are_counted() -> None:
    full = PoolState("gpu", 4, 6, unschedulable=2, waiting_seconds=31.0, refused=True)

    _, made = distribute(SpillState(), 0.0, [full, PoolState("cpu")], Wanted(6), Bounds(6, 10))

    assert made.replicas == {"gpu": 5, "cpu": 2}


def test_demand_that_goes_to_and_fro_does_not_move_everything_each_time() -> None:
    world = World([gpus(), cpus()])
    world.looks(600.0, 200)

    made = [world.looks(demand, 40) for demand in (390.0, 420.0) * 5]

    assert {one.replicas["gpu"] for one in made} == {0}


def test_bounds_hold_while_everything_moves() -> None:
    world = World([gpus(), cpus()], Bounds(2, 60))
    totals = [sum(world.look(demand).replicas.values()) for demand in [600.0] * 200 + [390.0] * 300]

    assert max(totals) == 60
    assert world.ready == (4, 0)
    assert world.lost == []


def test_least_is_ordered_even_where_no_pool_has_room() -> None:
    world = World([gpus(1), cpus(places=1)], Bounds(4, 10))

    made = world.looks(50.0, 200)

    assert sum(made.replicas.values()) >= 4
    assert made.limited
    assert ("", Why.NO_ROOM) in whys(made)


def test_the_bound_that_stops_it_is_named() -> None:
    made = World([gpus(20), cpus()], Bounds(1, 3)).looks(600.0, 100)

    assert made.replicas == {"gpu": 3, "cpu": 0}
    (reason,) = made.reasons
    assert reason.sentence == "6 are wanted, but spec.scaling.maxReplicas is 3"
    assert made.limited


def test_prices_decide_where_all_pools_have_one() -> None:
    cheap = World([gpus(price=1.0), cpus(60.0, price=0.1)])
    dear = World([gpus(price=0.1), cpus(60.0, price=1.0)])

    assert cheap.looks(600.0, 200).replicas == {"gpu": 0, "cpu": 10}
    assert dear.looks(600.0, 200).replicas == {"gpu": 5, "cpu": 6}


@pytest.mark.parametrize(("price", "ready"), [(0.95, (10, 0)), (0.85, (0, 10))])
def test_a_few_percent_are_not_worth_a_move(price: float, ready: tuple[int, int]) -> None:
    """Prices of the same hardware differ a little from day to day; every pod would start anew."""
    nowhere = gpus(0, price=9.0)
    dear = ImaginedPool("dear", 10.0, price=1.0)
    cheap = ImaginedPool("cheap", 10.0, places=0, price=price)
    world = World([nowhere, dear, cheap])
    world.looks(100.0, 300)
    assert world.ready == (0, 10, 0)

    cheap.places = 1000
    world.looks(100.0, 1500)

    assert world.ready == (0, *ready)
    assert world.lost == []


@st.composite
def worlds(draw: st.DrawFn) -> World:
    rates = st.sampled_from([1.0, 8.0, 10.0, 50.0, 100.0])
    priced = draw(st.booleans())
    pools = [
        ImaginedPool(
            f"p{place}",
            draw(rates),
            places=draw(st.sampled_from([0, 1, 4, 20, 1000])),
            start_seconds=draw(st.sampled_from([3.0, 30.0, 90.0])),
            price=draw(st.sampled_from([0.1, 1.0])) if priced else None,
        )
        for place in range(draw(st.integers(1, 3)))
    ]
    least = draw(st.integers(0, 3))
    return World(pools, Bounds(least, draw(st.sampled_from([5, 20, 300]))))


STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 5.0, 80.0, 390.0, 410.0, 900.0, 3000.0]),
        st.sampled_from([1, 7, 45, 130]),
        st.sampled_from([None, 0, 2, 8, 50]),
    ),
    min_size=1,
    max_size=8,
)


def lived(world: World, steps: Iterable[tuple[float, int, int | None]]) -> list[Distribution]:
    made = []
    for demand, seconds, places in steps:
        if places is not None:
            world.pools[0].places = places
        made += [world.look(demand) for _ in range(seconds)]
    return made


@settings(max_examples=60)
@given(worlds(), STEPS)
def test_no_look_makes_pods_serve_less_and_bounds_hold(
    world: World, steps: list[tuple[float, int, int | None]]
) -> None:
    for made in lived(world, steps):
        assert set(made.replicas) == {pool.name for pool in world.pools}
        assert all(count >= 0 for count in made.replicas.values())
        assert world.bounds.least <= sum(made.replicas.values()) <= world.bounds.most

    assert world.lost == []


@settings(max_examples=25)
@given(worlds(), st.sampled_from([5.0, 80.0, 390.0, 900.0]))
def test_at_rest_it_serves_no_less_than_any_pool_alone(world: World, demand: float) -> None:
    """However much slower the others are."""
    world.looks(demand, 900)

    most = max(min(pool.places, world.bounds.most) * pool.rate for pool in world.pools)
    first = world.pools[0]
    if first.places >= world.bounds.most:
        most = min(most, world.bounds.most * first.rate)
    assert world.served >= min(demand, most) * (1 - 1e-6)


@settings(max_examples=10)
@given(worlds(), STEPS)
def test_the_same_looks_give_the_same_replicas(
    world: World, steps: list[tuple[float, int, int | None]]
) -> None:
    twin = World([replace(pool, starting=[], waiting=[]) for pool in world.pools], world.bounds)

    assert lived(world, steps) == lived(twin, steps)
