"""Corrects the store against a listing: drops what is gone, and knows when nothing is missing.

A watch that breaks and lists anew says nothing of objects deleted in the gap. Left alone, the store
would keep ghosts: children recreated for a service that is gone, or never recreated at all.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus

from triton_operator.api import labels
from triton_operator.controllers.api_server import ApiServer, Identity
from triton_operator.controllers.errors import ApiRefused
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import WATCHED, Kind
from triton_operator.controllers.store import Store

logger = logging.getLogger(__name__)
OWNED_SELECTOR = f"{labels.MANAGED_BY}={labels.MANAGER}"
Scopes = Sequence[str | None]
"""Where to list: namespaces, or (None,) for the whole cluster."""
SYNC_POLL_SECONDS = 0.1
POLLS_PER_LISTING = 20


class HistoryWentBack(Exception):
    """The API server knows less than it did: etcd was restored from a backup.

    Versions count anew from there. What was remembered would hide everything that is younger than
    the backup, and watches would wait for versions to come; only a fresh start sees what is there.
    """


async def listing(server: ApiServer, kind: Kind, scopes: Scopes) -> dict[tuple[str, str], Identity]:
    """Every object of a kind that the operator watches, by namespace and name."""
    found = {}
    for scope in _scopes(kind, scopes):
        async for identity in server.identities(kind, scope, _selector(kind)):
            found[(identity.namespace, identity.name)] = identity
    return found


async def drop_ghosts(
    server: ApiServer,
    store: Store,
    scopes: Scopes,
    concern: Callable[[Iterable[Key]], None],
    kinds: Sequence[Kind] = WATCHED,
) -> int:
    """Remove from the store what no listing has; how many objects that were.

    Only what was known before the listing began can be a ghost: anything newer may simply not have
    existed when the API server answered. In a namespace that may not be listed nothing is one.

    Raises:
        HistoryWentBack: a listing is older than what was known before it began.
    """
    ghosts = 0
    for kind in kinds:
        for scope in _scopes(kind, scopes):
            known = {
                place: uid
                for place, uid in store.known(kind).items()
                if scope is None or place[0] == scope
            }
            newest = store.newest(kind)
            try:
                listed = await listing(server, kind, (scope,))
            except ApiRefused as error:
                if scope is not None and error.status == HTTPStatus.FORBIDDEN:
                    continue  # `namespace_rights` looks into it
                raise
            if any(_number(seen.listed_version, newest) < newest for seen in listed.values()):
                raise HistoryWentBack(f"a list of {kind.plural} is older than version {newest}")
            for (namespace, name), uid in known.items():
                seen = listed.get((namespace, name))
                if seen is None or seen.uid != uid:
                    ghosts += 1
                    concern(store.remove(kind, namespace, name, uid))
    if ghosts:
        logger.info("Objects had vanished unseen.", extra={"count": ghosts})
    return ghosts


async def wait_until_complete(
    server: ApiServer, store: Store, scopes: Scopes, kinds: Sequence[Kind] = WATCHED
) -> None:
    """Return once the store has everything that a listing at the start has.

    Before that, workers would take unseen children for absent ones. An object that is deleted
    while this waits is never seen, so the listing is renewed now and then.
    """
    for kind in kinds:
        listed = await listing(server, kind, scopes)
        polls = 0
        while _is_missing_some(store, kind, listed):
            await asyncio.sleep(SYNC_POLL_SECONDS)
            polls += 1
            if polls % POLLS_PER_LISTING == 0:
                listed = await listing(server, kind, scopes)


def _scopes(kind: Kind, scopes: Scopes) -> Scopes:
    return scopes if kind.namespaced else (None,)


def _selector(kind: Kind) -> str:
    return OWNED_SELECTOR if kind.owned else ""


def _number(version: str, default: int) -> int:
    return int(version) if version.isdigit() else default


def _is_missing_some(store: Store, kind: Kind, listed: dict[tuple[str, str], Identity]) -> bool:
    known = store.known(kind)
    return any(known.get(place) != identity.uid for place, identity in listed.items())
