"""Looks at the ClusterProfiles that InferenceClusters name: one after the other, by their names,
and at one of them as soon as its InferenceCluster is edited.

Somebody else's kind, which comes and goes, is not watched; and of an inventory that may hold
anything, nothing else is read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
Body = dict[str, Any]
MOST_QUOTED = 200


@dataclass(frozen=True)
class _Found:
    """One look. `version`: of the InferenceCluster that it was made for."""

    version: tuple[Any, ...]
    reference: ClusterProfileReference
    look: ProfileLook


class Profiles:
    """What became of the last looks; `changed(cluster)` hears when one brings another result, and
    after the first one at an InferenceCluster that was edited."""

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
        self._found: dict[str, _Found] = {}

    def look_of(
        self, cluster: str, reference: ClusterProfileReference | None
    ) -> ProfileLook | None:
        """The last look at what a cluster names now; None: there was none."""
        found = self._found.get(cluster)
        return found.look if found is not None and found.reference == reference else None

    def refused(self, body: Body) -> frozenset[str]:
        """Labels of an InferenceCluster that its profile does not give, as was read since that is
        as it is: who moves a label to an inventory may have written there just before."""
        found = self._found.get(body["metadata"]["name"])
        if found is None or found.version != _version(body) or found.look.reading is None:
            return frozenset()
        return frozenset(found.look.reading.refused)

    async def look(self) -> None:
        """Read each profile once."""
        wanted = [name for _, name in self._known.clusters.objects if self._named(name)]
        for cluster in self._found.keys() - set(wanted):
            del self._found[cluster]
        for cluster in wanted:
            if not await self._read(cluster):
                return  # the others would wait for as long, one after the other

    async def read(self, cluster: str) -> None:
        """Read the profile of one cluster, unless that was done since it was edited."""
        body, found = self._known.clusters.get("", cluster), self._found.get(cluster)
        if body is not None and (found is None or found.version != _version(body)):
            await self._read(cluster)

    async def _read(self, cluster: str) -> bool:
        """Whether an answer came, or none is wanted any more."""
        if (named := self._named(cluster)) is None:
            return True
        version, reference = named
        before = self._found.get(cluster)
        try:
            # What was there at the edit counts, and the API server's cache may be older.
            look = await self._look(
                reference, cached=before is not None and before.version == version
            )
        except ApiError as error:
            logger.warning(
                "ClusterProfiles cannot be read now; what they said last stays.",
                extra={"error": str(error)},
            )
            return False
        found = _Found(version, reference, look)
        if self._found.get(cluster) != found:
            self._found[cluster] = found
            self._changed(cluster)
        return True

    def _named(self, cluster: str) -> tuple[tuple[Any, ...], ClusterProfileReference] | None:
        """The version of a cluster, and the profile that it names."""
        body = self._known.clusters.get("", cluster)
        spec = None if body is None else self._known.specs.get(body)
        if body is None or spec is None or spec.cluster_profile is None:
            return None
        return _version(body), spec.cluster_profile

    async def _look(self, reference: ClusterProfileReference, *, cached: bool) -> ProfileLook:
        try:
            if not await self._kinds.serves(CLUSTER_PROFILE):
                return ProfileLook(
                    None,
                    reasons.KIND_NOT_INSTALLED,
                    "cannot be there: this cluster does not know ClusterProfile "
                    "(multicluster.x-k8s.io/v1alpha1)",
                )
            body = await self._server.get(
                CLUSTER_PROFILE, reference.namespace, reference.name, cached=cached
            )
        except ApiRefused as error:
            return ProfileLook(
                None, reasons.PROFILE_NOT_READ, f"cannot be read: {error}"[:MOST_QUOTED]
            )
        if body is None:
            return ProfileLook(None, reasons.PROFILE_NOT_FOUND, "does not exist")
        return ProfileLook(read_profile(body, reference.labels))


def _version(body: Body) -> tuple[Any, ...]:
    """Changes with what somebody says in an InferenceCluster, and when it is made anew."""
    metadata = body["metadata"]
    return metadata["uid"], metadata.get("generation"), metadata.get("labels") or {}
