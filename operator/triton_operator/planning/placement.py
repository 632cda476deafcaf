"""Which pools may serve, in which order."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from triton_operator.api.enums import AcceleratorKind, Preference
from triton_operator.api.inference_service import Hardware
from triton_operator.planning.pools import Pool
from triton_operator.planning.refusal import Refusal

POOL_NOT_FOUND = "PoolNotFound"
NO_POOL_FITS = "NoPoolFits"


@dataclass(frozen=True)
class Placement:
    """Pools in order of preference, and why in this order."""

    pools: tuple[Pool, ...]
    reason: str


def place(hardware: Hardware, prefer: Preference, pools: Sequence[Pool]) -> Placement | Refusal:
    """The pools that may serve, most wanted first.

    Named pools keep the user's order. Otherwise: cheapest first where the price is known; pools
    without a price come after, CPU before GPU unless speed is preferred.
    """
    known = {pool.name: pool for pool in pools}
    if hardware.pools:
        return _named(hardware, known)
    fitting = [pool for pool in pools if _matches(pool, hardware.accelerator)]
    if not fitting:
        return Refusal(NO_POOL_FITS, _nothing_fits(hardware.accelerator, known.values()))
    priced = _comparable(fitting)
    ordered = sorted(fitting, key=lambda pool: (not pool.has_nodes, _rank(pool, prefer, priced)))
    first = ordered[0]
    return Placement(
        tuple(ordered), f"pool {first.name} first: {_why(first, ordered, prefer, priced)}"
    )


def _named(hardware: Hardware, known: dict[str, Pool]) -> Placement | Refusal:
    names = hardware.pools or []
    missing = [name for name in names if name not in known]
    if missing:
        return Refusal(
            POOL_NOT_FOUND,
            f"spec.hardware.pools: no ServingPool named {', '.join(missing)}; "
            f"this cluster has {', '.join(sorted(known)) or 'none'}",
        )
    chosen = tuple(known[name] for name in names)
    misfits = [pool for pool in chosen if not _matches(pool, hardware.accelerator)]
    if misfits:
        return Refusal(
            NO_POOL_FITS,
            f"spec.hardware.accelerator is {hardware.accelerator}, but pool {misfits[0].name} is a "
            f"{misfits[0].kind} pool; remove it from spec.hardware.pools or choose Any",
        )
    return Placement(chosen, f"pool {chosen[0].name} first: first in spec.hardware.pools")


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


def _why(first: Pool, ordered: Sequence[Pool], prefer: Preference, priced: bool) -> str:
    if len(ordered) == 1:
        return "inferred from the nodes" if first.inferred else "the only pool that matches"
    if not ordered[-1].has_nodes and first.has_nodes:
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


def _nothing_fits(wanted: AcceleratorKind, pools: object) -> str:
    names = ", ".join(f"{pool.name} ({pool.kind})" for pool in pools)  # type: ignore[attr-defined]
    return (
        f"spec.hardware.accelerator is {wanted}, but the cluster's pools are {names or 'none'}; "
        f"add a ServingPool or nodes of that kind, or choose Any"
    )
