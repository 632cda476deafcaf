"""What the server keeps: the newest version of every object, and how it came about."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]
Place = tuple[str, str, str]
"""Kind, namespace, name."""
Fields = frozenset[tuple[Any, ...]]


@dataclass(frozen=True)
class Change:
    """One version: ADDED, MODIFIED or DELETED; `before` is the body that it replaced."""

    version: int
    type: str
    place: Place
    body: Body
    before: Body | None


@dataclass
class History:
    """Bodies are never changed in place. `owners`: fields by place and manager (see `apply`)."""

    objects: dict[Place, Body] = field(default_factory=dict)
    owners: dict[Place, dict[str, Fields]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    version: int = 100
    compacted: int = 0
    """Versions up to this one cannot be watched from any more."""
    listeners: list[Callable[[Change], None]] = field(default_factory=list)
    uids: int = 0

    def write(self, place: Place, body: Body) -> Body:
        """A new version of an object; the body as it was where nothing differs."""
        old = self.objects.get(place)
        if old is not None and _comparable(old) == _comparable(body):
            return old
        self.version += 1
        body = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.version)}}
        self.objects[place] = body
        self._tell(Change(self.version, "MODIFIED" if old else "ADDED", place, body, old))
        return body

    def remove(self, place: Place) -> None:
        """The last version of an object is the one of its deletion."""
        old = self.objects.pop(place)
        self.owners.pop(place, None)
        self.version += 1
        body = {**old, "metadata": {**old["metadata"], "resourceVersion": str(self.version)}}
        self._tell(Change(self.version, "DELETED", place, body, old))

    def new_uid(self) -> str:
        """As long as a real one, and the same in every run."""
        self.uids += 1
        return f"00000000-0000-4000-8000-{self.uids:012x}"

    def of_kind(self, kind: str, namespace: str = "") -> Iterator[Body]:
        """Every object of a kind, in the order of a list."""
        for place in sorted(place for place in self.objects if place[0] == kind):
            if not namespace or place[1] == namespace:
                yield self.objects[place]

    def at(self, version: int) -> dict[Place, Body]:
        """The objects as they were at a version that is still known."""
        objects = dict(self.objects)
        for change in reversed(self.changes):
            if change.version <= version:
                break
            if change.before is None:
                objects.pop(change.place, None)
            else:
                objects[change.place] = change.before
        return objects

    def compact(self) -> None:
        """Forget how it came about: whoever watches from an older version gets 410."""
        self.changes.clear()
        self.compacted = self.version

    def restore(self, backup: "History") -> None:
        """What etcd does when it is restored: the objects are those of the backup, and versions
        count on from there. Nobody is told.
        """
        self.objects = deepcopy(backup.objects)
        self.owners = {place: dict(owners) for place, owners in backup.owners.items()}
        self.version = self.compacted = backup.version
        self.changes.clear()

    def copy(self) -> "History":
        """The same objects, and nobody who listens."""
        return History(
            objects=deepcopy(self.objects),
            owners={place: dict(owners) for place, owners in self.owners.items()},
            version=self.version,
            compacted=self.version,
            uids=self.uids,
        )

    def _tell(self, change: Change) -> None:
        self.changes.append(change)
        for listener in list(self.listeners):
            listener(change)


def _comparable(body: Body) -> str:
    hidden = {"resourceVersion": None}
    return json.dumps({**body, "metadata": {**body["metadata"], **hidden}}, sort_keys=True)
