"""An API server that keeps objects beside one service, a clock, and what writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.kinds import Kind
from triton_operator.fleet.mailbox import MANAGER
from triton_operator.hub.owned_objects import OwnedObjects
from triton_operator.hub.served_kinds import ServedKinds

SERVICE: dict[str, Any] = {
    "metadata": {
        "namespace": "shop",
        "name": "vision",
        "uid": "u",
        "creationTimestamp": "2026-11-20T10:00:00Z",
    },
    "spec": {},
}


class Server:
    """Keeps objects by kind and name, raises `error` instead of taking one, and knows `kinds`."""

    def __init__(self, *kinds: Kind) -> None:
        self.kinds = set(kinds)
        self.live: dict[tuple[str, str], dict[str, Any]] = {}
        self.writes = 0
        self.asked = 0
        self.cached: list[bool] = []
        self.error: ApiError | None = None

    async def serves(self, kind: Kind) -> bool:
        self.asked += 1
        if self.error:
            raise self.error
        return kind in self.kinds

    async def get(
        self, kind: Kind, namespace: str, name: str, *, cached: bool = False
    ) -> dict[str, Any] | None:
        self.cached.append(cached)
        return self.live.get((kind.kind, name))

    async def apply(
        self, kind: Kind, manifest: Mapping[str, Any], *, force: bool
    ) -> dict[str, Any]:
        if self.error:
            raise self.error
        self.writes += 1
        name = manifest["metadata"]["name"]
        made = {**manifest, "metadata": {**manifest["metadata"], "uid": f"{kind.kind}-{name}"}}
        self.live[kind.kind, name] = made
        return made

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        assert self.live[kind.kind, name]["metadata"]["uid"] == uid
        del self.live[kind.kind, name]

    def names(self, kind: Kind) -> list[str]:
        """Of all objects of a kind."""
        return sorted(name for its, name in self.live if its == kind.kind)


class Place:
    """A clock, a server, and what writes objects there."""

    def __init__(self, *kinds: Kind) -> None:
        self.now = 1000.0
        self.server = Server(*kinds)
        server: Any = self.server
        self.objects = OwnedObjects(server, lambda: self.now)
        self.kinds = ServedKinds(server, lambda: self.now, 60)

    def strangers(self, kind: Kind, name: str) -> None:
        """An object that somebody else has made."""
        self.server.live[kind.kind, name] = {
            "kind": kind.kind,
            "metadata": {"name": name, "uid": "theirs", "labels": {"managed-by": MANAGER}},
        }
