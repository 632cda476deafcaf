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
        while problem := await _problem(server, kind):
            logger.warning(
                "A kind cannot be listed yet; are the CustomResourceDefinitions installed, and may "
                "this account list it?",
                extra={"kind": kind.kind, "error": problem},
            )
            await asyncio.sleep(POLL_SECONDS)
    while names:
        try:
            if readable := [name for name in names if await denied_kind(server, name) is None]:
                return readable
            problem = "403: no Role for this account in any of them"
        except ApiError as error:
            problem = str(error)
        logger.warning(
            "No watched namespace can be listed yet; are the CustomResourceDefinitions installed, "
            "and may this account list there?",
            extra={"namespaces": ", ".join(names), "error": problem},
        )
        await asyncio.sleep(POLL_SECONDS)
    return []


async def denied_kind(server: ApiServer, namespace: str) -> Kind | None:
    """A watched kind that this account may not list in a namespace; None: it may list them all.

    Raises:
        ApiError: the API server says neither.
    """
    for kind in NAMESPACED:
        if not await server.may_list(kind, namespace):
            return kind
    return None


async def _problem(server: ApiServer, kind: Kind) -> str | None:
    try:
        if await server.may_list(kind, None):
            return None
    except ApiError as error:
        return str(error)
    return "403: this account may not list it"
