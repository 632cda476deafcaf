"""By which Secret a cluster is reached, noted at its mailbox for when its InferenceCluster is gone.

Only then is a note read: while there is an InferenceCluster, its spec says it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from pydantic import ValidationError

from triton_operator.api.inference_cluster import KubeConfigSource
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError, ApiUnavailable
from triton_operator.controllers.kinds import NAMESPACE
from triton_operator.fleet.mailbox import PUSHED_BY, is_mailbox_of, mailbox_namespace

logger = logging.getLogger(__name__)
AT_ONCE = 16
"""Mailboxes that are looked at, at the same time."""


class PushNotes:
    """The annotation `pushed-by` of mailboxes that this hub has made."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._clean: dict[str, str] = {}
        """UIDs of clusters with an agent whose mailboxes are known to name no Secret, by name."""
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def read(self, cluster: str) -> KubeConfigSource | None:
        """What is noted; None: nothing that is of use, or it is not known."""
        try:
            noted = await self._noted(cluster)
        except ApiError:
            return None
        name, _, key = (noted or "").partition("/")
        try:
            return KubeConfigSource(secret_name=name, key=key) if name and key else None
        except ValidationError:
            return None

    async def write(self, cluster: str, source: KubeConfigSource) -> bool:
        """Note it; False: there is no mailbox.

        Raises:
            ApiError: it is not noted.
        """
        wanted = f"{source.secret_name}/{source.key}"
        noted = await self._noted(cluster)
        if noted is None:
            return False
        if noted != wanted:
            await self._put(cluster, wanted)
        return True

    async def clear(self, clusters: Mapping[str, str]) -> None:
        """Remove it from the mailboxes of these, whose UIDs are given by name: a cluster that has
        an agent must not be reached by an old Secret once it is deleted. What cannot be removed
        now is removed by another call; what is known to be clean is not looked at again."""
        self._clean = {name: uid for name, uid in self._clean.items() if clusters.get(name) == uid}
        failed: dict[str, ApiError] = {}

        async def clear(name: str, uid: str) -> None:
            async with self._slots:
                if any(isinstance(error, ApiUnavailable) for error in failed.values()):
                    return  # Thousands of requests that wait for their limits would hold up all.
                try:
                    noted = await self._noted(name)
                    if noted:
                        await self._put(name, None)
                except ApiError as error:
                    failed[name] = error
                    return
                if noted is not None:
                    self._clean[name] = uid

        await asyncio.gather(
            *(clear(name, uid) for name, uid in clusters.items() if name not in self._clean)
        )
        if failed:
            name, error = next(iter(failed.items()))
            logger.warning(
                "Mailboxes may still name the Secrets by which their clusters were reached; this "
                "is repeated.",
                extra={"clusters": len(failed), "cluster": name, "error": str(error)},
            )

    async def _noted(self, cluster: str) -> str | None:
        """Empty: nothing; None: there is no mailbox."""
        namespace = await self._server.get(NAMESPACE, "", mailbox_namespace(cluster))
        if namespace is None or not is_mailbox_of(cluster, namespace):
            return None
        return (namespace["metadata"].get("annotations") or {}).get(PUSHED_BY) or ""

    async def _put(self, cluster: str, noted: str | None) -> None:
        change = {"metadata": {"annotations": {PUSHED_BY: noted}}}
        await self._server.merge(NAMESPACE, "", mailbox_namespace(cluster), change)
