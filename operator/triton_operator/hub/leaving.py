"""Works that have to go: their service is gone, or the cluster is not one of its clusters any more.

Nothing is deleted because something was not seen. A service is gone when the API server says so of
its name, or that it is another, which is not the fleet's; a work, when the agent says that nothing
of it is left.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiConflict, ApiNotFound
from triton_operator.controllers.kinds import INFERENCE_SERVICE, INFERENCE_WORK
from triton_operator.fleet.mailbox import DELETED_BY
from triton_operator.fleet.reports import is_reported_gone
from triton_operator.fleet.work import is_hubs_will, is_leaving
from triton_operator.fleet.works import APPLIED
from triton_operator.hub.known import is_of_fleet

logger = logging.getLogger(__name__)
Body = dict[str, Any]


async def service_is_gone(server: ApiServer, namespace: str, name: str) -> bool:
    """Whether the API server says that the fleet has no such service, and knows what a service is:
    where the definition was deleted, by mistake perhaps, nothing is found either.

    Raises:
        ApiError: it says nothing, or says that this account may not know.
    """
    found = await server.get(INFERENCE_SERVICE, namespace, name)
    if found is not None:
        return not is_of_fleet(found)
    return await server.serves(INFERENCE_SERVICE)


async def delete_works(server: ApiServer, works: Iterable[Body], why: str, decision: str) -> None:
    """Ask for their end; each stays, with its finalizer, until its agent has confirmed.

    Each says first that this is the hub's will: an agent waits an hour where it is not.

    Raises:
        ApiError: one was not deleted.
    """
    for work in works:
        metadata = work["metadata"]
        if not is_hubs_will(work):
            try:
                await _note(server, work, decision)
            except ApiNotFound:
                continue
        if is_leaving(work):
            continue
        await server.delete(
            INFERENCE_WORK, metadata["namespace"], metadata["name"], metadata["uid"]
        )
        logger.info(
            "A work is deleted.",
            extra={
                "work": f"{metadata['namespace']}/{metadata['name']}",
                "why": why,
                "decision": decision,
            },
        )


async def keep_work(server: ApiServer, work: Body) -> None:
    """Take back that it is to be deleted, where it was not; then another's deletion is not ours.

    Raises:
        ApiError: it was not taken back.
    """
    if is_hubs_will(work):
        await _note(server, work, None)


async def _note(server: ApiServer, work: Body, decision: str | None) -> None:
    # With the UID, a work that was made anew meanwhile is a conflict.
    metadata = work["metadata"]
    change = {"uid": metadata["uid"], "annotations": {DELETED_BY: decision}}
    await server.merge(
        INFERENCE_WORK, metadata["namespace"], metadata["name"], {"metadata": change}
    )


async def free_work(server: ApiServer, work: Body) -> bool:
    """Take the finalizer off a work whose agent reports that nothing of it is left; whether it did.

    Raises:
        ApiError: it was not taken off.
    """
    if not (is_leaving(work) and is_reported_gone(work.get("status") or {})):
        return False
    return await _let_go(
        server, work, "A work is gone: the agent reports that nothing of it is left."
    )


async def make_way(server: ApiServer, work: Body) -> None:
    """Take the finalizer off a work that somebody else has deleted and the hub wants: it is made
    again, and its agent, who waits for that, keeps the service.

    Raises:
        ApiError: it was not taken off.
    """
    await _let_go(server, work, "A work was deleted by somebody else, and is made again.")


async def _let_go(server: ApiServer, work: Body, what: str) -> bool:
    metadata = work["metadata"]
    finalizers = metadata.get("finalizers") or []
    if APPLIED not in finalizers:
        return False
    change = {
        "metadata": {
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            "finalizers": [one for one in finalizers if one != APPLIED],
        }
    }
    try:
        await server.merge(INFERENCE_WORK, metadata["namespace"], metadata["name"], change)
    except (ApiConflict, ApiNotFound):
        return False  # it changed or went meanwhile, which comes as an event
    logger.info(what, extra={"work": f"{metadata['namespace']}/{metadata['name']}"})
    return True
