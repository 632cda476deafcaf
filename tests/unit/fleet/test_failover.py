"""What a cluster that is not heard of keeps, and who takes over from it."""

from dataclasses import replace

import pytest

from tests.unit.fleet.clusters import Hub, cloud, edge, whys, with_state
from triton_operator.api.enums import ConnectionState, Failover
from triton_operator.fleet.facts import ClusterFacts
from triton_operator.fleet.placement_reasons import Why

LOST, SUSPECT = ConnectionState.LOST, ConnectionState.SUSPECT
RECOVERING = ConnectionState.RECOVERING


def spilling_hub(**settings: object) -> tuple[Hub, list[ClusterFacts]]:
    """An edge that sends 2.4 of 6 to a cloud."""
    hub, facts = Hub(**settings), [edge(need=6.0), cloud(), cloud("other", cost=1.0)]
    hub.place(*facts)
    return hub, facts


@pytest.mark.parametrize("state", [SUSPECT, RECOVERING])
def test_who_is_not_connected_keeps_exactly_what_it_has(state: ConnectionState) -> None:
    hub, facts = spilling_hub()
    before = hub.memory.sites["cloud"]

    placed = hub.place(*with_state([edge(need=12.0), *facts[1:]], "cloud", state))

    site = placed.sites["cloud"]
    assert (site.floor, site.ceiling) == (before.floor, before.ceiling)
    assert Why.HOLDS in whys(site)
    assert placed.sites["edge"].granted == {
        "cloud": pytest.approx(2.4),
        "other": pytest.approx(6.0),
    }


@pytest.mark.parametrize("state", [SUSPECT, RECOVERING, LOST])
def test_an_edge_that_is_silent_is_left_as_it_is(state: ConnectionState) -> None:
    """Whatever it told while nobody trusts what is heard of it."""
    hub, facts = spilling_hub()
    before = hub.place(*facts).sites

    for _ in range(60):
        placed = hub.place(*with_state(facts, "edge", state, need=20.0))

    for name, site in placed.sites.items():
        assert (site.floor, site.ceiling) == (before[name].floor, before[name].ceiling)
        assert site.weights == before[name].weights
        assert site.granted == before[name].granted


@pytest.mark.parametrize(
    ("failover", "taken", "why"),
    [
        (Failover.FREEZE, 2.4, Why.FROZEN),
        (Failover.REPLACE, 6.0, Why.REPLACED),
        (Failover.RELEASE, 0.0, Why.RELEASED),
    ],
)
def test_what_others_do_for_a_lost_edge(failover: Failover, taken: float, why: Why) -> None:
    hub, facts = spilling_hub(edge=failover)

    site = hub.place(*with_state(facts, "edge", LOST)).sites["edge"]

    assert sum(site.granted.values()) == pytest.approx(taken)
    assert why in whys(site)


def test_no_more_replicas_replace_than_allowed() -> None:
    hub = Hub(max_surge=3)
    facts = [cloud("a", need=20.0, ready=22), cloud("b", need=1.0), cloud("c", need=1.0)]
    hub.place(*facts)

    site = hub.place(*with_state(facts, "a", LOST)).sites["a"]

    assert sum(site.granted.values()) == pytest.approx(3.0)
    assert Why.SURGE_LIMITED in whys(site)


def test_what_a_lost_cloud_did_for_others_goes_elsewhere_and_its_floor_is_gone() -> None:
    hub, facts = spilling_hub()

    placed = hub.place(*with_state(facts, "cloud", LOST))

    assert placed.sites["edge"].granted == {"other": pytest.approx(2.4)}
    assert placed.sites["cloud"].floor == 0


@pytest.mark.parametrize(
    ("data_plane", "weights"),
    [(True, {"edge": 60, "cloud": 40}), (None, {"edge": 100}), (False, {"edge": 100})],
)
def test_requests_to_a_lost_cluster_go_by_its_endpoint(
    data_plane: bool | None, weights: dict[str, int]
) -> None:
    """While nothing is ready elsewhere."""
    hub, facts = spilling_hub()
    facts = [*facts[:2], replace(facts[2], ready=0)]

    placed = hub.place(*with_state(facts, "cloud", LOST, data_plane=data_plane))

    assert placed.sites["edge"].weights == weights


def test_back_again_it_gets_nothing_new_until_it_is_connected() -> None:
    hub, facts = spilling_hub()
    hub.place(*with_state(facts, "cloud", LOST))

    recovering = hub.place(*with_state(facts, "cloud", RECOVERING))
    assert recovering.sites["cloud"].floor == 0
    assert "cloud" not in recovering.sites["edge"].granted


def test_a_cluster_that_was_never_connected_gets_and_loses_nothing() -> None:
    placed = Hub().place(edge(need=6.0), cloud(), never())

    site = placed.sites["never"]
    assert (site.floor, site.ceiling, site.weights, site.demand) == (0, 0, {}, 0.0)


def never() -> ClusterFacts:
    return replace(edge("never", None, ready=0), state=LOST)


def test_a_maximum_counts_what_a_lost_cluster_may_run() -> None:
    hub = Hub(most=12)
    facts = [edge(need=2.0, ceiling=4), cloud(need=3.0, ceiling=0)]
    hub.place(*facts)

    placed = hub.place(*with_state([facts[0], cloud(need=30.0, ceiling=8)], "edge", LOST))

    assert (placed.sites["edge"].ceiling, placed.sites["cloud"].ceiling) == (4, 8)


def test_a_maximum_below_what_a_lost_cluster_may_run_leaves_one_replica_and_says_so() -> None:
    hub, facts = Hub(most=12), [edge(need=2.0), cloud(need=3.0)]
    hub.place(*facts)
    hub.settings = replace(hub.settings, most=5)

    placed = hub.place(*with_state(facts, "cloud", LOST))

    site = placed.sites["edge"]
    assert site.ceiling == 1
    assert placed.excess == placed.sites["cloud"].ceiling + 1 - 5
    assert {Why.FLEET_MAXIMUM, Why.CAPACITY_EXCEEDED} <= whys(site)
