"""`PrecisionVerified`: whether the model runs in the precision that was asked for. Pure."""

from collections.abc import Iterable

from triton_operator.api import reasons
from triton_operator.api.conditions import (
    Condition,
    ConditionStatus,
    Finding,
    finding,
    known_conditions,
)
from triton_operator.api.copy_store import FIELD
from triton_operator.api.enums import PrecisionMode
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.controllers.rollout import Rollout
from triton_operator.controllers.views import ServiceView
from triton_operator.planning.copies import Prospect, Standing
from triton_operator.planning.plan import Plan, PoolPlan
from triton_operator.planning.refusal import Refusal

TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN
_RUNNING = frozenset({reasons.VERIFIED, reasons.SMOKE_TEST_ONLY})
"""Reasons of a copy that serves."""
_OF_COPIES = _RUNNING | {reasons.COPY_ROLLING_OUT}
"""Reasons after which a copy may serve."""
_OF_PLANS = _OF_COPIES | {
    reasons.AS_STORED,
    reasons.COPY_REJECTED,
    reasons.CONVERSION_NOT_SUPPORTED,
}
"""Reasons that a plan gave; the others are about Jobs, which need one."""
_AS_STORED = "the model runs in the precision in which it is stored"


def precision_running(
    spec: InferenceServiceSpec,
    plan: Plan | Refusal | None,
    rollout: Rollout,
    service: ServiceView,
) -> Finding:
    """What runs, which is not what is planned as long as pods of another plan may serve.

    A Job that converts says more while it runs (see `beside`).
    """
    known = known_conditions(service.status)
    before = next((one for one in known if one.type == reasons.PRECISION_VERIFIED), None)
    if not isinstance(plan, Plan):
        return _without_plan(before, service.generation)
    planned = precision_finding(spec, plan)
    if planned.status is not TRUE or _is_out(rollout, before):
        return planned
    if any(row.copy for row in plan.pools):
        told = f"{planned.message}; that is being rolled out, and pods without it may serve"
        return _finding(UNKNOWN, reasons.COPY_ROLLING_OUT, told)
    if before is not None and before.reason in _OF_COPIES:
        told = f"{planned.message}; pods with a copy may serve until that is rolled out"
        return _finding(UNKNOWN, reasons.COPY_ROLLING_OUT, told)
    return planned


def _without_plan(before: Condition | None, generation: int) -> Finding:
    """What serves goes on as it is; whether that is what a newer spec asks for, a plan says."""
    if (
        before is not None
        and before.reason in _OF_PLANS
        and before.observed_generation == generation
    ):
        return _finding(before.status, before.reason, before.message)
    return _finding(
        UNKNOWN, reasons.WAITING_FOR_PLAN, "the plan says which precisions are possible"
    )


def _is_out(rollout: Rollout, before: Condition | None) -> bool:
    """Whether all that serves follows the plan, and something of it has served."""
    if rollout.complete:
        return True
    served = before is not None and before.reason in _RUNNING
    return rollout.resizing and (bool(rollout.ready_replicas) or served)


def precision_finding(spec: InferenceServiceSpec, plan: Plan) -> Finding:
    """What runs on the plan's pools once it is rolled out, and how far it agrees; else what became
    of what was asked for.
    """
    mode = spec.precision.mode
    if mode in (PrecisionMode.AUTO, PrecisionMode.FP32):
        return _of_auto(spec, plan)
    return _of_asked(spec, plan)


def _of_auto(spec: InferenceServiceSpec, plan: Plan) -> Finding:
    copied = [row for row in plan.pools if row.copy]
    if copied:
        return _running(spec, copied)
    awaited = _at(plan, Standing.UNKNOWN)
    if awaited:
        return _finding(UNKNOWN, reasons.COPY_NOT_KNOWN, _words(awaited))
    if disagreeing := [one for one in _at(plan, Standing.REJECTED) if _disagrees(one[1])]:
        return _finding(FALSE, reasons.COPY_REJECTED, _words(disagreeing, "FP32 runs"))
    told = _words(_at(plan, *Standing))
    return _finding(TRUE, reasons.AS_STORED, f"{_AS_STORED}; {told}" if told else _AS_STORED)


def _disagrees(rejected: Prospect) -> bool:
    """Whether it was compared, and answers otherwise. That there is none, or that it is no faster,
    is no failure where nobody named its precision."""
    return rejected.copy is not None and rejected.copy.refusal is None


def _of_asked(spec: InferenceServiceSpec, plan: Plan) -> Finding:
    """One pool that does not run what was asked for is enough to say so."""
    if rejected := _at(plan, Standing.REJECTED, Standing.UNCHECKED):
        return _finding(FALSE, reasons.COPY_REJECTED, _words(rejected, "FP32 runs"))
    if impossible := _at(plan, Standing.IMPOSSIBLE):
        return _finding(FALSE, reasons.CONVERSION_NOT_SUPPORTED, _words(impossible, "FP32 runs"))
    if awaited := _at(plan, Standing.UNKNOWN):
        return _finding(UNKNOWN, reasons.COPY_NOT_KNOWN, _words(awaited))
    return _running(spec, plan.pools)


def _running(spec: InferenceServiceSpec, rows: Iterable[PoolPlan]) -> Finding:
    """These pools run copies; the least sure of them gives the reason."""
    told, smoke_test = [], False
    unstored: dict[str, None] = {}
    source = spec.precision.store.source if spec.precision.store else ""
    for row in rows:
        for one in row.prospects:
            if one.copy is not None and one.copy == row.copy:
                told.append(f"pool {row.pool.name} runs {one.name}: {one.agreement}")
                smoke_test |= one.smoke_test
                # Services with another store have nothing of that Job's.
                if (why := one.copy.store_failure) and one.copy.store_source == source:
                    unstored[why] = None
    told += [f"the Job could not put it into {FIELD}: {why}" for why in unstored]
    reason = reasons.SMOKE_TEST_ONLY if smoke_test else reasons.VERIFIED
    return _finding(TRUE, reason, "; ".join(told))


def _at(plan: Plan, *standings: Standing) -> list[tuple[str, Prospect]]:
    """The pools and precisions that stand like that."""
    return [
        (row.pool.name, one)
        for row in plan.pools
        for one in row.prospects
        if one.standing in standings
    ]


def _words(found: Iterable[tuple[str, Prospect]], more: str = "") -> str:
    told = [f"pool {pool}: {one.why}" for pool, one in found]
    return "; ".join([*told, more] if more else told)


def _finding(status: ConditionStatus, reason: str, message: str) -> Finding:
    return finding(reasons.PRECISION_VERIFIED, status, reason, message)
