"""Writes the label of pods by which Services select them."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

from triton_operator.api import labels
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError, ApiNotFound
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import POD
from triton_operator.controllers.store import Store

logger = logging.getLogger(__name__)
AT_ONCE = 16


async def label_traffic(
    server: ApiServer,
    store: Store,
    namespace: str,
    traffic: Mapping[str, str],
    concern: Callable[[Iterable[Key]], None],
) -> list[str]:
    """Give pods these labels, and take the answers into the store; the names of those done.

    A pod that is gone is nothing, and a refusal is told in the log only: whoever decides sees that
    the label is another one still. `concern` hears who has to look, as an answer may carry what
    happened to the pod meanwhile.
    """
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(name: str, value: str) -> bool:
        async with slots:
            try:
                change = {"metadata": {"labels": {labels.TRAFFIC: value}}}
                body = await server.merge(POD, namespace, name, change)
                known = store.get(POD.kind, namespace, name)
                # Its end may have been told before this answer: nobody would take it out again.
                if known is not None and known.uid == body["metadata"]["uid"]:
                    concern(store.put(POD, body))
            except ApiNotFound:
                return False
            except ApiError as error:
                logger.warning(
                    "A pod's share of requests cannot be changed.",
                    extra={"pod": name, "traffic": value, "why": str(error)},
                )
                return False
            return True

    done = await asyncio.gather(*(one(name, value) for name, value in traffic.items()))
    return [name for name, is_done in zip(traffic, done, strict=True) if is_done]
