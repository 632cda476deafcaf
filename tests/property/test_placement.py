"""Placement over any pools: only those that match, each once, in an order that means something."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import pool_names
from tests.unit.planning.building import pool, takes_anything
from triton_operator.api.enums import AcceleratorKind, Preference
from triton_operator.api.inference_service import Hardware
from triton_operator.planning.placement import Placement, place
from triton_operator.planning.pools import Pool
from triton_operator.planning.refusal import Refusal

prices = st.none() | st.decimals(0, 100, places=2)
pools = st.lists(
    st.builds(
        pool,
        pool_names(),
        kind=st.sampled_from([AcceleratorKind.CPU, AcceleratorKind.GPU]),
        cost_per_replica_hour=prices,
        watts_per_replica=st.none() | st.integers(0, 1000),
        has_nodes=st.booleans(),
    ),
    max_size=6,
    unique_by=lambda one: one.name,
)
preferences = st.sampled_from(Preference)
kinds = st.sampled_from(AcceleratorKind)


def matches(one: Pool, wanted: AcceleratorKind) -> bool:
    return wanted is AcceleratorKind.ANY or one.kind is wanted


@given(pools, kinds, preferences)
def test_every_pool_that_matches_and_no_other_each_once(
    known: list[Pool], wanted: AcceleratorKind, prefer: Preference
) -> None:
    placement = place(Hardware(accelerator=wanted), prefer, known, takes_anything)

    matching = [one for one in known if matches(one, wanted)]
    if isinstance(placement, Refusal):
        assert not matching
    else:
        assert sorted(one.name for one in placement.pools) == sorted(one.name for one in matching)


@given(pools, kinds, preferences, st.randoms())
def test_the_order_in_which_pools_are_known_means_nothing(
    known: list[Pool], wanted: AcceleratorKind, prefer: Preference, random: object
) -> None:
    shuffled = list(known)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = (
        place(Hardware(accelerator=wanted), prefer, row, takes_anything)
        for row in (known, shuffled)
    )

    if isinstance(first, Placement):
        assert second == first


@given(pools, st.data(), kinds, preferences)
def test_named_pools_keep_their_order_and_must_match(
    known: list[Pool], data: st.DataObject, wanted: AcceleratorKind, prefer: Preference
) -> None:
    names = [one.name for one in known] + ["absent"]
    chosen = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))

    placement = place(Hardware(pools=chosen, accelerator=wanted), prefer, known, takes_anything)

    if isinstance(placement, Placement):
        assert [one.name for one in placement.pools] == chosen
        assert all(matches(one, wanted) for one in placement.pools)
    else:
        misfits = [one for one in known if one.name in chosen and not matches(one, wanted)]
        assert "absent" in chosen or misfits


@given(pools)
def test_with_nodes_before_without_and_then_by_price(known: list[Pool]) -> None:
    placement = place(Hardware(), Preference.COST, known, takes_anything)

    if isinstance(placement, Placement):
        ranks = [
            (
                not one.has_nodes,
                one.cost_per_replica_hour is None,
                one.cost_per_replica_hour or Decimal(0),
            )
            for one in placement.pools
        ]
        assert ranks == sorted(ranks)


@given(pools)
def test_energy_is_compared_with_energy_only(known: list[Pool]) -> None:
    placement = place(Hardware(), Preference.ENERGY, known, takes_anything)

    if isinstance(placement, Placement):
        ranks = [
            (not one.has_nodes, one.watts_per_replica is None, one.watts_per_replica or 0)
            for one in placement.pools
        ]
        assert ranks == sorted(ranks)


@given(pools, preferences)
def test_a_dearer_price_never_moves_a_pool_forward(known: list[Pool], prefer: Preference) -> None:
    for place_before, one in enumerate(known):
        if one.cost_per_replica_hour is None:
            continue
        dearer = pool(
            one.name,
            kind=one.kind,
            cost_per_replica_hour=one.cost_per_replica_hour + 1,
            watts_per_replica=one.watts_per_replica,
            has_nodes=one.has_nodes,
        )
        changed = [*known[:place_before], dearer, *known[place_before + 1 :]]
        before, after = (place(Hardware(), prefer, row, takes_anything) for row in (known, changed))
        assert isinstance(before, Placement)
        assert isinstance(after, Placement)
        names_before = [found.name for found in before.pools]
        names_after = [found.name for found in after.pools]
        assert names_after.index(one.name) >= names_before.index(one.name)
