"""Which template each work of a service gets now: the spec's, or the one that it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from triton_operator.api.conditions import Finding
from triton_operator.api.enums import ConnectionState
from triton_operator.fleet.containment import contains
from triton_operator.fleet.member import Member
from triton_operator.fleet.placement import Placed
from triton_operator.fleet.rollout import Candidate, Rollout, RolloutMemory, roll_out
from triton_operator.fleet.rollout_findings import progressing
from triton_operator.fleet.rollout_template import TEMPLATE, core, held_back
from triton_operator.fleet.rollout_wish import rollout_settings
from triton_operator.fleet.update_judgement import Level
from triton_operator.fleet.work import is_leaving
from triton_operator.hub.rollout_memory import remembered
from triton_operator.hub.scene import Scene
from triton_operator.manifests.desired_hash import content_hash

Body = dict[str, Any]


@dataclass(frozen=True)
class Templates:
    """`wanted`: hash of the spec's. `held`: works whose template goes on, by cluster; `pattern`:
    the one of them that a cluster without a work gets too. `memory`: None without a strategy."""

    wanted: str
    held: Mapping[str, Body] = field(default_factory=dict)
    pattern: Body | None = None
    memory: RolloutMemory | None = None
    finding: Finding | None = None

    def of(self, cluster: str, work: Body | None, fresh: Body) -> tuple[Body, str]:
        """The template of a cluster's work, and the hash to note on it; `fresh` is the spec's, with
        the cluster's bounds."""
        source = self.pattern if work is None else self.held.get(cluster)
        if source is None:
            return fresh, self.wanted
        noted = (source["metadata"].get("annotations") or {}).get(TEMPLATE, "")
        return held_back(fresh, source["spec"]["template"]), noted


def templates(scene: Scene, placed: Placed, now: float) -> Templates:
    """Of a decision."""
    spec = scene.body["spec"]
    wanted = content_hash(core(spec))
    settings = rollout_settings(scene.spec)
    if settings is None:
        return Templates(wanted)
    status = scene.body.get("status") or {}
    recorded = (status.get("placement") or {}).get("revision", 0)
    works = {
        name: work
        for name in placed.sites
        if (work := scene.works.get(name)) is not None and not is_leaving(work)
    }
    candidates = [
        _candidate(scene.members[name], work, _has(work, wanted, spec), recorded)
        for name, work in works.items()
    ]
    strategy = content_hash((spec.get("placement") or {}).get("strategy"))
    memory, rollout = roll_out(candidates, settings, remembered(status), wanted, strategy, now)
    held = {name: work for name, work in works.items() if name not in rollout.admitted}
    return Templates(
        wanted=wanted,
        held=held,
        pattern=None if rollout.admits_new else _pattern(held, memory, rollout),
        memory=memory,
        finding=progressing(rollout, memory, settings, works),
    )


def _pattern(held: Mapping[str, Body], memory: RolloutMemory, rollout: Rollout) -> Body | None:
    """One that others have proven: not one that got a change which did not come so far, nor, where
    there is a choice, one that was passed over, which may be of long ago."""
    sound = [name for name in held if name not in memory.updates]
    sound.sort(key=lambda name: name in rollout.passed_over)
    return held[sound[0]] if sound else None


def _has(work: Body, wanted: str, spec: Mapping[str, Any]) -> bool:
    """Whether a work has the spec's template; one of an older hub does not say from what it is."""
    noted = (work["metadata"].get("annotations") or {}).get(TEMPLATE)
    if noted:
        return bool(noted == wanted)
    return contains(work["spec"]["template"], core(spec))


def _candidate(member: Member, work: Body, is_updated: bool, recorded: int) -> Candidate:
    report = member.report
    unwell = "" if report.available else f"does not serve: {report.said or 'it has not said why'}"
    unsettled = ""
    if report.problem:
        unsettled = f"does not apply it: {report.problem}"
    elif not report.rolled_out:
        unsettled = f"has not rolled it out: {report.said or 'its agent does not tell'}"
    revision = work["spec"]["revision"]
    return Candidate(
        name=member.name,
        is_updated=is_updated,
        is_recorded=revision <= recorded,
        is_heard=member.state is ConnectionState.CONNECTED,
        is_passed_over=(
            member.state is ConnectionState.LOST or member.spec.paused or report.paused
        ),
        revision=revision,
        applied_revision=report.revision,
        unsettled=unsettled,
        unwell=unwell,
        stuck=f"its pods do not become ready: {report.stuck}" if report.stuck else "",
        level=Level(report.attainment, report.p99_seconds, report.arrivals, report.errors),
    )
