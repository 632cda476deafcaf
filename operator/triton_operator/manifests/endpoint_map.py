"""The ConfigMap `<service>-endpoints`: whom clients of a fleet's service ask, as a file."""

from collections.abc import Iterable, Mapping
from typing import Any

from triton_operator.api.routing import (
    ENDPOINTS_KEY,
    RoutedEndpoint,
    WorkRouting,
    endpoints_file,
)


def endpoint_map(metadata: Mapping[str, Any], rows: Iterable[RoutedEndpoint]) -> dict[str, Any]:
    """Not immutable: the kubelet brings a change into the pods that mount it."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": dict(metadata),
        "data": {ENDPOINTS_KEY: endpoints_file(rows)},
    }


def member_rows(routing: WorkRouting, address: str) -> list[RoutedEndpoint]:
    """A member's list, as its hub wrote it, with this cluster's own `address` and itself first.

    Only a row that the hub calls local is, and only one: data that must stay goes to this address
    or nowhere.
    """
    own = [one for one in routing.endpoints if one.local][:1]
    others = [one for one in routing.endpoints if not one.local and one.url is not None]
    rows = [one.model_copy(update={"url": address}) for one in own]
    return [
        one.model_copy(update={"priority": place}) for place, one in enumerate([*rows, *others])
    ]
