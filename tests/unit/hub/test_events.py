"""Which changes of a cluster lead to new placements."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from triton_operator.controllers.keys import Key
from triton_operator.hub.events import Events

SERVICE = Key("InferenceService", "shop", "vision")
BEFORE: dict[str, Any] = {
    "metadata": {"name": "a", "uid": "a", "generation": 1, "labels": {"region": "eu"}},
    "status": {"connectionState": "Connected"},
}


@pytest.mark.parametrize(
    ("after", "places"),
    [
        ({"status": {"connectionState": "Suspect"}}, False),
        ({"status": {"takenLabels": [{"key": "region", "value": "us"}]}}, True),
        ({"metadata": {**BEFORE["metadata"], "labels": {"region": "us"}}}, True),
    ],
)
def test_what_clusters_are_selected_by_places_services(after: dict[str, Any], places: bool) -> None:
    added: list[Key] = []
    queue: Any = SimpleNamespace(add=added.append, add_after=lambda key, seconds: added.append(key))
    known: Any = SimpleNamespace(fleet_services=lambda: [SERVICE])
    clusters: Any = None
    events = Events(
        known=known, clusters=clusters, queue=queue, leads=lambda: True, debounce_seconds=1.0
    )

    events.cluster(BEFORE, {**BEFORE, **after})

    assert (SERVICE in added) is places
