"""What speaks for one pool before another where the model was measured on all that may serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from triton_operator.api.enums import Preference
from triton_operator.planning.figures import difference, figure
from triton_operator.planning.pools import Pool

_HOUR = 3600


@dataclass(frozen=True)
class Speed:
    """One replica on a pool: the rate in requests/s at which it keeps the objective (0: it cannot),
    and what a request takes that is alone. `on_samples`: see `measurements.is_on_samples`."""

    safe_rate: float
    alone_seconds: float
    on_samples: bool | None = None

    @property
    def keeps_objective(self) -> bool:
        """Whether there is a rate at which it does."""
        return self.safe_rate > 0


@dataclass(frozen=True)
class Merit:
    """`value` is what is wanted least of, `told` says it to people."""

    value: float
    told: str


def merits(
    prefer: Preference, pools: Sequence[Pool], speeds: Mapping[str, Speed | None]
) -> dict[str, Merit]:
    """What the preference makes of each pool that keeps the objective; empty: not comparable.

    Comparable are pools on which the model was measured, on samples or on made-up inputs but not
    some of them on the one and some on the other; for money and energy only with a price (of one
    currency) or a power for each of them.
    """
    inputs = {speed.on_samples for pool in pools if (speed := speeds.get(pool.name))}
    if inputs >= {True, False}:
        return {}
    found: dict[str, Merit] = {}
    for pool in pools:
        speed = speeds.get(pool.name)
        if speed is None:
            return {}
        if not speed.keeps_objective:
            continue
        merit = _merit(prefer, pool, speed)
        if merit is None:
            return {}
        found[pool.name] = merit
    currencies = {pool.currency for pool in pools if pool.name in found}
    if prefer is Preference.COST and len(currencies) > 1:
        return {}
    return found


def merit_words(pools: Sequence[Pool], known: Mapping[str, Merit]) -> str:
    """Why the first of these pools, with the second and by how much it lost."""
    first, *others = (known[pool.name] for pool in pools if pool.name in known)
    second = next((pool for pool in pools[1:] if pool.name in known), None)
    if second is None:
        return f"{first.told}, and no other pool keeps the objective"
    its = others[0]
    if not first.value:
        return f"{first.told}; pool {second.name}: {its.told}"
    lost = difference(abs(its.value), abs(first.value))
    return f"{first.told}; pool {second.name}: {its.told} ({lost})"


def _merit(prefer: Preference, pool: Pool, speed: Speed) -> Merit | None:
    match prefer:
        case Preference.COST:
            if pool.cost_per_replica_hour is None:
                return None
            price = 1000 * float(pool.cost_per_replica_hour) / (_HOUR * speed.safe_rate)
            return Merit(price, f"{figure(price)} {pool.currency} per 1,000 requests")
        case Preference.ENERGY:
            if pool.watts_per_replica is None:
                return None
            joules = pool.watts_per_replica / speed.safe_rate
            return Merit(joules, f"{figure(joules)} J per request")
        case Preference.LATENCY:
            alone = 1000 * speed.alone_seconds
            return Merit(alone, f"{figure(alone)} ms for a request that is alone")
        case Preference.THROUGHPUT:
            return Merit(-speed.safe_rate, f"{figure(speed.safe_rate)} requests/s per replica")
