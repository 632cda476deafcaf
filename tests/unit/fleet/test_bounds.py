"""Floors, ceilings and weights from one decision to the next."""

from dataclasses import replace

import pytest

from tests.unit.fleet.clusters import Hub, cloud, edge, whys
from triton_operator.api.enums import TaintEffect
from triton_operator.fleet.placement_memory import SiteMemory, after_restart, with_wanted
from triton_operator.fleet.placement_reasons import Why
from triton_operator.fleet.works import is_out


def test_a_floor_covers_own_and_others_demand_and_only_where_others_demand_is() -> None:
    placed = Hub().place(edge(need=6.0), cloud(need=3.0), cloud("other", need=5.0))

    assert {name: site.floor for name, site in placed.sites.items()} == {
        "edge": 0,
        "cloud": 6,
        "other": 0,
    }


def test_a_floor_goes_up_at_once_and_down_to_the_most_of_the_window() -> None:
    hub = Hub(window_seconds=900.0)
    floors = []
    for need in (6.0, 9.0, 7.0, 7.0, 3.0, 3.0, 3.0):
        floors.append(hub.place(edge(need=need), cloud(), seconds=300.0).sites["cloud"].floor)

    assert floors == [3, 6, 6, 6, 4, 4, 0]


def test_the_kept_floor_says_so() -> None:
    hub = Hub()
    hub.place(edge(need=9.0), cloud())
    site = hub.place(edge(need=6.0), cloud()).sites["cloud"]

    (kept,) = [one for one in site.reasons if one.why is Why.FLOOR_KEPT]
    assert kept.numbers == {"floor": 6, "wanted": 3, "most": 6, "window": 900}


def test_a_quarter_of_a_replica_is_no_reason_for_one_more() -> None:
    hub = Hub()
    floors = [hub.place(edge(need=need), cloud()).sites["cloud"].floor for need in (6.5, 6.75, 6.9)]

    assert floors == [3, 3, 4]


def test_so_little_of_others_demand_makes_no_floor_but_keeps_one() -> None:
    hub, target = Hub(), cloud(need=5.5)

    assert hub.place(edge(need=3.8), target).sites["cloud"].floor == 0
    assert hub.place(edge(need=3.9), target).sites["cloud"].floor == 6
    assert hub.place(edge(need=3.8), target, seconds=1000.0).sites["cloud"].floor == 6
    # Where clients follow their list, a tenth of theirs is among what reaches the cloud.
    assert hub.place(edge(need=3.2), target, seconds=1000.0).sites["cloud"].floor == 0


def test_a_restart_of_the_hub_shrinks_nothing_for_a_window() -> None:
    hub = Hub()
    hub.place(edge(need=9.0), cloud())
    published = {
        name: SiteMemory(floor=site.floor, ceiling=site.ceiling)
        for name, site in hub.memory.sites.items()
    }
    hub.memory = after_restart(published, hub.now)

    floors = [
        hub.place(edge(need=1.0), cloud(), seconds=300.0).sites["cloud"].floor for _ in range(4)
    ]

    assert floors == [6, 6, 0, 0]


def test_the_window_keeps_few_rows_and_the_most_of_them() -> None:
    rows: tuple[tuple[float, int], ...] = ()
    seen: list[tuple[float, int]] = []
    for step in range(200):
        wanted = (step * 7919) % 23
        rows = with_wanted(rows, step * 30.0, wanted, 900.0)
        seen.append((step * 30.0, wanted))
        within = [value for time, value in seen if time > step * 30.0 - 900.0]
        assert rows[0][1] == max(within)
    assert len(rows) < 23


def test_no_more_is_sent_than_is_ready_there_beside_its_own_demand() -> None:
    hub, target = Hub(), cloud(need=2.0, ready=3)

    first = hub.place(edge(need=6.0), target).sites["edge"]
    later = hub.place(edge(need=6.0), replace(target, ready=5)).sites["edge"]

    assert first.weights == {"edge": 84, "cloud": 16}
    assert Why.NOT_READY in whys(first)
    assert later.weights == {"edge": 60, "cloud": 40}
    assert Why.NOT_READY not in whys(later)


def test_two_edges_share_what_is_ready_and_do_not_both_claim_it() -> None:
    placed = Hub().place(edge("a", 6.0), edge("b", 6.0), cloud(ready=3))

    assert placed.sites["a"].weights == {"a": 60, "cloud": 40}
    assert placed.sites["b"].weights == {"b": 90, "cloud": 10}


def test_weights_are_of_what_may_leave() -> None:
    placed = Hub().place(edge(need=6.0, local_only_share=0.5), cloud())

    assert placed.sites["edge"].weights == {"edge": 20, "cloud": 80}


def test_who_served_goes_on_until_the_new_one_is_ready() -> None:
    hub, old, new = Hub(), cloud("old"), cloud("new", ready=0, cost=1.0)
    hub.place(edge(need=6.0), old, new)

    old, new = replace(old, cost=9.0), replace(new, cost=0.0)
    before = hub.place(edge(need=6.0), old, new).sites["edge"]
    between = hub.place(edge(need=6.0), old, replace(new, ready=1)).sites["edge"]
    after = hub.place(edge(need=6.0), old, replace(new, ready=3)).sites["edge"]

    assert list(before.granted) == ["new"]
    assert before.weights == {"edge": 60, "old": 40}
    assert between.weights == {"edge": 60 + 1, "new": 16, "old": 23}
    assert after.weights == {"edge": 60, "new": 40}


def test_who_served_does_not_go_on_where_nothing_may_be_sent_any_more() -> None:
    hub = Hub()
    assert "cloud" in hub.place(edge(need=6.0), cloud()).sites["edge"].weights

    moved_back = hub.place(edge(need=6.0, order=9), cloud())

    assert moved_back.sites["edge"].weights == {"edge": 100}


def test_an_endpoint_that_does_not_answer_gets_nothing() -> None:
    hub = Hub()
    hub.place(edge(need=6.0), cloud())

    placed = hub.place(edge(need=6.0), cloud(data_plane=False))

    assert placed.sites["edge"].weights == {"edge": 100}
    assert Why.DATA_PLANE_DOWN in whys(placed.sites["cloud"])


def test_the_fleets_maximum_trims_the_last_tier_first() -> None:
    placed = Hub(most=8).place(edge("a", 6.0), edge("b", 2.0), cloud(need=3.0))

    assert {name: site.ceiling for name, site in placed.sites.items()} == {
        "a": 4,
        "b": 2,
        "cloud": 2,
    }


def test_each_cluster_has_one_replica_of_a_maximum_before_any_has_more() -> None:
    placed = Hub(most=5).place(edge("a", 9.0), edge("b", 9.0), cloud(need=None))

    assert [site.ceiling for site in placed.sites.values()] == [2, 2, 1]
    assert placed.left_out == ()


def test_each_has_the_services_minimum_before_any_has_more_for_its_demand() -> None:
    placed = Hub(most=7, least=2).place(edge("a", 9.0), edge("b", 0.0), cloud(need=None))

    assert [site.ceiling for site in placed.sites.values()] == [3, 2, 2]


def test_what_is_free_goes_to_who_has_nothing_before_who_has_something_has_more() -> None:
    facts = edge("a", 9.0, ceiling=2), edge("b", 0.0, ceiling=3), cloud("c", need=None)

    placed = Hub(most=6).place(*facts)

    assert [site.ceiling for site in placed.sites.values()] == [2, 1, 1]


def test_what_is_set_aside_serves_others_too() -> None:
    placed = Hub(most=5).place(edge(need=9.0), cloud(need=0.0))

    assert [site.ceiling for site in placed.sites.values()] == [4, 1]
    assert placed.sites["edge"].granted == {"cloud": pytest.approx(1.0)}


def test_a_maximum_below_the_number_of_clusters_leaves_the_last_ones_out() -> None:
    hub, facts = Hub(most=2), (edge("a"), edge("b"), cloud("c"))
    placed = hub.place(*facts)

    assert [site.ceiling for site in placed.sites.values()] == [1, 1, 0]
    assert (placed.left_out, placed.excess) == (("c",), 0)

    hub.settings = replace(hub.settings, most=1)
    placed = hub.place(*facts)

    assert [site.ceiling for site in placed.sites.values()] == [1, 1, 0], "nothing is taken away"
    assert (placed.left_out, placed.excess) == (("c",), 1)


def test_what_runs_where_nothing_is_placed_any_more_counts() -> None:
    placed = Hub(most=8, elsewhere={"Cloud": 2, "": 1}).place(edge(), cloud(need=9.0))
    of_tier = Hub(tier_most={"Cloud": 8}, elsewhere={"Cloud": 2, "": 1}).place(cloud(need=9.0))

    assert [site.ceiling for site in placed.sites.values()] == [2, 3]
    assert of_tier.sites["cloud"].ceiling == 6


def test_a_tiers_maximum_bounds_what_it_takes() -> None:
    placed = Hub(tier_most={"Cloud": 5}).place(edge(need=12.0), cloud("c"), cloud("d", need=1.0))

    assert placed.sites["c"].ceiling + placed.sites["d"].ceiling == 5
    assert sum(placed.sites["edge"].granted.values()) == pytest.approx(4.0)
    assert placed.unplaced == pytest.approx(4.0)
    assert Why.CAPACITY_EXCEEDED in whys(placed.sites["edge"])


def test_own_demand_beyond_the_maximum_is_trimmed_and_told() -> None:
    placed = Hub(most=5).place(edge(need=4.0), cloud(need=6.0))

    assert (placed.sites["edge"].ceiling, placed.sites["cloud"].ceiling) == (4, 1)
    assert Why.FLEET_MAXIMUM in whys(placed.sites["cloud"])
    assert placed.unplaced == pytest.approx(5.0)


def test_a_ceiling_is_raised_only_when_another_is_not_in_force_any_more() -> None:
    hub = Hub(most=10)
    calm, busy = edge("a", 1.0, ceiling=0), cloud("c", need=6.0, ceiling=0)
    hub.place(calm, busy)
    assert [site.ceiling for site in hub.memory.sites.values()] == [4, 6]

    slow = replace(busy, ceiling=6)
    more = cloud("b", need=3.0, ceiling=0)
    first = hub.place(replace(calm, ceiling=4), slow, more)
    assert [first.sites[name].ceiling for name in "abc"] == [1, 0, 6]

    unread = hub.place(replace(calm, ceiling=4), slow, replace(more, ceiling=0))
    assert unread.sites["b"].ceiling == 0
    read = hub.place(replace(calm, ceiling=1), slow, replace(more, ceiling=0))
    assert [read.sites[name].ceiling for name in "abc"] == [1, 3, 6]


def test_a_drained_cluster_keeps_replicas_for_what_still_goes_there() -> None:
    hub, drained = Hub(), edge(need=3.0, taints=(TaintEffect.NO_SELECT,))

    found = [hub.place(drained, cloud(ready=ready)).sites["edge"] for ready in (1, 1, 4, 4)]

    assert [(one.ceiling, one.weights) for one in found] == [
        (3, {"edge": 67, "cloud": 33}),
        (2, {"edge": 67, "cloud": 33}),
        (2, {"cloud": 100}),
        (0, {"cloud": 100}),
    ]


def test_a_drained_cluster_is_emptied_only_once_its_requests_were_sent_away() -> None:
    hub, drained = Hub(), edge(need=3.0, taints=(TaintEffect.NO_SELECT,))
    hub.place(edge(need=3.0), cloud())

    first, second = (hub.place(drained, cloud()).sites["edge"] for _ in range(2))

    assert (first.weights, is_out(first)) == ({"cloud": 100}, False)
    assert (second.weights, is_out(second)) == ({"cloud": 100}, True)


def test_demand_that_grows_does_not_keep_a_drained_cluster() -> None:
    hub = Hub()
    for need in (2.0, 2.1, 2.2):
        drained = edge(need=need, taints=(TaintEffect.NO_SELECT,))
        placed = hub.place(drained, cloud()).sites["edge"]

    assert is_out(placed)


def test_a_drained_cluster_that_serves_and_never_told_its_demand_is_not_emptied() -> None:
    hub, drained = Hub(), edge(need=None, ceiling=4, taints=(TaintEffect.NO_SELECT,))
    hub.place(edge(need=None), cloud())

    for _ in range(2):
        placed = hub.place(drained, cloud()).sites["edge"]
    assert (placed.ceiling, placed.weights, is_out(placed)) == (4, {"edge": 100}, False)
    assert Why.DEMAND_UNKNOWN in whys(placed)

    assert is_out(hub.place(replace(drained, ready=0), cloud()).sites["edge"])


def test_a_maximum_holds_for_a_drained_cluster_of_unknown_demand_too() -> None:
    hub = Hub()
    hub.place(edge(need=None))
    hub.settings = replace(hub.settings, most=3)

    drained = edge(need=None, ready=1, taints=(TaintEffect.NO_SELECT,))

    assert hub.place(drained).sites["edge"].ceiling == 3
