"""Kopf's part: watch events into the store. One thin handler per kind, and nothing else of kopf.

`on.event` writes nothing on users' objects (no finalizer, no annotation) and costs a seventh of
kopf's state-keeping handlers; see docs/decisions.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import kopf

from triton_operator.controllers.connection import Connection
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import WATCHED, Kind
from triton_operator.controllers.queue import Priority
from triton_operator.controllers.resync import OWNED_SELECTOR
from triton_operator.controllers.store import Store


class ReconnectPauses:
    """Seconds between attempts to reach an API server that does not answer; without an end.

    Kopf's own end after 54 s, and with them the process; its restarts would then be put off by the
    kubelet for minutes. A process that hears nothing is ended by its liveness probe instead.
    """

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((1, 1, 2, 2, 3, 3), itertools.repeat(5))


class Concern(Protocol):
    """Hears which keys something concerns, and how urgent that is."""

    def __call__(self, keys: Iterable[Key], priority: Priority = ...) -> None:
        """These keys should be reconciled."""


def watch_registry(
    store: Store,
    connection: Connection,
    concern: Concern,
    forget: Callable[[str, str, str], None],
) -> kopf.OperatorRegistry:
    """The handlers. `forget` hears of deleted objects."""
    registry = kopf.OperatorRegistry()
    for kind in WATCHED:
        _register(registry, kind, store, concern, forget)

    @kopf.on.login(registry=registry)  # type: ignore[untyped-decorator, unused-ignore]
    async def login(**_: Any) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(server=connection.server, aiohttp_session=connection.session)

    return registry


def _register(
    registry: kopf.OperatorRegistry,
    kind: Kind,
    store: Store,
    concern: Concern,
    forget: Callable[[str, str, str], None],
) -> None:
    async def seen(event: Mapping[str, Any], **_: Any) -> None:
        body = event["object"]
        if event.get("type") == "DELETED":
            metadata = body["metadata"]
            namespace, name = metadata.get("namespace", ""), metadata["name"]
            forget(kind.kind, namespace, name)
            concern(store.remove(kind, namespace, name, metadata.get("uid", "")))
        else:
            # The first listing after a start must not hold up somebody's edit.
            listed = event.get("type") is None
            concern(store.put(kind, body), Priority.SWEEP if listed else Priority.USER)

    kopf.on.event(
        kind.group, kind.version, kind.plural, registry=registry, id=f"watch-{kind.plural}"
    )(seen)


class NoChanges(kopf.DiffBaseStorage):
    """Kopf copies every object deeply, twice, to find changes for handlers that are not used here.

    Measured with 1,000 services: a fifth of the operator's CPU.
    """

    def build(self, **_: Any) -> Any:
        """No copy: nobody asks for a difference."""
        return {}

    def fetch(self, **_: Any) -> None:
        """Nothing was ever stored."""

    def store(self, **_: Any) -> None:
        """Nothing is stored."""


class NoProgress(kopf.ProgressStorage):
    """Handlers of raw events have no progress to keep."""

    def fetch(self, **_: Any) -> None:
        """Nothing was ever stored."""

    def store(self, **_: Any) -> None:
        """Nothing is stored."""

    def purge(self, **_: Any) -> None:
        """Nothing is there."""

    def touch(self, **_: Any) -> None:
        """Nothing is there."""

    def clear(self, *, essence: Any) -> Any:
        """Nothing is in it."""
        return essence


def watch_settings() -> kopf.OperatorSettings:
    """Kopf's settings; the measured reasons are in docs/decisions."""
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.posting.enabled = False
    settings.persistence.diffbase_storage = NoChanges()
    settings.persistence.progress_storage = NoProgress()
    settings.watching.connect_timeout = 30
    settings.watching.chunk_size = 500
    settings.networking.request_timeout = 30
    settings.networking.error_backoffs = ReconnectPauses()
    settings.queueing.idle_timeout = 1
    settings.process.ultimate_exiting_timeout = 30
    for kind in WATCHED:
        if kind.owned:
            # Server-side: strangers' Deployments and pods never reach this process.
            place = (kind.group, kind.version, kind.plural)
            settings.watching.label_selectors[place] = OWNED_SELECTOR
    return settings
