"""Demand of each cluster's own clients, from what reaches clusters."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.fleet.clusters import Hub, cloud, edge
from triton_operator.api.enums import ConnectionState
from triton_operator.fleet.facts import ClusterFacts
from triton_operator.fleet.own_demand import FOLLOWING_SECONDS, own_demand
from triton_operator.fleet.placement_memory import PlacementMemory, SiteMemory, after_restart
from triton_operator.fleet.placement_settings import PlacementSettings

SETTINGS = PlacementSettings()
LONG_AGO, JUST_NOW = -FOLLOWING_SECONDS, -1.0


def needs(
    facts: tuple[ClusterFacts, ...],
    memory: dict[str, SiteMemory],
    settings: PlacementSettings = SETTINGS,
) -> dict[str, float | None]:
    found = own_demand(facts, settings, PlacementMemory(0.0, memory), 0.0)
    return {one.name: None if one.need is None else round(one.need, 6) for one in found}


def sends(percent: int, held: float, changed: float = LONG_AGO, before: int = 0) -> SiteMemory:
    return SiteMemory(
        held=held,
        weights={"edge": 100 - percent, "cloud": percent},
        earlier=((changed, {"edge": 100 - before, "cloud": before}),),
    )


def keeps(held: float) -> SiteMemory:
    return SiteMemory(held=held, weights={"cloud": 100})


@pytest.mark.parametrize(
    ("why", "arriving", "edge_memory", "cloud_held", "own"),
    [
        ("nothing is sent", (3.0, 8.0), sends(0, 3.0), 8.0, (3.0, 8.0)),
        ("all follow", (3.6, 2.4), sends(40, 6.0), 0.0, (6.0, 0.0)),
        ("all follow, the cloud has its own", (3.6, 10.4), sends(40, 6.0), 8.0, (6.0, 8.0)),
        ("all follow, and there is more of it", (5.4, 3.6), sends(40, 6.0), 0.0, (9.0, 0.0)),
        ("all follow, and there is less of it", (1.8, 9.2), sends(40, 6.0), 8.0, (3.0, 8.0)),
        ("nobody follows, and nothing comes", (6.0, 0.0), sends(40, 6.0), 0.0, (6.0, 0.0)),
        ("half follows", (4.8, 1.2), sends(40, 6.0), 0.0, (6.0, 0.0)),
        ("all is sent, and as much as it was", (0.0, 6.0), sends(100, 6.0), 0.0, (6.0, 0.0)),
        ("all is sent, and less comes", (0.0, 2.0), sends(100, 6.0), 0.0, (2.0, 0.0)),
        # Weights of a moment ago: clients may go by the former or by the new ones.
        ("nobody has read it", (6.0, 8.0), sends(40, 6.0, JUST_NOW), 8.0, (6.0, 8.0)),
        ("half has read it", (4.8, 9.2), sends(40, 6.0, JUST_NOW), 8.0, (6.0, 8.0)),
        ("all have read it", (3.6, 10.4), sends(40, 6.0, JUST_NOW), 8.0, (6.0, 8.0)),
        ("all have, and there is more", (5.4, 3.6), sends(40, 6.0, JUST_NOW), 0.0, (9.0, 0.0)),
        ("nobody has read that it ends", (3.6, 10.4), sends(0, 6.0, JUST_NOW, 40), 8.0, (6.0, 8.0)),
        ("all have read that it ends", (6.0, 8.0), sends(0, 6.0, JUST_NOW, 40), 8.0, (6.0, 8.0)),
    ],
)
def test_what_reaches_two_clusters_is_told_apart(
    why: str,
    arriving: tuple[float, float],
    edge_memory: SiteMemory,
    cloud_held: float,
    own: tuple[float, float],
) -> None:
    facts = (edge(need=arriving[0]), cloud(need=arriving[1]))

    found = needs(facts, {"edge": edge_memory, "cloud": keeps(cloud_held)})

    assert (found["edge"], found["cloud"]) == pytest.approx(own)


def test_what_must_stay_has_no_part_in_the_weights() -> None:
    """Half of 6 must not leave, and 40 % of the other half do."""
    facts = (replace(edge(need=4.8), local_only_share=0.5), cloud(need=1.2))

    assert needs(facts, {"edge": sends(40, 6.0), "cloud": keeps(0.0)}) == {
        "edge": 6.0,
        "cloud": 0.0,
    }


def test_two_that_send_share_what_arrived_by_what_they_were_to_send() -> None:
    facts = (edge(need=6.0), edge("shop", need=3.0), cloud(need=3.0))
    memory = {
        "edge": sends(50, 12.0),
        "shop": SiteMemory(held=6.0, weights={"shop": 50, "cloud": 50}),
        "cloud": keeps(0.0),
    }

    # Were all to follow it would be 9 that arrive.
    assert needs(facts, memory) == {"edge": 8.0, "shop": 4.0, "cloud": 0.0}


@pytest.mark.parametrize("cloud_need", [8.0, 9.0, 10.4])
def test_of_a_cluster_that_is_not_heard_of_neither_demand_nor_its_absence_is_known(
    cloud_need: float,
) -> None:
    """Its clients may be cut off, or may send what they sent: the cloud's own stays what it was."""
    lost = replace(edge(need=1.0), state=ConnectionState.LOST)

    found = needs((lost, cloud(need=cloud_need)), {"edge": sends(40, 6.0), "cloud": keeps(8.0)})

    assert found == {"edge": 1.0, "cloud": 8.0}


@pytest.mark.parametrize(("arriving", "own"), [(3.6, 6.0), (6.0, 6.0), (7.0, 7.0), (2.0, 10 / 3)])
def test_what_goes_to_a_cluster_that_is_not_heard_of_may_arrive_or_not(
    arriving: float, own: float
) -> None:
    facts = (edge(need=arriving), cloud(state=ConnectionState.SUSPECT, need=None))

    found = needs(facts, {"edge": sends(40, 6.0), "cloud": keeps(8.0)})

    assert found["edge"] == pytest.approx(own)


@pytest.mark.parametrize("how", [{"addressed": False}, {"suffix": "-far"}])
def test_clients_that_are_not_told_of_a_cluster_are_not_taken_to_go_there(
    how: dict[str, Any],
) -> None:
    """For as long as they like: its own demand is what it always was."""
    far = cloud(need=20.0, **how)

    found = needs((edge(need=6.0), far), {"edge": sends(40, 6.0), "cloud": keeps(20.0)})
    routed = needs(
        (edge(need=3.6), replace(far, need=22.4)), {"edge": sends(40, 6.0), "cloud": keeps(20.0)}
    )

    assert found == {"edge": 6.0, "cloud": 20.0}
    # Somebody else's router may go by the weights in the status.
    assert routed == {"edge": 6.0, "cloud": 20.0}


def test_after_a_restart_clients_may_not_have_followed_yet() -> None:
    published = {"edge": replace(sends(40, 6.0), earlier=()), "cloud": keeps(8.0)}
    memory = after_restart(published, 0.0)

    for arriving in ((6.0, 8.0), (3.6, 10.4)):
        found = own_demand(
            (edge(need=arriving[0]), cloud(need=arriving[1])), SETTINGS, memory, 30.0
        )
        assert [one.need for one in found] == pytest.approx([6.0, 8.0])


def test_one_that_tells_no_demand_has_none_made_up() -> None:
    facts = (edge(need=None), cloud(need=10.4))

    assert needs(facts, {"edge": sends(40, 6.0), "cloud": keeps(8.0)}) == {
        "edge": None,
        "cloud": 8.0,
    }


LOADS = st.floats(0.0, 50.0)
PERCENTS = st.lists(st.integers(0, 25), min_size=5, max_size=5)


@given(
    arriving=st.lists(LOADS, min_size=2, max_size=5),
    held=st.lists(LOADS, min_size=5, max_size=5),
    weights=st.lists(
        st.lists(st.integers(0, 30), min_size=5, max_size=5), min_size=10, max_size=10
    ),
    seconds=st.floats(0.0, 2 * FOLLOWING_SECONDS),
)
def test_no_demand_is_lost_or_made_up(
    arriving: list[float], held: list[float], weights: list[list[int]], seconds: float
) -> None:
    """Whoever follows: what reaches all clusters together is what all clients ask for."""
    names = [f"site-{number}" for number in range(len(arriving))]
    facts = [cloud(name, need=need) for name, need in zip(names, arriving, strict=True)]

    def row(number: int, percents: list[int]) -> dict[str, int]:
        # To later ones only, as an order of filling has it.
        away = dict(zip(names[number + 1 :], percents, strict=False))
        return {names[number]: 100 - sum(away.values()), **away}

    memory = {
        name: SiteMemory(
            held=held[number],
            weights=row(number, weights[number]),
            earlier=((-seconds, row(number, weights[number + 5])),),
        )
        for number, name in enumerate(names)
    }

    found = own_demand(facts, SETTINGS, PlacementMemory(0.0, memory), 0.0)

    own = [one.need for one in found if one.need is not None]
    assert min(own) >= 0.0
    assert sum(own) == pytest.approx(sum(arriving), abs=1e-6)


@pytest.mark.parametrize(
    ("follows", "cloud_own", "kept"),
    [
        (1.0, 0.0, 3.6),
        (1.0, 8.0, 3.6),
        (1.0, 20.0, 3.6),
        # Of 40 %, seven tenths leave: demand is known, and the weights are as if all followed.
        (0.7, 0.0, 6.0 - 0.7 * 2.4),
        (0.0, 0.0, 6.0),
        (0.0, 20.0, 6.0),
    ],
)
def test_an_edge_keeps_what_it_should_as_far_as_clients_follow(
    follows: float, cloud_own: float, kept: float
) -> None:
    """6 are asked for where 4 can run, of which 3.6 are to be used."""
    hub = Hub(smoothing_seconds=120.0, rising_seconds=60.0)
    lists, here, there = [0, 0], [], []
    for _ in range(60):
        # Lists are read after a minute.
        away = 6.0 * follows * lists[-2] / 100
        here.append(6.0 - away)
        there.append(cloud_own + away)
        placed = hub.place(
            edge(need=here[-1]), cloud(need=there[-1], capacity=60, ready=60), seconds=30.0
        )
        lists.append(placed.sites["edge"].weights.get("cloud", 0))

    # A percent of weight is 0.06 of 6.
    assert here[-20:] == pytest.approx([kept] * 20, abs=0.13)
    # And never much less on the way, which would be for demand that nobody has.
    assert min(here) >= kept - 0.4
    # Whatever is taken for whose, the cloud has replicas for both, and no more than that.
    shop, far = placed.sites["edge"], placed.sites["cloud"]
    assert sum(shop.granted.values()) + far.demand == pytest.approx(
        max(cloud_own + 2.4, there[-1]), abs=0.2
    )
