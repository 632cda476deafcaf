"""Tells Kubernetes which pods to remove first when replicas become fewer."""

import asyncio
import logging
from collections.abc import Iterable

from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError, ApiNotFound
from triton_operator.controllers.kinds import POD
from triton_operator.controllers.store import Store
from triton_operator.controllers.views import PodView

logger = logging.getLogger(__name__)
ANNOTATION = "controller.kubernetes.io/pod-deletion-cost"
FIRST = "-1"
"""Pods without the annotation cost 0."""


async def mark_for_removal(
    server: ApiServer, store: Store, namespace: str, names: Iterable[str]
) -> None:
    """Make these ready pods the first of their Deployment to go.

    It is a wish: without it other pods go, which have more to finish first. So a refusal is told in
    the log only, and holds up nothing.
    """
    change = {"metadata": {"annotations": {ANNOTATION: FIRST}}}
    pods = [store.get(POD.kind, namespace, name) for name in names]
    answers = await asyncio.gather(
        *(
            server.merge(POD, namespace, pod.name, change)
            for pod in pods
            if isinstance(pod, PodView) and not pod.deleting
        ),
        return_exceptions=True,
    )
    for answer in answers:
        if isinstance(answer, ApiError) and not isinstance(answer, ApiNotFound):
            logger.warning("A pod cannot be marked for removal.", extra={"why": str(answer)})
        elif isinstance(answer, BaseException) and not isinstance(answer, ApiError):
            raise answer
