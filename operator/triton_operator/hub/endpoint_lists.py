"""What the hub's own clients read: the ConfigMap beside a service that the fleet manages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from triton_operator.api import labels
from triton_operator.api.group import API_VERSION
from triton_operator.api.routing import RoutedEndpoint
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import CONFIG_MAP, INFERENCE_SERVICE
from triton_operator.fleet.endpoint_lists import Fleet
from triton_operator.fleet.mailbox import MANAGER
from triton_operator.fleet.placement import Placed
from triton_operator.hub.scene import Scene
from triton_operator.manifests import names
from triton_operator.manifests.endpoint_map import endpoint_map

Body = dict[str, Any]
LOOK_SECONDS = 600.0
"""Between two writes of what has not changed: what somebody else did to it is put back then."""
MOST_QUOTED = 300


def fleet_of(scene: Scene, placed: Placed) -> Fleet:
    """What lists of endpoints are made from, after a decision."""
    return Fleet(
        placed=placed,
        facts=scene.facts,
        urls={
            name: member.spec.data_plane.url
            for name, member in scene.members.items()
            if member.spec.data_plane is not None
        },
        serving={
            name
            for name, site in placed.sites.items()
            if name in scene.works or (site.ceiling > 0 and scene.facts[name].moves)
        },
        settings=scene.settings,
        suffixes={name: member.spec.target_name_suffix for name, member in scene.members.items()},
    )


class EndpointMaps:
    """`clock` gives seconds that never go back."""

    def __init__(self, server: ApiServer, clock: Callable[[], float]) -> None:
        self._server = server
        self._clock = clock
        self._written: dict[Key, tuple[Body, float]] = {}

    def forget_all(self) -> None:
        """Another hub may have led."""
        self._written.clear()

    def forget(self, key: Key) -> None:
        """The service is gone, and what it owns goes with it."""
        self._written.pop(key, None)

    async def write(self, key: Key, service: Body, rows: Sequence[RoutedEndpoint]) -> str:
        """Write the list unless it is written; why it is not, empty: it is. The next decision tries
        again: works and status do not wait for it."""
        uid = service["metadata"]["uid"]
        name = names.endpoint_map(key.name)
        metadata = {
            "name": name,
            "namespace": key.namespace,
            # Not the operator's own label: its watch is for its own children.
            "labels": {labels.MANAGED_BY: MANAGER, labels.PART_OF: labels.MANAGER},
            # It goes with the service. To block the owner's deletion would be another right.
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": INFERENCE_SERVICE.kind,
                    "name": key.name,
                    "uid": uid,
                }
            ],
        }
        wanted = endpoint_map(metadata, rows)
        written, at = self._written.get(key, ({}, 0.0))
        if written == wanted and self._clock() - at < LOOK_SECONDS:
            return ""
        try:
            live = await self._server.get(CONFIG_MAP, key.namespace, name)
            if live is not None and not _is_of(live, uid):
                return (
                    f"ConfigMap {name} exists and belongs to somebody else: rename the "
                    "InferenceService, or delete that object"
                )
            await self._server.apply(CONFIG_MAP, wanted, force=True)
        except ApiError as error:
            return f"ConfigMap {name} is not written: {error}"[:MOST_QUOTED]
        self._written[key] = wanted, self._clock()
        return ""


def _is_of(live: Body, uid: str) -> bool:
    owners = live["metadata"].get("ownerReferences") or ()
    return any(one["uid"] == uid for one in owners)
