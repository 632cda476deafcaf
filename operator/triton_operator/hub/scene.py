"""What is known of one service when it is placed: its clusters, their reports, works, the past."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.placement import Placement
from triton_operator.api.placement_status import PlacedCluster
from triton_operator.controllers.keys import Key
from triton_operator.fleet import revisions
from triton_operator.fleet.cluster_labels import cluster_labels
from triton_operator.fleet.curves import TakenCurves
from triton_operator.fleet.facts import AbsurdFact, ClusterFacts
from triton_operator.fleet.member import Member, facts_of
from triton_operator.fleet.placement_memory import PlacementMemory, rescaled
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.fleet.placement_wish import placement_of, settings_of
from triton_operator.fleet.published import published_memory
from triton_operator.fleet.reference import oddity, reference_rate, speed_of
from triton_operator.fleet.reports import Report, merged, report_of
from triton_operator.fleet.revisions import written_revision
from triton_operator.fleet.selection import selects
from triton_operator.fleet.work import is_leaving, most_replicas
from triton_operator.fleet.works import work_name
from triton_operator.hub.clusters import Clusters
from triton_operator.hub.known import Known

logger = logging.getLogger(__name__)
Body = dict[str, Any]


@dataclass
class Scene:
    """One service. `members`: clusters that are selected, or stay; `works` may be in others too.

    `refused`: what was not taken of a member's report, by cluster. `memory`: of the last decision.
    `reference`: requests/s of the reference replica; None: nobody knows. `revision`: the highest
    that was written.
    """

    key: Key
    body: Body
    spec: InferenceServiceSpec
    settings: PlacementSettings
    members: dict[str, Member]
    works: dict[str, Body]
    memory: PlacementMemory
    facts: dict[str, ClusterFacts] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    reference: float | None = None
    revision: int = 0


class Scenes:
    """Remembers of each service what the next decision needs and no object tells: what was decided,
    the last report of each cluster that was taken, and what the reference replica does."""

    def __init__(self, known: Known, clusters: Clusters) -> None:
        self._known = known
        self._clusters = clusters
        self._memories: dict[Key, PlacementMemory] = {}
        self._reports: dict[Key, dict[str, Report]] = {}
        self._references: dict[Key, float] = {}
        self._curves: dict[Key, TakenCurves] = {}

    def forget_all(self) -> None:
        """What is written down counts: another hub may have led."""
        self._memories.clear()
        self._reports.clear()
        self._references.clear()
        self._curves.clear()

    def forget(self, key: Key) -> None:
        """The service is gone."""
        self._memories.pop(key, None)
        self._reports.pop(key, None)
        self._references.pop(key, None)
        self._curves.pop(key, None)

    def remember(self, key: Key, memory: PlacementMemory) -> None:
        """What was decided, as far as it was written."""
        self._memories[key] = memory

    def scene(self, key: Key, body: Body, now: float) -> Scene:
        """Everything that the next decision on a service is made from."""
        spec = InferenceServiceSpec.model_validate(body["spec"])
        settings = settings_of(spec)
        works = dict(self._known.works_named(work_name(key.namespace, key.name)))
        members = self._members(key, spec, works, now)
        memory = self._memories.get(key)
        if memory is None:
            memory = published_memory(
                {name: work for name, work in works.items() if name in members},
                {name: row for name, row in _rows(key, body).items() if name in members},
                spec.scaling.min_replicas,
                settings.local_only_share,
                now,
            )
        settings = replace(
            settings, elsewhere=self._elsewhere(works.keys() - members.keys(), works)
        )
        made = Scene(key, body, spec, settings, members, works, memory)
        made.revision = written_revision(
            ((body.get("status") or {}).get("placement") or {}).get("revision", 0),
            (work["spec"]["revision"] for work in works.values()),
        )
        self._find_facts(made)
        return made

    def _members(
        self, key: Key, spec: InferenceServiceSpec, works: dict[str, Body], now: float
    ) -> dict[str, Member]:
        placement, members = placement_of(spec), {}
        seen = self._reports.setdefault(key, {})
        for cluster in self._known.clusters.objects.values():
            metadata = cluster["metadata"]
            name = metadata["name"]
            cluster_spec = self._known.specs.get(cluster)
            if cluster_spec is None or metadata.get("deletionTimestamp"):
                continue
            stays = ""
            if not selects(placement, name, cluster_labels(cluster)):
                stays = self._why_it_stays(placement, cluster, works.get(name))
                if not stays:
                    continue
            report = report_of((works.get(name) or {}).get("status") or {})
            report = merged(report, seen.get(name))
            if not report.refused:
                seen[name] = report
            members[name] = Member(
                name=name,
                spec=cluster_spec,
                state=self._clusters.state(name),
                network=self._clusters.facts(name).network,
                report=report,
                data_plane=self._clusters.answers(name),
                curve=self._curves.setdefault(key, TakenCurves()).taken(name, report.curve, now),
                work_spec=works[name]["spec"] if name in works else None,
                stays=stays,
            )
        for name in seen.keys() - members.keys():
            del seen[name]
        self._curves.setdefault(key, TakenCurves()).keep(members)
        return members

    def _why_it_stays(self, placement: Placement, cluster: Body, work: Body | None) -> str:
        """Where a service runs that a label may select which nobody has read yet; empty: it does
        not, or is on its way out."""
        name, unread = cluster["metadata"]["name"], self._clusters.unread(cluster)
        if work is None or is_leaving(work):
            return ""
        if not selects(placement, name, cluster_labels(cluster), unread):
            return ""
        profile = cluster["spec"]["clusterProfile"]
        return (
            f"stays, as its ClusterProfile {profile['namespace']}/{profile['name']} has not said "
            f"yet what its label {', '.join(sorted(unread))} is: see ProfileRead of the "
            "InferenceCluster"
        )

    def _elsewhere(self, names: Iterable[str], works: dict[str, Body]) -> dict[str, int]:
        """What may run in clusters that are not selected any more, until their works are gone."""
        found: Counter[str] = Counter()
        for name in names:
            cluster = self._known.clusters.get("", name)
            spec = None if cluster is None else self._known.specs.get(cluster)
            tier = "" if spec is None else spec.tier.value
            found[tier] += most_replicas(works[name]["spec"]["template"]) or 0
        return dict(found)

    def _find_reference(self, made: Scene) -> None:
        """Where it moves, what is remembered moves with it."""
        rates = {name: member.report.safe_rate for name, member in made.members.items()}
        before = self._references.get(made.key) or _written_reference(made.body)
        # What replicas without requests do is known from few of them, or from others.
        busy = [rate for name, rate in rates.items() if made.members[name].report.arrivals]
        known = [rate for rate in busy if rate] or [rate for rate in rates.values() if rate]
        made.reference = reference_rate(known, before)
        if made.reference is None:
            return
        self._references[made.key] = made.reference
        if before is not None and made.reference != before:
            factors = {
                name: speed_of(rate, made.reference) / speed_of(rate, before)
                for name, rate in rates.items()
            }
            made.memory = rescaled(made.memory, factors)
            self._memories[made.key] = made.memory

    def _find_facts(self, made: Scene) -> None:
        self._find_reference(made)
        reference = made.reference
        scaling = made.spec.scaling
        for name, member in made.members.items():
            memory = made.memory.site(name)
            report = member.report
            if odd := (
                report.refused
                or oddity(report.safe_rate, reference)
                or revisions.oddity(report.revision, made.revision)
            ):
                made.refused[name] = odd
            try:
                made.facts[name] = facts_of(member, scaling, memory, reference)
            except AbsurdFact as error:
                made.refused[name] = str(error)
                silent = replace(member, network=None, report=Report())
                made.facts[name] = facts_of(silent, scaling, memory, reference)


def _rows(key: Key, body: Body) -> dict[str, PlacedCluster]:
    """Of the decision that is written down, by cluster."""
    rows = {}
    for row in ((body.get("status") or {}).get("placement") or {}).get("clusters") or ():
        try:
            rows[row["name"]] = PlacedCluster.model_validate(row)
        except ValidationError as error:
            logger.warning(
                "A row of a former decision cannot be read, and is not used.",
                extra={"service": str(key), "error": str(error)},
            )
    return rows


def reference_text(rate: float) -> str:
    """As `status.placement.referenceRate`."""
    return f"{rate:.9f}".rstrip("0").rstrip(".")


def _written_reference(body: Body) -> float | None:
    """Of the decision that is written down."""
    text = ((body.get("status") or {}).get("placement") or {}).get("referenceRate")
    return None if text is None else float(text) or None
