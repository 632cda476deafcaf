"""Kinds that are there where somebody has installed them, such as PodMonitors, and not watched.

Kopf looks at the API once, when it starts: a definition that comes later would never be seen, and
one that goes would end the watch with errors. A look at the start and at every sweep is enough for
an object that nothing waits for.
"""

import itertools
import logging
from collections.abc import Callable, Iterable

from triton_operator.controllers.api_server import ApiServer, Body
from triton_operator.controllers.errors import ApiNotFound, ApiRefused
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import INFERENCE_SERVICE, Kind
from triton_operator.controllers.resync import OWNED_SELECTOR, Scopes
from triton_operator.controllers.store import Store

logger = logging.getLogger(__name__)


async def look_for(
    kind: Kind,
    server: ApiServer,
    store: Store,
    scopes: Scopes,
    concern: Callable[[Iterable[Key]], None],
) -> bool:
    """Whether objects of an optional kind can be made; those that exist are in the store
    afterwards, no others.

    `scopes`: as of a listing in `resync`; what is known of other namespaces stays.

    Raises:
        ApiError: the API server does not answer.
    """
    before = store.known(kind)
    found = await _listed(kind, server, scopes)
    listed = {}
    for body in itertools.chain.from_iterable((found or {}).values()):
        metadata = body["metadata"]
        listed[(metadata["namespace"], metadata["name"])] = metadata["uid"]
        concern(store.put(kind, body))
    seen = scopes if found is None else found
    for (namespace, name), uid in before.items():
        # Written while this listed, or gone: only what was known before can be gone.
        if (None in seen or namespace in seen) and listed.get((namespace, name)) != uid:
            concern(store.remove(kind, namespace, name, uid))
    return found is not None


async def _listed(
    kind: Kind, server: ApiServer, scopes: Scopes
) -> dict[str | None, list[Body]] | None:
    """The operator's objects of it by their metadata, and by where they were listed; None where
    there can be none.
    """
    found: dict[str | None, list[Body]] = {}
    try:
        if not await server.serves(kind):
            return None
        for scope in scopes:
            try:
                bodies = server.metadata(kind, scope, OWNED_SELECTOR)
                found[scope] = [body async for body in bodies]
            except ApiRefused:
                # A namespace in which nothing at all can be read says nothing about the kind.
                if scope is None or await server.may_list(INFERENCE_SERVICE, scope):
                    raise
    except ApiNotFound:
        # The definition went between the two requests.
        return None
    except ApiRefused as error:
        logger.warning(
            "This cluster has a kind that this account may not list; none of it is made.",
            extra={"kind": kind.kind, "error": str(error)},
        )
        return None
    return found
