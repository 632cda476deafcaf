"""A change goes through fleets drawn at random: who may have it, when, and that it ends."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from tests.unit.fleet.changes import GOOD, Changes, Cluster, changes

NAMES = "abcdef"
fleets = st.builds(
    lambda names, canaries, most: changes(*names, canaries=tuple(canaries), most=most),
    st.integers(1, len(NAMES)).map(lambda count: NAMES[:count]),
    st.lists(st.sampled_from([*NAMES, "gone"]), unique=True, max_size=3),
    st.integers(1, 3),
)


def disturb(data: DataObject, one: Cluster) -> None:
    """Anything that a cluster does by itself."""
    match data.draw(st.sampled_from(["connected", "suspect", "lost", "paused", "slow", "unwell"])):
        case "connected":
            one.heard, one.lost, one.paused, one.slow, one.unwell = True, False, False, False, ""
        case "suspect":
            one.heard = False
        case "lost":
            one.heard, one.lost = False, True
        case "paused":
            one.paused = True
        case "slow":
            one.slow = True
        case "unwell":
            one.unwell = "does not serve"


def under_way(made: Changes) -> list[str]:
    """Clusters that have it, are waited for, and have not proven it."""
    return [
        name
        for name, one in made.clusters.items()
        if one.template == made.wanted
        and not (one.lost or one.paused)
        and not made.memory.is_complete
        and not made.memory.updates[name].is_proven
    ]


@settings(max_examples=300)
@given(fleets, st.data())
def test_rules_hold_whatever_clusters_do(made: Changes, data: DataObject) -> None:
    made.wanted = "B"
    for _ in range(data.draw(st.integers(1, 30))):
        name = data.draw(st.sampled_from(sorted(made.clusters)))
        disturb(data, made.clusters[name])
        if data.draw(st.integers(0, 9)) == 0:
            made.wanted = data.draw(st.sampled_from("ABC"))
        before = {name: one.template for name, one in made.clusters.items()}
        rollout = made.decide()

        for name, one in made.clusters.items():
            if one.template != before[name]:
                assert name in rollout.started or made.memory.is_complete
                assert one.heard, "it could not be told"
                assert not one.lost
                assert not one.paused
        if rollout.started:
            assert len(under_way(made)) <= made.settings.most
            assert not made.memory.failed
        if rollout.started and not set(rollout.started) <= set(made.settings.canaries):
            assert all(
                one.lost or one.paused or made.memory.updates[name].is_proven
                for name, one in made.clusters.items()
                if name in made.settings.canaries
            ), "canaries first"
        made.follow()
        made.now += data.draw(st.integers(1, 400))


@settings(max_examples=100)
@given(fleets)
def test_every_cluster_gets_it_where_all_is_well(made: Changes) -> None:
    made.wanted = "B"
    order: list[str] = []
    for _ in range(400):
        order += made.decide().started
        made.follow()
        made.now += 30

    assert made.memory.is_complete
    assert sorted(order) == sorted(made.clusters)
    canaries = [name for name in made.settings.canaries if name in made.clusters]
    assert order[: len(canaries)] == canaries


@settings(max_examples=100)
@given(fleets, st.data())
def test_a_bad_change_reaches_no_more_clusters_than_a_step(made: Changes, data: DataObject) -> None:
    made.wanted = "B"
    for one in made.clusters.values():
        one.worse_with = "B"
    made.go(data.draw(st.integers(400, 20_000)))

    assert made.memory.failed
    assert len(made.having("B")) <= made.settings.most
    assert set(made.having("A")) == made.clusters.keys() - set(made.having("B"))
    made.wanted = "A"
    made.go(330 * len(made.clusters))
    assert made.having("A") == list(made.clusters)
    assert made.memory.is_complete
    assert all(one.level == GOOD for one in made.clusters.values())


@settings(max_examples=100)
@given(fleets, st.data())
def test_lost_clusters_hold_nobody_for_ever(made: Changes, data: DataObject) -> None:
    lost = data.draw(st.sets(st.sampled_from(sorted(made.clusters))))
    made.wanted = "B"
    made.go(data.draw(st.integers(0, 2000)))
    for name in lost:
        made.clusters[name].heard, made.clusters[name].lost = False, True
    made.go(330 * (len(made.clusters) + 1))
    assert made.clusters.keys() - lost <= set(made.having("B"))

    for name in lost:
        made.clusters[name].heard, made.clusters[name].lost = True, False
    made.go(330 * (len(made.clusters) + 1))
    assert made.memory.is_complete
    assert made.having("B") == list(made.clusters)
