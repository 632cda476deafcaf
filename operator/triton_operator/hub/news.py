"""Which reports are looked at at once, and which with everything else."""

from __future__ import annotations

from typing import Any

Body = dict[str, Any]
NEWS_OF_DEMAND = 0.25
"""Of a replica: less can wait. Demand is smoothed over a minute anyway."""


def is_news(before: Body, after: Body) -> bool:
    """Whether a work has changed so that a decision may follow at once."""
    if before["metadata"].get("deletionTimestamp") != after["metadata"].get("deletionTimestamp"):
        return True
    old, new = before.get("status") or {}, after.get("status") or {}
    if any(
        old.get(part) != new.get(part)
        for part in ("appliedRevision", "appliedMaxReplicas", "endpoints")
    ):
        return True
    if _truths(old) != _truths(new):
        return True
    was, load = old.get("load") or {}, new.get("load") or {}
    if any(was.get(part) != load.get(part) for part in ("readyReplicas", "capReplicas")):
        return True
    if ("needReplicas" in was) != ("needReplicas" in load):
        return True
    change = float(load.get("needReplicas", 0)) - float(was.get("needReplicas", 0))
    return abs(change) >= NEWS_OF_DEMAND


def _truths(status: Body) -> list[tuple[Any, Any, Any]]:
    return [
        (row.get("type"), row.get("status"), row.get("reason"))
        for row in status.get("conditions") or ()
    ]
