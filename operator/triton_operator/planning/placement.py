"""Which pools may serve, in which order."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from triton_operator.api.enums import AcceleratorKind, Preference
from triton_operator.api.inference_service import Hardware
from triton_operator.planning.fit import Fit, Verdict
from triton_operator.planning.merit import Merit, Speed, merit_words, merits
from triton_operator.planning.pools import Pool
from triton_operator.planning.refusal import Refusal

POOL_NOT_FOUND = "PoolNotFound"
NO_POOL_FITS = "NoPoolFits"
POOLS_IN_A_MESSAGE = 12
"""A cluster may have more; a message that nobody reads to its end helps nobody."""


@dataclass(frozen=True)
class Placement:
    """Pools in order of preference, and why in this order.

    `notes` say which pools were passed over, and what the first one still waits for.
    """

    pools: tuple[Pool, ...]
    reason: str
    notes: tuple[str, ...] = ()


def place(
    hardware: Hardware,
    prefer: Preference,
    pools: Sequence[Pool],
    fit: Callable[[Pool], Fit],
    speeds: Mapping[str, Speed | None] | None = None,
) -> Placement | Refusal:
    """The pools that may serve, most wanted first; `fit` says which of them take a replica.

    Named pools keep the user's order, those without nodes too: they may be scaled up for this.
    Otherwise: pools with nodes before those without; then those on which the model is known not to
    keep the objective come after the others, if it is known to keep it on one of these. The rest,
    where the model was measured on all of them, by what a request costs, or takes (see `merits`);
    else cheapest first where the price is known; pools without a price come after, CPU before GPU
    unless speed is preferred.

    `speeds` is read after every pool was asked for its fit.
    """
    matching = _matching(hardware, pools)
    if isinstance(matching, Refusal):
        return matching
    fits = {pool.name: fit(pool) for pool in matching}
    possible = [pool for pool in matching if fits[pool.name].verdict is not Verdict.MISFIT]
    if not possible:
        return _nothing_takes_it(hardware, matching, fits)
    priced = _comparable(possible)
    speeds = speeds or {}
    known = merits(prefer, possible, speeds)
    slow = _too_slow(possible, speeds, fits)
    if not hardware.pools:
        possible.sort(
            key=lambda pool: (
                fits[pool.name].verdict is Verdict.EMPTY,
                pool.name in slow,
                _merit_rank(known.get(pool.name)),
                _rank(pool, prefer, priced),
            )
        )
    first = possible[0]
    why = (
        _why_named(hardware, first)
        or _why_measured(possible, slow, known, fits)
        or _why(first, possible, prefer, priced, fits)
    )
    notes = [
        f"pool {pool.name} is passed over: {fits[pool.name].why}"
        for pool in matching
        if fits[pool.name].verdict is Verdict.MISFIT
    ][:POOLS_IN_A_MESSAGE]
    if note := _waits_for(first, fits[first.name]):
        notes.append(note)
    return Placement(tuple(possible), f"pool {first.name} first: {why}", tuple(notes))


def _matching(hardware: Hardware, pools: Sequence[Pool]) -> list[Pool] | Refusal:
    """The pools that were named, or those of the wanted kind."""
    known = {pool.name: pool for pool in pools}
    if not hardware.pools:
        matching = [pool for pool in pools if _matches(pool, hardware.accelerator)]
        return matching or Refusal(NO_POOL_FITS, _none_of_the_kind(hardware.accelerator, pools))
    missing = [name for name in hardware.pools if name not in known]
    if missing:
        return Refusal(
            POOL_NOT_FOUND,
            f"spec.hardware.pools: no ServingPool named {', '.join(missing)}; "
            f"this cluster has {', '.join(sorted(known)) or 'none'}",
        )
    chosen = [known[name] for name in hardware.pools]
    misfits = [pool for pool in chosen if not _matches(pool, hardware.accelerator)]
    if misfits:
        return Refusal(
            NO_POOL_FITS,
            f"spec.hardware.accelerator is {hardware.accelerator}, but pool {misfits[0].name} is a "
            f"{misfits[0].kind} pool; remove it from spec.hardware.pools or choose Any",
        )
    return chosen


def _matches(pool: Pool, wanted: AcceleratorKind) -> bool:
    return wanted is AcceleratorKind.ANY or pool.kind is wanted


def _comparable(pools: Sequence[Pool]) -> bool:
    """Whether prices can be compared: no exchange rate is known here."""
    return len({pool.currency for pool in pools if pool.currency}) <= 1


def _rank(pool: Pool, prefer: Preference, priced: bool) -> tuple[int | Decimal | str, ...]:
    """Sorts before what is wanted less. Ranks of one preference have the same parts."""
    if prefer in (Preference.LATENCY, Preference.THROUGHPUT):
        return (not pool.is_gpu, *_price_rank(pool, priced), pool.name)
    if prefer is Preference.ENERGY:
        watts = pool.watts_per_replica
        return (watts is None, watts or 0, *_price_rank(pool, priced), pool.is_gpu, pool.name)
    return (*_price_rank(pool, priced), pool.is_gpu, pool.name)


def _price_rank(pool: Pool, priced: bool) -> tuple[int, Decimal]:
    price = pool.cost_per_replica_hour if priced else None
    return (price is None, price or Decimal(0))


def _too_slow(
    pools: Sequence[Pool], speeds: Mapping[str, Speed | None], fits: Mapping[str, Fit]
) -> set[str]:
    """The pools that another one is to be taken for, as it is known to keep the objective.

    A pool that nobody measured may be as slow: going there, and from there to the next one, the
    service would be measured on each of them and end where it began.
    """
    measured = [(pool.name, speed) for pool in pools if (speed := speeds.get(pool.name))]
    able = {fits[name].verdict for name, speed in measured if speed.keeps_objective}
    return {
        name for name, speed in measured if not speed.keeps_objective and fits[name].verdict in able
    }


def _merit_rank(merit: Merit | None) -> float:
    return merit.value if merit else 0.0


def _why_measured(
    ordered: Sequence[Pool],
    too_slow: Collection[str],
    known: Mapping[str, Merit],
    fits: Mapping[str, Fit],
) -> str | None:
    """What measurements say for the first pool; None where they do not say it."""
    first = ordered[0]
    alike = [pool for pool in ordered if fits[pool.name].verdict is fits[first.name].verdict]
    if len(alike) == 1:
        return None
    if first.name in known:
        return merit_words(alike, known)
    slow = [pool.name for pool in alike if pool.name in too_slow]
    if slow and first.name not in slow:
        return f"no rate is known to keep the objective on pool {', '.join(slow)}"
    return None


def _why_named(hardware: Hardware, first: Pool) -> str | None:
    if not hardware.pools:
        return None
    if hardware.pools[0] == first.name:
        return "first in spec.hardware.pools"
    return "the first in spec.hardware.pools that takes a replica"


def _why(
    first: Pool,
    ordered: Sequence[Pool],
    prefer: Preference,
    priced: bool,
    fits: dict[str, Fit],
) -> str:
    if len(ordered) == 1:
        if not first.inferred:
            return "the only pool that matches" if len(fits) == 1 else "the only one that fits"
        return "inferred from the nodes" if first.nodes_known else "assumed, as none is described"
    empty = {name for name, fit in fits.items() if fit.verdict is Verdict.EMPTY}
    if ordered[-1].name in empty and first.name not in empty:
        return "it has nodes, and others have none"
    if prefer in (Preference.LATENCY, Preference.THROUGHPUT):
        return f"a {first.kind} pool, as spec.objective.prefer is {prefer}"
    if prefer is Preference.ENERGY and first.watts_per_replica is not None:
        return f"{first.watts_per_replica} W per replica is the least"
    if not priced:
        currencies = sorted({pool.currency for pool in ordered if pool.currency})
        return f"prices in {' and '.join(currencies)} are not compared, so a {first.kind} pool"
    if first.cost_per_replica_hour is not None:
        return f"{first.cost_per_replica_hour} per replica and hour is the lowest known price"
    return f"no pool states a price, and a {first.kind} pool is the cheaper guess"


def _waits_for(first: Pool, fit: Fit) -> str | None:
    if not first.nodes_known:
        return "no nodes are known here: whether one of them takes a replica is not checked"
    if fit.verdict is Verdict.EMPTY and not first.inferred:
        return f"pool {first.name} has no nodes now: pods wait until one comes"
    return None


def _none_of_the_kind(wanted: AcceleratorKind, pools: Iterable[Pool]) -> str:
    pools = list(pools)
    names = ", ".join(f"{pool.name} ({pool.kind})" for pool in pools)
    if pools and not any(pool.nodes_known for pool in pools):
        return (
            f"spec.hardware.accelerator is {wanted}, but no nodes are known here and the pools "
            f"are {names}; add a ServingPool of that kind to the file, or choose Any"
        )
    return (
        f"spec.hardware.accelerator is {wanted}, but the cluster's pools are {names or 'none'}; "
        f"add a ServingPool or nodes of that kind, or choose Any"
    )


def _nothing_takes_it(hardware: Hardware, pools: Sequence[Pool], fits: dict[str, Fit]) -> Refusal:
    told = [f"pool {pool.name}: {fits[pool.name].counted}" for pool in pools]
    if len(told) > POOLS_IN_A_MESSAGE:
        told[POOLS_IN_A_MESSAGE:] = [f"and {len(told) - POOLS_IN_A_MESSAGE} pools more"]
    where = (
        "none of spec.hardware.pools takes a replica"
        if hardware.pools
        else ("no pool takes a replica")
    )
    return Refusal(
        NO_POOL_FITS,
        f"{where}: {'; '.join(told)}. Ask for less in spec.hardware, or add nodes or a "
        "ServingPool that can take it",
    )
