"""What a member's agent reports of one service: the status of its `InferenceWork`. Not trusted.

A report is taken whole or not at all: a member that tells one thing which cannot be has no better
claim to the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from triton_operator.api import reasons as conditions
from triton_operator.api.conditions import Condition
from triton_operator.api.fields import MOST_REPLICAS
from triton_operator.api.inference_work import InferenceWorkStatus, WorkLoad
from triton_operator.api.replica_curve import ReplicaCurve
from triton_operator.fleet import work_reasons
from triton_operator.fleet.failing import Errors
from triton_operator.planning.service_curve import ServiceCurve, rounded

HIGHEST_RATE = 1e9
LOWEST_RATE = 1e-6
MOST_QUOTED = 200


@dataclass(frozen=True)
class Report:
    """Numbers in the cluster's own replicas; None: not told.

    `maximum`: `maxReplicas` in force there. `revision`: of the work that is applied. `problem` says
    why the member does not apply the work that it has; empty: it does, or has not said.
    `attainment`: percent of its requests within the objective; `arrivals` in requests/s; `errors`
    are of the last minutes.
    `available`, `rolled_out`: what its operator says of the revision; `stuck`: it says that pods of
    that do not become ready, and why. `paused`: its administrator keeps the service as it is.
    """

    ready: int = 0
    capacity: int | None = None
    need: float | None = None
    safe_rate: float | None = None
    p99_seconds: float | None = None
    curve: ServiceCurve | None = None
    maximum: int | None = None
    revision: int | None = None
    applied: bool = False
    problem: str = ""
    attainment: float | None = None
    arrivals: float | None = None
    errors: Errors | None = None
    available: bool = False
    rolled_out: bool = False
    stuck: str = ""
    paused: bool = False
    said: str = ""
    """Why it is not available, or not rolled out, in its own words."""
    refused: str = ""
    """Why the numbers are not taken; empty: they are."""


def report_of(status: Mapping[str, Any]) -> Report:
    """Reads a status; one that was never written is a report of nothing."""
    if not status:
        return Report()
    try:
        told = InferenceWorkStatus.model_validate(status)
    except ValidationError as error:
        return Report(refused=_first(error))
    made = _said(told)
    if told.load is None:
        return made
    refused = _absurdity(told.load)
    if refused:
        return replace(made, maximum=None, refused=refused)
    load = told.load
    return replace(
        made,
        ready=load.ready_replicas,
        capacity=load.cap_replicas,
        need=_number(load.need_replicas),
        safe_rate=_number(load.safe_rate_per_replica),
        p99_seconds=None if load.p99_milliseconds is None else load.p99_milliseconds / 1000,
        attainment=_number(load.attainment_percent),
        arrivals=_number(load.arrivals_per_second),
        errors=_errors(load),
        curve=None if load.replica_curve is None else _curve(load.replica_curve),
    )


def merged(report: Report, before: Report | None) -> Report:
    """A report whose numbers are refused goes on with those of the last one that was taken, but for
    demand: that stays what is remembered of it."""
    if not report.refused or before is None:
        return report
    return replace(
        report,
        ready=before.ready,
        capacity=before.capacity,
        maximum=before.maximum,
        safe_rate=before.safe_rate,
        p99_seconds=before.p99_seconds,
        curve=before.curve,
    )


def is_reported_gone(status: Mapping[str, Any]) -> bool:
    """Whether the agent says that nothing of the work is left in its cluster."""
    return any(
        row.get("type") == conditions.APPLIED
        and row.get("status") == "False"
        and row.get("reason") == work_reasons.DELETED
        for row in status.get("conditions") or ()
    )


def _said(told: InferenceWorkStatus) -> Report:
    applied = _row(told, conditions.APPLIED)
    is_applied = applied is not None and applied.status == "True"
    problem = ""
    if applied is not None and not is_applied:
        problem = f"{applied.reason}: {applied.message}"[:MOST_QUOTED]
    available = _row(told, conditions.AVAILABLE)
    progress = _row(told, conditions.PROGRESSING)
    is_available = available is not None and available.status == "True"
    rolled_out = (
        progress is not None
        and progress.status == "False"
        and progress.reason == conditions.ROLLED_OUT
    )
    unwell = available if not is_available else None if rolled_out else progress
    is_stuck = progress is not None and progress.reason == conditions.ROLLOUT_STUCK
    return Report(
        maximum=told.applied_max_replicas,
        revision=told.applied_revision,
        applied=is_applied,
        problem=problem,
        available=is_available,
        rolled_out=rolled_out,
        stuck=progress.message[:MOST_QUOTED] if progress and is_stuck else "",
        paused=applied is not None and applied.reason == conditions.PAUSED,
        said="" if unwell is None else f"{unwell.reason}: {unwell.message}"[:MOST_QUOTED],
    )


def _row(told: InferenceWorkStatus, type_: str) -> Condition | None:
    return next((one for one in told.conditions if one.type == type_), None)


def _absurdity(load: WorkLoad) -> str:
    """What cannot be, in one sentence; empty: nothing."""
    need, rate = _number(load.need_replicas), _number(load.safe_rate_per_replica)
    if need is not None and need > MOST_REPLICAS:
        return f"needReplicas is {need:g}, {MOST_REPLICAS} at most are believed"
    if rate is not None and not LOWEST_RATE <= rate <= HIGHEST_RATE:
        return f"safeRatePerReplica is {rate:g}, not within {LOWEST_RATE:g} and {HIGHEST_RATE:g}"
    attainment = _number(load.attainment_percent)
    if attainment is not None and attainment > 100:
        return f"attainmentPercent is {attainment:g}, and no share is above 100"
    if load.failed_requests is not None and load.failed_requests > (load.recent_requests or 0):
        return (
            f"failedRequests is {load.failed_requests}, and recentRequests only "
            f"{load.recent_requests or 0}"
        )
    return ""


def _errors(load: WorkLoad) -> Errors | None:
    if load.recent_requests is None or load.failed_requests is None:
        return None
    return Errors(load.recent_requests, load.failed_requests)


def _curve(told: ReplicaCurve) -> ServiceCurve:
    curve = ServiceCurve(
        told.base_microseconds / 1e6,
        told.per_request_microseconds / 1e6,
        told.max_batch_size,
        told.instances,
    )
    # On the grid, clusters that share hardware share their curve, which takes long to solve.
    return rounded(curve)


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _first(error: ValidationError) -> str:
    """The first thing that is wrong, without what was written there."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])[:MOST_QUOTED]
    return f"{where}: {str(first['msg'])[:MOST_QUOTED]}"
