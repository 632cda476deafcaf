"""What this account can list: asked before watches begin, and of a namespace that answers 403."""

import asyncio
import logging
from collections.abc import Sequence

from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.kinds import CLUSTER_SCOPED, NAMESPACED, WATCHED, Kind

logger = logging.getLogger(__name__)
POLL_SECONDS = 2.0


async def wait_until_readable(server: ApiServer, names: Sequence[str]) -> list[str]:
    """Return once every watched kind can be listed, and the namespaces in which it can.

    Of several namespaces one suffices; no names: the whole cluster.
    Kopf looks at the API once, when it starts: a kind that is missing then is never watched.
    """
    for kind in CLUSTER_SCOPED if names else WATCHED:
        while not await _may_list(server, kind, None, logging.WARNING):
            logger.warning("A kind cannot be listed: 403.", extra={"kind": kind.kind})
            await asyncio.sleep(POLL_SECONDS)
    while names:
        if readable := [
            name for name in names if not await denied_kind(server, name, logging.WARNING)
        ]:
            return readable
        logger.warning(
            "No watched namespace can be listed: has this account its Role in them?",
            extra={"namespaces": ", ".join(names)},
        )
        await asyncio.sleep(POLL_SECONDS)
    return []


async def denied_kind(server: ApiServer, namespace: str, level: int = logging.DEBUG) -> Kind | None:
    """A watched kind that this account may not list in a namespace; None: it may list them all.

    Asks until the API server says either; `level`: of the lines about answers that do not.
    """
    for kind in NAMESPACED:
        if not await _may_list(server, kind, namespace, level):
            return kind
    return None


async def _may_list(server: ApiServer, kind: Kind, namespace: str | None, level: int) -> bool:
    while True:
        try:
            return await server.may_list(kind, namespace)
        except ApiError as error:
            logger.log(
                level,
                "A kind cannot be listed yet; are the CustomResourceDefinitions installed?",
                extra={"kind": kind.kind, "error": str(error)},
            )
            await asyncio.sleep(POLL_SECONDS)
