"""The simulated fleet itself: what is served, by whom, and what a cut does."""

from dataclasses import replace

import numpy as np
import pytest

from bench.fleet.clients import LIST_SECONDS
from bench.fleet.policies import ALONE, NAIVE, OURS, POLICIES
from bench.fleet.simulation import simulate
from bench.fleet.site import COLD_START_SECONDS, Site
from bench.fleet.weather import STEP_SECONDS, Place, Weather, fleet, weather
from triton_operator.api.enums import Tier

PLACES = fleet(1, 1)
STEPS = 720


def steady(edge: float, cloud: float = 8.0) -> Weather:
    """An hour without any change."""
    demand = np.tile([edge, cloud], (STEPS, 1))
    always = np.ones((STEPS, 2), np.bool_)
    return Weather(0, PLACES, demand, always, always)


@pytest.mark.parametrize("policy", [OURS, NAIVE, ALONE])
def test_what_fits_is_served_by_anybody_without_a_move(policy: str) -> None:
    result = simulate(steady(2.0), POLICIES[policy])

    assert (result.unserved, result.floor_changes) == (0.0, 0)
    assert result.demand == pytest.approx(10.0 * STEPS * STEP_SECONDS)


def test_alone_an_edge_serves_what_it_can_and_a_fleet_the_rest() -> None:
    alone, ours = (simulate(steady(6.0), POLICIES[policy]) for policy in (ALONE, OURS))

    assert alone.unserved == pytest.approx(2.0 * STEPS * STEP_SECONDS, rel=0.01)
    assert alone.impossible == 0.0
    # Until the first weights arrive and clients read them, and until what they ask for is ready.
    assert ours.unserved <= 2.0 * (COLD_START_SECONDS + LIST_SECONDS + 60)


def test_where_nobody_follows_a_fleet_is_no_better_than_its_edges_alone() -> None:
    half, nobody = (simulate(steady(6.0), POLICIES[OURS], follows) for follows in (0.5, 0.0))

    assert nobody.unserved == pytest.approx(2.0 * STEPS * STEP_SECONDS, rel=0.01)
    # What stays at home although it should leave raises the share that is to.
    assert half.unserved <= 0.2 * nobody.unserved


def test_a_cut_edge_serves_all_that_it_can_by_itself() -> None:
    calm = steady(6.0)
    linked = calm.linked.copy()
    linked[STEPS // 2 :, 0] = False

    result = simulate(replace(calm, linked=linked), POLICIES[OURS])

    cut = 2.0 * (STEPS // 2) * STEP_SECONDS
    assert result.impossible == pytest.approx(cut)
    assert cut <= result.unserved <= cut + 2.0 * (COLD_START_SECONDS + LIST_SECONDS + 60)


def test_a_site_starts_at_once_waits_for_it_and_keeps_its_bounds() -> None:
    site = Site(Place("a", Tier.EDGE, 4, 1.0, 0.0, 0.0, 0.0), ceiling=3)
    site.begin(1.0)

    late = [site.step(float(now), 6.0) for now in range(0, 300, STEP_SECONDS)]

    assert site.replicas == site.ready == 3
    assert late[0] == pytest.approx(4.0)
    assert late[-1] == pytest.approx(3.0)
    site.floor = 2
    for now in range(300, 1200, STEP_SECONDS):
        site.step(float(now), 0.0)
    assert site.ready == 2


def test_every_policy_meets_the_same_weather() -> None:
    first, second = (weather(5, fleet(2, 2), 1.0) for _ in range(2))

    assert (first.demand == second.demand).all()
    assert (first.linked == second.linked).all()
    assert not first.linked.all()
    assert first.up.all()
    assert not weather(5, fleet(2, 2), 1.0, blackout=True).up.all()
