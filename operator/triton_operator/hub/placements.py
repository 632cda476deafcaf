"""Places one service after another: facts from objects of the hub, a decision, works, a status.

Nothing here asks a member anything. What a decision was made from is in the log, with its id.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from triton_operator.api.routing import RoutedEndpoint
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.keys import Key
from triton_operator.fleet.cluster_labels import cluster_labels
from triton_operator.fleet.endpoint_lists import hub_list
from triton_operator.fleet.placement import place
from triton_operator.fleet.placement_findings import WorkState
from triton_operator.fleet.placement_memory import PlacementMemory
from triton_operator.fleet.placement_record import PlacementRecord
from triton_operator.fleet.placement_wish import placement_of
from triton_operator.fleet.selection import selects
from triton_operator.fleet.works import work_name
from triton_operator.hub.clusters import Clusters
from triton_operator.hub.endpoint_lists import fleet_of
from triton_operator.hub.kinds import INFERENCE_CLUSTER
from triton_operator.hub.known import Known, is_of_fleet, service_key
from triton_operator.hub.leaving import delete_works, service_is_gone
from triton_operator.hub.publications import Publications
from triton_operator.hub.rollouts import templates
from triton_operator.hub.scene import Scene, Scenes
from triton_operator.hub.service_status import ServiceStatusWriter
from triton_operator.hub.work_writer import WorkWriter, Written

logger = logging.getLogger(__name__)
Body = dict[str, Any]
MOST_LOGGED = 65_536
"""Characters of one decision in the log: about 50 clusters with all that is known of them."""
MOST_NAMED = 20


class Placements:
    """`now` gives seconds since the epoch, `new_id` a text that no other decision has."""

    def __init__(
        self,
        *,
        server: ApiServer,
        known: Known,
        clusters: Clusters,
        now: Callable[[], float],
        publications: Publications,
        new_id: Callable[[], str],
    ) -> None:
        self._server = server
        self._known = known
        self._clusters = clusters
        self._now = now
        self._new_id = new_id
        self._scenes = Scenes(known, clusters)
        self._works = WorkWriter(server, known)
        self._publications = publications
        self._statuses = ServiceStatusWriter(server, known.services)

    def forget_all(self) -> None:
        """What is written down counts: another hub may have led."""
        self._scenes.forget_all()
        self._publications.forget_all()

    async def reconcile(self, key: Key) -> None:
        """Place a service, or let its works go if it is gone.

        Raises:
            ApiError: something was not written; what was is remembered.
        """
        body = self._known.services.get(key.namespace, key.name)
        if body is None or not is_of_fleet(body):
            await self._depart(key)
            return
        if body["metadata"].get("deletionTimestamp"):
            return
        now = self._now()
        scene = self._scenes.scene(key, body, now)
        facts = tuple(scene.facts.values())
        # Hundreds of clusters take a tenth of a second, and new service curves some seconds.
        after, placed = await asyncio.to_thread(place, facts, scene.settings, scene.memory, now)
        record = PlacementRecord(self._new_id(), now, facts, scene.settings, scene.memory, placed)
        its_templates = templates(scene, placed, now)
        fleet = fleet_of(scene, placed)
        written = await self._works.write(scene, placed, fleet, record.id, its_templates)
        self._scenes.remember(key, _as_written(after, scene.memory, written.problems))
        if written.changed:
            _log(key, record, written.changed)
        endpoints = hub_list(fleet, _listed(body))
        published = await self._publications.write(scene, fleet, endpoints)
        await self._statuses.write(
            scene,
            placed,
            after,
            _states(scene, written),
            written.revision,
            its_templates,
            endpoints,
            published,
        )
        if written.failure is not None:
            raise written.failure
        await self._leave_unselected(scene, record.id)

    async def _depart(self, key: Key) -> None:
        self._scenes.forget(key)
        self._publications.forget(key)
        works = [
            body
            for _, body in self._known.works_named(work_name(key.namespace, key.name))
            if service_key(body) == key
        ]
        if works and await service_is_gone(self._server, key.namespace, key.name):
            await delete_works(self._server, works, f"{key} is gone", self._new_id())

    async def _leave_unselected(self, scene: Scene, decision: str) -> None:
        """Works in clusters that are not selected any more, or are gone."""
        for name, work in scene.works.items():
            if name not in scene.members and (why := await self._why_unselected(scene, name)):
                await delete_works(self._server, [work], why, decision)

    async def _why_unselected(self, scene: Scene, name: str) -> str:
        """Empty: it is paused, or may be selected by a label that nobody has read yet, or has just
        come, and the next decision knows it."""
        known = self._known.clusters.get("", name)
        if known is None:
            known = await self._server.get(INFERENCE_CLUSTER, "", name)
        if known is None:
            return f"InferenceCluster {name} is gone"
        metadata = known["metadata"]
        if metadata.get("deletionTimestamp"):
            return f"InferenceCluster {name} is being deleted"
        if known["spec"].get("paused") or selects(
            placement_of(scene.spec), name, cluster_labels(known), self._clusters.unread(known)
        ):
            return ""
        return f"InferenceCluster {name} is not selected any more"


def _listed(service: Body) -> list[RoutedEndpoint]:
    """As its status has them."""
    rows = (service.get("status") or {}).get("endpoints") or ()
    return [RoutedEndpoint.model_validate(row) for row in rows]


def _states(scene: Scene, written: Written) -> dict[str, WorkState]:
    """Of those clusters that have a work, or should."""
    states = {}
    for name, member in scene.members.items():
        work = scene.works.get(name)
        problem = written.problems.get(name) or written.kept.get(name, "")
        if work is not None or problem:
            states[name] = WorkState(
                revision=0 if work is None else work["spec"]["revision"],
                applied_revision=member.report.revision,
                applied=member.report.applied,
                problem=problem or member.report.problem,
            )
    return states


def _as_written(
    after: PlacementMemory, before: PlacementMemory, problems: Iterable[str]
) -> PlacementMemory:
    """What was not published is not remembered as if it were."""
    kept = {name: before.site(name) for name in problems}
    return PlacementMemory(after.decided_at, {**after.sites, **kept})


def _log(key: Key, record: PlacementRecord, changed: list[str]) -> None:
    line = record.line()
    extra: dict[str, Any] = {
        "service": f"{key.namespace}/{key.name}",
        "decision": record.id,
        "changed": changed[:MOST_NAMED],
        "changes": len(changed),
    }
    if len(line) <= MOST_LOGGED:
        extra["record"] = line
    else:
        extra["record_characters"] = len(line)
    logger.info("A placement has changed.", extra=extra)
