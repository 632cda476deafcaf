"""Where demand goes: tiers in order, what may leave and what may not, and what has no place."""

from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from tests.unit.fleet.clusters import Hub, cloud, edge, whys
from triton_operator.api.enums import ConnectionState, TaintEffect, Tier
from triton_operator.fleet.facts import AbsurdFact, ClusterFacts
from triton_operator.fleet.placement import place
from triton_operator.fleet.placement_memory import PlacementMemory
from triton_operator.fleet.placement_reasons import Why
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.planning.queue_model import percentile_seconds, safe_rate
from triton_operator.planning.service_curve import ServiceCurve


def granted(*facts: ClusterFacts, **settings: object) -> dict[str, float]:
    """Of the first one's demand."""
    placed = Hub(**settings).place(*facts)
    return {name: pytest.approx(load) for name, load in placed.sites[facts[0].name].granted.items()}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([edge(), cloud()], {}, id="what fits stays"),
        pytest.param([edge(need=6.0), cloud()], {"cloud": 2.4}, id="above 90 % of the capacity"),
        pytest.param(
            [edge(need=6.0), edge("near", 2.0), cloud()],
            {"near": 1.6, "cloud": 0.8},
            id="its own tier first",
        ),
        pytest.param(
            [cloud(need=50.0), edge(need=0.0), cloud("other")],
            {"other": 14.0},
            id="never down to an edge",
        ),
        pytest.param(
            [edge(need=6.0), cloud("b"), cloud("a")],
            {"a": 2.4},
            id="by name where all else is equal",
        ),
        pytest.param(
            [edge(need=6.0), cloud("near", order=3), cloud("far", order=2, rtt_seconds=0.2)],
            {"far": 2.4},
            id="an explicit order goes first",
        ),
        pytest.param(
            [edge(need=6.0), cloud("a", rtt_seconds=0.2), cloud("b")], {"b": 2.4}, id="the nearer"
        ),
        pytest.param(
            [edge(need=6.0), cloud("a", cost=3.0), cloud("b", cost=1.0)],
            {"b": 2.4},
            id="the cheaper",
        ),
        pytest.param(
            [edge(need=6.0), cloud("a", joules=3.0), cloud("b", joules=1.0)],
            {"b": 2.4},
            id="the one that takes less energy",
        ),
        pytest.param(
            [edge(need=6.0), cloud("a", cost=3.0, speed=4.0), cloud("b", cost=1.0)],
            {"a": 2.4},
            id="the cheaper by what it does",
        ),
        pytest.param(
            [edge(need=8.0), cloud("a", speed=0.5, capacity=4), cloud("b")],
            {"a": 1.8, "b": 2.6},
            id="a slow replica is half a one",
        ),
        pytest.param(
            [edge(need=6.0, local_only_share=0.8), cloud()],
            {"cloud": 1.2},
            id="only what may leave",
        ),
        pytest.param(
            [edge(need=6.0), cloud("a", taints=(TaintEffect.PREFER_NO_SELECT,)), cloud("b")],
            {"b": 2.4},
            id="rather not there",
        ),
        pytest.param(
            [edge(need=6.0), cloud(taints=(TaintEffect.NO_SELECT_IF_NEW,))], {}, id="nothing new"
        ),
        pytest.param([edge(need=6.0), cloud(taints=(TaintEffect.NO_SELECT,))], {}, id="drained"),
        pytest.param(
            [edge(taints=(TaintEffect.NO_SELECT,)), cloud()],
            {"cloud": 2.0},
            id="leaves what is drained",
        ),
        pytest.param([edge(need=6.0), cloud(need=None)], {}, id="own demand there unknown"),
        pytest.param([edge(need=None), cloud()], {}, id="demand unknown"),
        pytest.param([edge(need=6.0), cloud(paused=True)], {}, id="paused"),
    ],
)
def test_who_serves_what(facts: list[ClusterFacts], expected: dict[str, float]) -> None:
    assert granted(*facts) == expected


def test_demand_counts_that_no_capacity_serves() -> None:
    """A site of four replicas that would need fourteen says so, and gets ten elsewhere."""
    assert granted(edge(need=14.0), cloud()) == {"cloud": pytest.approx(10.4)}


def test_who_has_a_part_keeps_it_against_a_slightly_better_one() -> None:
    hub, dear, cheap = Hub(), cloud("a", cost=1.0), cloud("b", cost=1.3)
    hub.place(edge(need=6.0), dear, cheap)

    placed = hub.place(edge(need=6.0), replace(dear, cost=1.3), replace(cheap, cost=1.0))
    assert list(placed.sites["edge"].granted) == ["a"]

    placed = hub.place(edge(need=6.0), replace(dear, cost=3.0), replace(cheap, cost=1.0))
    assert list(placed.sites["edge"].granted) == ["b"]


def test_data_stays_within_its_zones() -> None:
    hub = Hub(zones=("eu",))
    placed = hub.place(
        edge(need=6.0, zones=("eu",)), cloud("us", zones=("us",)), cloud("eu", zones=("eu", "de"))
    )

    assert list(placed.sites["edge"].granted) == ["eu"]
    us = placed.sites["us"]
    assert (us.floor, us.ceiling, us.weights) == (0, 0, {})
    assert Why.OUTSIDE_ZONES in whys(us)


def test_a_cluster_without_zones_is_in_none() -> None:
    assert granted(edge(need=6.0, zones=("eu",)), cloud(), zones=("eu",)) == {}


def test_clients_outside_of_the_zones_are_served_elsewhere_or_not_at_all() -> None:
    hub = Hub(zones=("eu",))
    there, here = edge("us", 2.0, zones=("us",)), cloud("eu", zones=("eu",))

    assert hub.place(there, replace(here, ready=1)).sites["us"].weights == {}
    assert hub.place(there, here).sites["us"].weights == {"eu": 100}


def test_what_must_not_leave_and_has_no_place_is_told() -> None:
    site = Hub().place(edge(need=6.0, local_only_share=0.9), cloud()).sites["edge"]

    assert (site.kept, site.constrained) == (pytest.approx(4.0), pytest.approx(1.4))
    assert Why.RESIDENCY_CONSTRAINED in whys(site)
    assert Why.CAPACITY_EXCEEDED not in whys(site)


OUTSIDE = ("us",)
IN_EU: dict[str, Any] = {"need": 6.0, "zones": ("eu",)}


class KeptIn(NamedTuple):
    """What an edge of four replicas with a demand of six is told of the two without a place."""

    name: str
    others: list[ClusterFacts]
    constrained: float
    budget: float | None = None
    most: int | None = None
    need: float = 6.0


KEPT_IN = [
    KeptIn("room outside", [cloud(zones=OUTSIDE)], 2.0),
    KeptIn("room for a part outside", [cloud(zones=OUTSIDE, capacity=1)], 0.9),
    KeptIn("room for a part inside", [cloud("eu", zones=("eu",), capacity=1)], 0.0),
    KeptIn("drained", [cloud(zones=OUTSIDE, taints=(TaintEffect.NO_SELECT,))], 0.0),
    KeptIn("lost", [cloud(zones=OUTSIDE, state=ConnectionState.LOST)], 0.0),
    KeptIn("an earlier tier", [cloud(zones=OUTSIDE, order=0), cloud("a", order=-1)], 2.0),
    KeptIn("only an earlier tier", [cloud(zones=OUTSIDE, order=-1)], 0.0),
    KeptIn("too far", [cloud(zones=OUTSIDE, rtt_seconds=0.9)], 0.0, budget=0.5),
    KeptIn(
        "one maximum for three",
        [cloud(name, zones=OUTSIDE) for name in ("a", "b", "c")],
        2.0,
        most=6,
        need=12.0,
    ),
    KeptIn("nothing new", [cloud(zones=OUTSIDE, taints=(TaintEffect.NO_SELECT_IF_NEW,))], 0.0),
    KeptIn("its own clients first", [cloud(zones=OUTSIDE, capacity=2, need=1.0)], 0.8),
    KeptIn("a maximum", [cloud(zones=OUTSIDE)], 2.0, most=6),
    KeptIn("no more than a maximum", [cloud(zones=OUTSIDE)], 0.0, most=4),
]


@pytest.mark.parametrize("case", KEPT_IN, ids=lambda case: case.name)
def test_what_would_have_a_place_outside_of_the_zones_is_told(case: KeptIn) -> None:
    hub = Hub(zones=("eu",), budget_seconds=case.budget, most=case.most)
    site = hub.place(edge(**{**IN_EU, "need": case.need}), *case.others).sites["edge"]

    assert site.constrained == pytest.approx(case.constrained)
    assert (Why.RESIDENCY_CONSTRAINED in whys(site)) is (case.constrained > 0)
    assert (Why.CAPACITY_EXCEEDED in whys(site)) is (site.unplaced - site.constrained > 1e-6)
    assert site.granted.keys() <= {"eu"}


def test_room_outside_of_the_zones_is_counted_once() -> None:
    placed = Hub(zones=("eu",)).place(
        edge("a", **IN_EU), edge("b", **IN_EU), cloud(zones=OUTSIDE, capacity=3)
    )

    told = [placed.sites[name].constrained for name in ("a", "b")]
    assert told == [pytest.approx(2.0), pytest.approx(0.7)]


def test_clients_outside_of_the_zones_could_be_served_where_they_are() -> None:
    placed = Hub(zones=("eu",)).place(edge("us", need=2.0, zones=OUTSIDE))

    assert placed.sites["us"].constrained == pytest.approx(2.0)


def test_what_nobody_has_room_for_stays_until_it_has_no_place_at_all() -> None:
    full = cloud(need=36.0)

    above_limit = Hub().place(edge(need=3.9), full).sites["edge"]
    assert (above_limit.kept, above_limit.unplaced) == (3.9, 0.0)
    assert Why.NO_ROOM in whys(above_limit)

    placed = Hub().place(edge(need=7.0), full)
    assert placed.unplaced == pytest.approx(3.0)
    assert Why.CAPACITY_EXCEEDED in whys(placed.sites["edge"])


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"rtt_seconds": 0.06}, Why.OVER_BUDGET),
        ({"rtt_seconds": None}, Why.LATENCY_UNKNOWN),
    ],
)
def test_nothing_goes_where_the_budget_is_not_known_to_be_kept(
    more: dict[str, float | None], why: Why
) -> None:
    placed = Hub(budget_seconds=0.1).place(edge(need=6.0), cloud("a", **more), cloud("b"))

    assert list(placed.sites["edge"].granted) == ["b"]
    assert why in whys(placed.sites["a"])


@pytest.mark.parametrize(
    ("edge_latency", "goes"), [(0.06, True), (0.08, False), (None, False)], ids=str
)
def test_who_has_no_requests_yet_is_taken_to_be_as_slow_as_the_slowest_that_tells(
    edge_latency: float | None, goes: bool
) -> None:
    """A cluster that stands by has answered nobody, so it can tell no latency."""
    facts = (
        edge(need=6.0, p95_seconds=edge_latency),
        edge("other", need=0.5, p95_seconds=None if edge_latency is None else 0.01, capacity=1),
        cloud(p95_seconds=None),
    )

    placed = Hub(budget_seconds=0.1).place(*facts)

    assert ("cloud" in placed.sites["edge"].granted) is goes
    assert (Why.LATENCY_UNKNOWN in whys(placed.sites["cloud"])) is (edge_latency is None)


def test_a_queue_that_is_too_long_tells_nothing_of_who_has_no_requests_yet() -> None:
    """A curve tells how slow a cluster is as it is planned; what it measures now may be of just the
    load that is to leave."""
    curve = ServiceCurve(0.002, 0.001, 4)
    full = edge(need=6.0, p95_seconds=3.0)
    other = edge("other", need=0.5, capacity=1, curve=curve, safe_rate=200.0)
    facts = (full, other, cloud(p95_seconds=None))

    placed = Hub(budget_seconds=0.1).place(*facts)

    assert placed.sites["edge"].granted["cloud"] > 0


def test_the_way_between_two_clusters_counts_where_it_is_measured() -> None:
    far = edge(need=6.0, peer_rtt={"a": 0.3})

    assert list(granted(far, cloud("a"), cloud("b"), budget_seconds=0.1)) == ["b"]


SLOW, FAST = ServiceCurve(0.06, 0.03, 4), ServiceCurve(0.004, 0.0015, 32)


def test_it_spills_before_it_is_full_where_its_queue_is_slower_than_the_way() -> None:
    slow = edge(need=3.4, curve=SLOW, safe_rate=safe_rate(SLOW, 0.6, 0.95))
    fast = cloud(curve=FAST, safe_rate=safe_rate(FAST, 0.1, 0.95), rtt_seconds=0.23)

    placed = Hub().place(slow, fast)

    site = placed.sites["edge"]
    assert Why.INVERTED in whys(site)
    kept = site.kept / 4
    assert 0.6 < kept < 0.8
    # Where it crosses, by the model itself: what stays is about as fast as what leaves.
    here = percentile_seconds(SLOW, kept * (slow.safe_rate or 0), 0.95)
    there = 0.24 + percentile_seconds(FAST, 0.9 * (fast.safe_rate or 0), 0.95)
    assert here == pytest.approx(1.1 * there, rel=0.04)


def test_a_fast_cluster_far_away_is_no_reason_to_spill_early() -> None:
    slow = edge(need=3.4, curve=SLOW, safe_rate=safe_rate(SLOW, 0.6, 0.95))
    fast = cloud(curve=FAST, safe_rate=safe_rate(FAST, 0.1, 0.95), rtt_seconds=0.5)

    assert granted(slow, fast) == {}


def test_demand_is_smoothed_less_where_it_grows_and_a_silent_metric_is_no_zero() -> None:
    hub = Hub(rising_seconds=60.0, smoothing_seconds=120.0)
    assert hub.place(edge(need=2.0)).sites["edge"].demand == 2.0

    # After one time constant each, 63 % of the way.
    growing = [hub.place(edge(need=6.0)).sites["edge"].demand for _ in range(2)]
    assert growing[-1] == pytest.approx(2.0 + 4.0 * 0.6321, rel=1e-3)
    falling = [hub.place(edge(need=0.0)).sites["edge"].demand for _ in range(4)]
    assert falling[-1] == pytest.approx(growing[-1] * 0.3679, rel=1e-3)
    assert hub.place(edge(need=None)).sites["edge"].demand == falling[-1]


def test_the_order_in_which_clusters_are_known_means_nothing() -> None:
    facts = [edge("a", 6.0), edge("b", 3.0), cloud("c"), cloud("d", cost=1.0)]
    settings = PlacementSettings(most=20)

    forwards = place(facts, settings, PlacementMemory(), 0.0)
    assert place(facts[::-1], settings, PlacementMemory(), 0.0) == forwards


def test_two_clusters_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="one name"):
        Hub().place(edge(), edge())


@pytest.mark.parametrize(
    "more",
    [
        {"need": float("nan")},
        {"need": -1.0},
        {"capacity": 10**9},
        {"speed": 0.0},
        {"local_only_share": 1.5},
        {"rtt_seconds": float("inf")},
        {"peer_rtt": {"cloud": -1.0}},
    ],
)
def test_absurd_numbers_of_a_member_are_refused(more: dict[str, float]) -> None:
    with pytest.raises(AbsurdFact, match="cluster edge: "):
        edge(**{"need": 1.0, **more})


def test_tiers_are_filled_from_the_edge_on() -> None:
    assert [one.value for one in Tier] == ["Edge", "OnPrem", "Cloud"]
