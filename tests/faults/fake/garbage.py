"""Garbage collection and the end of namespaces, as kube-controller-manager does them."""

import asyncio
from typing import Any

from tests.faults.fake.history import Change, History, Place

COLLECT_SECONDS = 0.2


class GarbageCollector:
    """Removes what has no owner left, and what is in a namespace that ends."""

    def __init__(self, history: History) -> None:
        self._history = history
        history.listeners.append(self._seen)

    def _seen(self, change: Change) -> None:
        kind, _, name = change.place
        loop = asyncio.get_running_loop()
        if change.type == "DELETED":
            loop.call_later(COLLECT_SECONDS, self._collect_from, change.body["metadata"]["uid"])
        elif kind == "Namespace" and "deletionTimestamp" in change.body["metadata"]:
            loop.call_later(COLLECT_SECONDS, self._empty, name)
        elif change.type == "ADDED":
            loop.call_later(COLLECT_SECONDS, self._collect, change.place)

    def _collect_from(self, uid: str) -> None:
        for place, body in list(self._history.objects.items()):
            if any(owner["uid"] == uid for owner in _owners(body)):
                self._collect(place)

    def _collect(self, place: Place) -> None:
        body = self._history.objects.get(place)
        if body is None or not _owners(body):
            return
        living = {one["metadata"]["uid"] for one in self._history.objects.values()}
        if not any(owner["uid"] in living for owner in _owners(body)):
            self._history.remove(place)

    def _empty(self, namespace: str) -> None:
        """What was created before the namespace ended goes first, then the namespace."""
        for place in sorted(self._history.objects):
            if place[1] == namespace:
                self._history.remove(place)
        self._history.remove(("Namespace", "", namespace))


def _owners(body: dict[str, Any]) -> list[dict[str, Any]]:
    return body["metadata"].get("ownerReferences") or []
