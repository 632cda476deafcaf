"""What a hub that has just started knows of its former decisions: what it had written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triton_operator.api.placement_status import PlacedCluster
from triton_operator.fleet.placement_memory import PlacementMemory, SiteMemory, after_restart


def published_memory(
    works: Mapping[str, Mapping[str, Any]],
    rows: Mapping[str, PlacedCluster],
    minimum: int,
    local_only_share: float,
    now: float,
) -> PlacementMemory:
    """The memory from works and the rows of `status.placement`, both by cluster.

    Bounds and weights are those of the works, as these are what members have; `minimum` is the
    service's own `minReplicas`, which no floor is below. Loads were not written down: they follow
    from weights and demand. Nothing shrinks for a whole window.
    """
    return after_restart(
        {
            name: _site(name, works.get(name), rows.get(name), minimum, local_only_share)
            for name in works.keys() | rows.keys()
        },
        now,
    )


def _site(
    name: str,
    work: Mapping[str, Any] | None,
    row: PlacedCluster | None,
    minimum: int,
    local_only_share: float,
) -> SiteMemory:
    held = None if row is None or row.need is None else float(row.need)
    spec = {} if work is None else work["spec"]
    scaling = (spec.get("template") or {}).get("scaling") or {}
    weights = _weights(name, spec, row)
    mobile = (held or 0.0) * (1.0 - local_only_share)
    least = scaling.get("minReplicas", 0)
    floor = least if least > minimum else min(least, 0 if row is None else row.floor)
    return SiteMemory(
        held=held,
        last_spill=_amount(None if row is None else row.last_spill),
        granted=_amount(None if row is None else row.granted),
        floor=floor,
        ceiling=scaling.get("maxReplicas", 0 if row is None else row.ceiling),
        # The row is of before the last works where this hub's predecessor ended between the two.
        most_written=0 if row is None else max(row.ceiling, row.ceiling_in_force or 0),
        weights=weights,
        loads={
            other: mobile * percent / 100 for other, percent in weights.items() if other != name
        },
    )


def _weights(name: str, spec: Mapping[str, Any], row: PlacedCluster | None) -> dict[str, int]:
    """Percent by cluster. The cluster's own share is what is left; a row without one says that
    nothing was served, and an endpoint without one is only asked where others do not answer."""
    if row is not None and row.weight_percent is None:
        return {}
    endpoints = (spec.get("routing") or {}).get("endpoints") or ()
    weights = {
        one["cluster"]: one["weightPercent"]
        for one in endpoints
        if one["cluster"] != name and one.get("weightPercent")
    }
    rest = 100 - sum(weights.values())
    return {name: rest, **weights} if rest > 0 else weights


def _amount(text: str | None) -> float:
    return 0.0 if text is None else float(text)
