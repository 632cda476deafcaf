"""Looks at the ClusterProfiles that InferenceClusters name: one after the other, by their names.

Somebody else's kind, which comes and goes, is not watched; and of an inventory that may hold
anything, nothing else is read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from triton_operator.api.inference_cluster import ClusterProfileReference
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError, ApiRefused
from triton_operator.fleet import status_reasons as reasons
from triton_operator.fleet.cluster_labels import read_profile
from triton_operator.fleet.profile_labels import ProfileLook
from triton_operator.hub.kinds import CLUSTER_PROFILE
from triton_operator.hub.known import Known
from triton_operator.hub.served_kinds import ServedKinds

logger = logging.getLogger(__name__)
MOST_QUOTED = 200


class Profiles:
    """What became of the last looks; `changed(cluster)` hears when one brings another result."""

    def __init__(
        self,
        server: ApiServer,
        known: Known,
        kinds: ServedKinds,
        changed: Callable[[str], None],
    ) -> None:
        self._server = server
        self._known = known
        self._kinds = kinds
        self._changed = changed
        self._found: dict[str, tuple[ClusterProfileReference, ProfileLook]] = {}

    def look_of(
        self, cluster: str, reference: ClusterProfileReference | None
    ) -> ProfileLook | None:
        """The last look at what a cluster names now; None: there was none."""
        found = self._found.get(cluster)
        return found[1] if found is not None and found[0] == reference else None

    async def look(self) -> None:
        """Read each profile once."""
        wanted = {
            body["metadata"]["name"]: spec.cluster_profile
            for body in self._known.clusters.objects.values()
            if (spec := self._known.specs.get(body)) and spec.cluster_profile
        }
        for cluster in self._found.keys() - wanted.keys():
            del self._found[cluster]
        try:
            for cluster, reference in wanted.items():
                now = reference, await self._look(reference)
                if self._found.get(cluster) != now:
                    self._found[cluster] = now
                    self._changed(cluster)
        except ApiError as error:
            # The others would wait for as long, one after the other.
            logger.warning(
                "ClusterProfiles cannot be read now; what they said last stays.",
                extra={"error": str(error)},
            )

    async def _look(self, reference: ClusterProfileReference) -> ProfileLook:
        try:
            if not await self._kinds.serves(CLUSTER_PROFILE):
                return ProfileLook(
                    None,
                    reasons.KIND_NOT_INSTALLED,
                    "cannot be there: this cluster does not know ClusterProfile "
                    "(multicluster.x-k8s.io/v1alpha1)",
                )
            body = await self._server.get(
                CLUSTER_PROFILE, reference.namespace, reference.name, cached=True
            )
        except ApiRefused as error:
            return ProfileLook(
                None, reasons.PROFILE_NOT_READ, f"cannot be read: {error}"[:MOST_QUOTED]
            )
        if body is None:
            return ProfileLook(None, reasons.PROFILE_NOT_FOUND, "does not exist")
        return ProfileLook(read_profile(body, reference.labels))
