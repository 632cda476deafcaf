"""Places one service after another: facts from objects of the hub, a decision, works, a status.

Nothing here asks a member anything. What a decision was made from is in the log, with its id.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from triton_operator.api import labels
from triton_operator.api.group import API_VERSION
from triton_operator.api.inference_cluster import InferenceClusterSpec
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.placement_status import PlacedCluster
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError, ApiNotFound, ApiRefused
from triton_operator.controllers.keys import Key
from triton_operator.fleet.facts import AbsurdFact, ClusterFacts
from triton_operator.fleet.mailbox import mailbox_namespace
from triton_operator.fleet.member import Member, facts_of, reference_rate
from triton_operator.fleet.placement import Placed, place
from triton_operator.fleet.placement_findings import WorkState
from triton_operator.fleet.placement_memory import PlacementMemory
from triton_operator.fleet.placement_record import PlacementRecord
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.fleet.placement_wish import placement_of, settings_of
from triton_operator.fleet.published import published_memory
from triton_operator.fleet.reports import Report, merged, report_of
from triton_operator.fleet.selection import selects
from triton_operator.fleet.works import (
    APPLIED,
    ORIGIN,
    ORIGIN_UID,
    SERVICE,
    ceiling_of,
    has,
    is_out,
    routing,
    template,
    work_name,
    work_spec,
)
from triton_operator.hub.clusters import Clusters
from triton_operator.hub.kinds import INFERENCE_CLUSTER, INFERENCE_WORK
from triton_operator.hub.known import Known, is_of_fleet, service_key
from triton_operator.hub.leaving import delete_works, service_is_gone
from triton_operator.hub.service_status import ServiceStatusWriter
from triton_operator.manifests.desired_hash import content_hash

logger = logging.getLogger(__name__)
Body = dict[str, Any]
MOST_LOGGED = 65_536
"""Characters of one decision in the log: about 50 clusters with all that is known of them."""


@dataclass
class Decision:
    """One service with what was found, decided and done."""

    key: Key
    body: Body
    spec: InferenceServiceSpec
    settings: PlacementSettings
    members: dict[str, Member]
    works: dict[str, Body]
    facts: dict[str, ClusterFacts] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    revision: int = 0


class Placements:
    """`now` gives seconds since the epoch, `new_id` a text that no other decision has."""

    def __init__(
        self,
        *,
        server: ApiServer,
        known: Known,
        clusters: Clusters,
        now: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._server = server
        self._known = known
        self._clusters = clusters
        self._now = now
        self._new_id = new_id
        self._statuses = ServiceStatusWriter(server, known.services)
        self._memories: dict[Key, PlacementMemory] = {}
        self._reports: dict[Key, dict[str, Report]] = {}
        self._references: dict[Key, float] = {}

    def forget_all(self) -> None:
        """What is written down counts: another hub may have led."""
        self._memories.clear()
        self._reports.clear()
        self._references.clear()

    async def reconcile(self, key: Key) -> None:
        """Place a service, or let its works go if it is gone.

        Raises:
            ApiError: something was not written; what was is remembered.
        """
        body = self._known.services.get(key.namespace, key.name)
        if body is None:
            await self._depart(key)
            return
        if not is_of_fleet(body) or body["metadata"].get("deletionTimestamp"):
            return
        spec = InferenceServiceSpec.model_validate(body["spec"])
        now = self._now()
        made = self._gather(key, body, spec)
        memory = self._memories.get(key) or self._published(made, now)
        self._find_facts(made, memory)
        # Hundreds of clusters take a tenth of a second, and new service curves some seconds.
        after, placed = await asyncio.to_thread(
            place, list(made.facts.values()), made.settings, memory, now
        )
        record = PlacementRecord(
            self._new_id(), now, tuple(made.facts.values()), made.settings, memory, placed
        )
        failure = await self._write(made, placed, record.id)
        self._memories[key] = _as_written(after, memory, made.problems)
        if made.written:
            _log(key, record, made.written)
        await self._statuses.write(
            body, placed, made.facts, after, self._states(made), made.refused, made.revision, now
        )
        if failure is not None:
            raise failure
        await self._leave_unselected(made)

    async def _depart(self, key: Key) -> None:
        works = [
            body
            for _, body in self._known.works_named(work_name(key.namespace, key.name))
            if service_key(body) == key
        ]
        self._memories.pop(key, None)
        self._reports.pop(key, None)
        self._references.pop(key, None)
        if works and await service_is_gone(self._server, key.namespace, key.name):
            await delete_works(self._server, works, f"InferenceService {key} is gone")

    def _gather(self, key: Key, body: Body, spec: InferenceServiceSpec) -> Decision:
        """The clusters that are selected, with what they report, and works that there are."""
        works = dict(self._known.works_named(work_name(key.namespace, key.name)))
        placement, members = placement_of(spec), {}
        seen = self._reports.setdefault(key, {})
        for cluster in self._known.clusters.objects.values():
            metadata = cluster["metadata"]
            name = metadata["name"]
            if metadata.get("deletionTimestamp") or not selects(
                placement, name, metadata.get("labels") or {}
            ):
                continue
            report = report_of((works.get(name) or {}).get("status") or {})
            report = merged(report, seen.get(name))
            if not report.refused:
                seen[name] = report
            members[name] = Member(
                name=name,
                spec=InferenceClusterSpec.model_validate(cluster["spec"]),
                state=self._clusters.state(name),
                network=self._clusters.facts(name).network,
                report=report,
            )
        for name in seen.keys() - members.keys():
            del seen[name]
        return Decision(key, body, spec, settings_of(spec), members, works)

    def _find_facts(self, made: Decision, memory: PlacementMemory) -> None:
        known = self._references.get(made.key) or reference_rate(list(made.members.values()))
        if known is not None:
            # It stays what it was: what is remembered counts in it.
            self._references[made.key] = known
        scaling = made.spec.scaling
        for name, member in made.members.items():
            if member.report.refused:
                made.refused[name] = member.report.refused
            try:
                made.facts[name] = facts_of(member, scaling, memory.site(name), known)
            except AbsurdFact as error:
                made.refused[name] = str(error)
                bare = Member(member.name, member.spec, member.state, None, Report())
                made.facts[name] = facts_of(bare, scaling, memory.site(name), known)

    def _published(self, made: Decision, now: float) -> PlacementMemory:
        placement = (made.body.get("status") or {}).get("placement") or {}
        rows = {}
        for row in placement.get("clusters") or ():
            try:
                rows[row["name"]] = PlacedCluster.model_validate(row)
            except ValidationError as error:
                logger.warning(
                    "A row of a former decision cannot be read, and is not used.",
                    extra={"service": str(made.key), "error": str(error)},
                )
        works = {name: work for name, work in made.works.items() if name in made.members}
        return published_memory(
            works,
            {name: row for name, row in rows.items() if name in made.members},
            made.spec.scaling.min_replicas,
            made.settings.local_only_share,
            now,
        )

    async def _write(self, made: Decision, placed: Placed, decision: str) -> ApiError | None:
        """Write the works that differ; the first error after which to try again."""
        before = (made.body.get("status") or {}).get("placement") or {}
        made.revision = max(
            [before.get("revision", 0), *(work["spec"]["revision"] for work in made.works.values())]
        )
        revision, failure = made.revision + 1, None
        for name, site in placed.sites.items():
            live, facts = made.works.get(name), made.facts[name]
            if live is not None and live["metadata"].get("deletionTimestamp"):
                made.problems[name] = "its former work is being removed, and then made again"
                continue
            if facts.paused or (live is None and (site.ceiling == 0 or not facts.moves)):
                continue
            if live is not None and facts.moves and is_out(site):
                await delete_works(self._server, [live], site.reasons[0].sentence)
                continue
            wanted = self._wanted(made, name, placed)
            if live is not None and _is_as_wanted(live, wanted):
                continue
            manifest = {
                **wanted,
                "spec": {**wanted["spec"], "revision": revision, "decisionID": decision},
            }
            try:
                body = await self._server.apply(INFERENCE_WORK, manifest, force=True)
            except (ApiRefused, ApiNotFound) as error:
                made.problems[name] = f"its work is refused: {error.message}"[:300]
            except ApiError as error:
                made.problems[name] = f"its work is not written yet: {error}"[:300]
                failure = failure or error
            else:
                made.revision = revision
                made.works[name] = body
                made.written.append(name)
                self._known.works.put(body)
        return failure

    def _wanted(self, made: Decision, name: str, placed: Placed) -> Body:
        """The work of a cluster, but for what comes with a change."""
        site, facts, live = placed.sites[name], made.facts[name], made.works.get(name)
        urls = {
            other: member.spec.data_plane.url
            for other, member in made.members.items()
            if member.spec.data_plane is not None
        }
        its_template = template(
            made.body["spec"],
            site.floor,
            ceiling_of(site, facts, made.settings, live and live["spec"]),
        )
        metadata = made.body["metadata"]
        body: Body = {
            "apiVersion": API_VERSION,
            "kind": INFERENCE_WORK.kind,
            "metadata": {
                "name": work_name(made.key.namespace, made.key.name),
                "namespace": mailbox_namespace(name),
                "labels": {ORIGIN: self._known.hub_id, ORIGIN_UID: metadata["uid"]},
                "finalizers": [APPLIED],
            },
            "spec": work_spec(
                made.body,
                made.members[name].spec,
                its_template,
                routing(name, site.weights, urls),
                self._known.hub_id,
            ),
        }
        body["metadata"]["annotations"] = {
            SERVICE: f"{made.key.namespace}/{made.key.name}",
            labels.DESIRED_HASH: content_hash(body),
        }
        return body

    def _states(self, made: Decision) -> dict[str, WorkState]:
        states = {}
        for name, member in made.members.items():
            work, problem = made.works.get(name), made.problems.get(name, "")
            if work is None and not problem:
                continue
            states[name] = WorkState(
                revision=0 if work is None else work["spec"]["revision"],
                applied_revision=member.report.revision,
                applied=member.report.applied,
                problem=problem or member.report.problem,
            )
        return states

    async def _leave_unselected(self, made: Decision) -> None:
        """Works in clusters that are not selected any more, or are gone."""
        for name, work in made.works.items():
            if name in made.members:
                continue
            known = self._known.clusters.get("", name)
            if known is None:
                known = await self._server.get(INFERENCE_CLUSTER, "", name)
            if known is None:
                why = f"InferenceCluster {name} is gone"
            elif known["metadata"].get("deletionTimestamp"):
                why = f"InferenceCluster {name} is being deleted"
            elif known["spec"].get("paused"):
                continue
            elif not selects(placement_of(made.spec), name, known["metadata"].get("labels") or {}):
                why = f"InferenceCluster {name} is not selected any more"
            else:
                continue  # it has just come: the next decision knows it
            await delete_works(self._server, [work], why)


def _is_as_wanted(live: Body, wanted: Body) -> bool:
    """By the hash nothing was taken out since, and by the fields nobody changed what is there."""
    metadata = live["metadata"]
    return (
        all(has(metadata.get(part), wanted["metadata"][part]) for part in ("labels", "annotations"))
        and APPLIED in (metadata.get("finalizers") or ())
        and has(live["spec"], wanted["spec"])
    )


def _as_written(
    after: PlacementMemory, before: PlacementMemory, problems: Iterable[str]
) -> PlacementMemory:
    """What was not published is not remembered as if it were."""
    kept = {name: before.site(name) for name in problems}
    return PlacementMemory(after.decided_at, {**after.sites, **kept})


def _log(key: Key, record: PlacementRecord, written: list[str]) -> None:
    line = record.line()
    extra: dict[str, Any] = {
        "service": f"{key.namespace}/{key.name}",
        "decision": record.id,
        "changed": written[:20],
        "changes": len(written),
    }
    if len(line) <= MOST_LOGGED:
        extra["record"] = line
    else:
        extra["record_characters"] = len(line)
    logger.info("A placement has changed.", extra=extra)
