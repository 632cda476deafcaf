"""Tells Kubernetes which pods to remove first when replicas become fewer."""

import asyncio
import logging
from collections.abc import Iterable

from triton_operator.api import labels
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError, ApiNotFound
from triton_operator.controllers.kinds import POD
from triton_operator.controllers.store import Store
from triton_operator.controllers.views import PodView

logger = logging.getLogger(__name__)
FIRST = "-1"
"""Pods without the annotation cost 0."""


async def mark_for_removal(
    server: ApiServer, store: Store, namespace: str, first: Iterable[str], later: Iterable[str]
) -> None:
    """Make `first`, ready pods, those of their Deployment that go before `later`, which may be
    marked since a time when another number was wanted.

    It is a wish: without it other pods go, which have more to finish first. So a refusal is told in
    the log only, and holds up nothing.
    """
    changes = [
        server.merge(
            POD, namespace, name, {"metadata": {"annotations": {labels.DELETION_COST: cost}}}
        )
        for names, cost in ((first, FIRST), (later, None))
        for name in names
        if isinstance(pod := store.get(POD.kind, namespace, name), PodView)
        and not pod.deleting
        and pod.goes_first is (cost is None)
    ]
    answers = await asyncio.gather(*changes, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, ApiError) and not isinstance(answer, ApiNotFound):
            logger.warning("A pod cannot be marked for removal.", extra={"why": str(answer)})
        elif isinstance(answer, BaseException) and not isinstance(answer, ApiError):
            raise answer
