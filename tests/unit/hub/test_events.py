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


def test_a_fault_with_one_cluster_hides_no_other() -> None:
    """What a hostile one tells may show a bug."""

    class Clusters:
        def is_due(self, name: str) -> bool:
            if name == "hostile":
                raise ValueError("what nobody has thought of")
            return name == "silent"

    added: list[Key] = []
    known: Any = SimpleNamespace(
        clusters=SimpleNamespace(objects={("", name): {} for name in ("hostile", "silent", "well")})
    )
    queue: Any = SimpleNamespace(add=added.append)
    clusters: Any = Clusters()
    events = Events(
        known=known, clusters=clusters, queue=queue, leads=lambda: True, debounce_seconds=1.0
    )

    events.look()

    assert [key.name for key in added] == ["hostile", "silent"]


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
