"""Objects beside a service that the fleet manages: they are the hub's, and go with the service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from triton_operator.api import labels
from triton_operator.api.group import API_VERSION
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import INFERENCE_SERVICE, Kind
from triton_operator.fleet.mailbox import MANAGER

Body = dict[str, Any]
LOOK_SECONDS = 600.0
"""Between two writes of what has not changed: what somebody else did to it is put back then."""
MOST_QUOTED = 300


class OwnedObjects:
    """`clock` gives seconds that never go back."""

    def __init__(self, server: ApiServer, clock: Callable[[], float]) -> None:
        self._server = server
        self._clock = clock
        self._written: dict[Key, dict[tuple[Kind, str], tuple[Body, float]]] = {}

    def forget_all(self) -> None:
        """Another hub may have led."""
        self._written.clear()

    def forget(self, key: Key) -> None:
        """The service is gone, and what it owns goes with it."""
        self._written.pop(key, None)

    async def known(self, kind: Kind, service: Body, name: str) -> Body | None:
        """The object as it was written last, or as it is; None: the service has none.

        Raises:
            ApiError: nothing was written yet, and the API server does not show it.
        """
        metadata = service["metadata"]
        written = self._of(service).get((kind, name))
        if written is not None:
            return written[0]
        live = await self._server.get(kind, metadata["namespace"], name)
        return live if live is not None and _is_of(live, metadata["uid"]) else None

    async def write(self, kind: Kind, service: Body, wanted: Body) -> str:
        """Write it unless it is written; why it is not, empty: it is. The next decision tries
        again: works and status do not wait for it."""
        metadata, name = service["metadata"], wanted["metadata"]["name"]
        known = self._of(service)
        written, at = known.get((kind, name), ({}, 0.0))
        if written == wanted and self._clock() - at < LOOK_SECONDS:
            return ""
        try:
            live = await self._server.get(kind, metadata["namespace"], name)
            if live is not None and not _is_of(live, metadata["uid"]):
                return (
                    f"{kind.kind} {name} exists and belongs to somebody else: rename the "
                    "InferenceService, or delete that object"
                )
            await self._server.apply(kind, wanted, force=True)
        except ApiError as error:
            return f"{kind.kind} {name} is not written: {error}"[:MOST_QUOTED]
        known[kind, name] = wanted, self._clock()
        return ""

    async def remove(self, kind: Kind, service: Body, name: str) -> bool:
        """Delete it if it is the service's; whether it was there.

        Raises:
            ApiError: it may be there still.
        """
        metadata = service["metadata"]
        live = await self._server.get(kind, metadata["namespace"], name)
        found = live is not None and _is_of(live, metadata["uid"])
        if live is not None and found:
            await self._server.delete(kind, metadata["namespace"], name, live["metadata"]["uid"])
        self._of(service).pop((kind, name), None)
        return found

    def _of(self, service: Body) -> dict[tuple[Kind, str], tuple[Body, float]]:
        metadata = service["metadata"]
        key = Key(INFERENCE_SERVICE.kind, metadata["namespace"], metadata["name"])
        return self._written.setdefault(key, {})


def owned_metadata(service: Body, name: str) -> Body:
    """Of an object that goes with the service."""
    metadata = service["metadata"]
    return {
        "name": name,
        "namespace": metadata["namespace"],
        # Not the operator's own label: its watch is for its own children.
        "labels": {labels.MANAGED_BY: MANAGER, labels.PART_OF: labels.MANAGER},
        # To block the owner's deletion would be another right.
        "ownerReferences": [
            {
                "apiVersion": API_VERSION,
                "kind": INFERENCE_SERVICE.kind,
                "name": metadata["name"],
                "uid": metadata["uid"],
            }
        ],
    }


def _is_of(live: Body, uid: str) -> bool:
    owners = live["metadata"].get("ownerReferences") or ()
    return any(one["uid"] == uid for one in owners)
