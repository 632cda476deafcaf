"""Kubernetes Events of others about our objects: what only they say, such as a missing Secret."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triton_operator.controllers.times import epoch_seconds


@dataclass(frozen=True)
class EventView:
    """One Event. `seen` is when it was last observed, in seconds since the epoch."""

    reason: str
    message: str
    seen: float
    version: int = 0
    count: int = 1
    type: str = "Normal"
    about: str = ""
    container: str = ""


_CONTAINER = re.compile(r"\{(.+)\}$")
Events = Mapping[str, Sequence[EventView]]
"""Events by the uid of the object that they are about."""


def event_view(body: Mapping[str, Any]) -> EventView:
    """The view of an Event of `events.k8s.io/v1`, whichever API it was written through."""
    series = body.get("series") or {}
    times = (
        series.get("lastObservedTime"),
        body.get("deprecatedLastTimestamp"),
        body.get("eventTime"),
        body["metadata"].get("creationTimestamp"),
    )
    regarding = body.get("regarding") or {}
    version = body["metadata"].get("resourceVersion", "")
    return EventView(
        reason=body.get("reason") or "",
        message=(body.get("note") or "").strip(),
        seen=max((epoch_seconds(time) for time in times if time), default=0.0),
        version=int(version) if version.isdigit() else 0,
        count=series.get("count") or body.get("deprecatedCount") or 1,
        type=body.get("type") or "Normal",
        about=f"{regarding.get('kind', '')}/{regarding.get('name', '')}",
        container=found[1]
        if (found := _CONTAINER.search(regarding.get("fieldPath") or ""))
        else "",
    )


def newest_event(events: Sequence[EventView], reasons: frozenset[str]) -> EventView | None:
    """The event that was observed last, of those with one of `reasons`."""
    return max(
        (event for event in events if event.reason in reasons),
        key=lambda event: (event.seen, event.version),
        default=None,
    )
