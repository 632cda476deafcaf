"""Whether batches in production still take what the ModelProfile says. Pure."""

from collections.abc import Mapping

from triton_operator.api import reasons
from triton_operator.api.conditions import ConditionStatus, Finding, finding
from triton_operator.api.enums import MeasurementSource
from triton_operator.controllers.scaling_answer import ScalingAnswer
from triton_operator.manifests import names
from triton_operator.planning.plan import Plan, PoolPlan
from triton_operator.planning.refusal import Refusal


def drift_finding(
    answer: ScalingAnswer | None,
    digest: str | None,
    plan: Plan | Refusal | None,
    measured: Finding | None,
) -> Finding | None:
    """What is said of the measurement: the drift, where there is one and nothing else to say.

    Nothing is measured again by itself, and the plan stays: the autoscaler counts with what it sees
    anyway, and another batch size would replace every pod in the middle of the day.
    """
    if answer is None or digest is None or not isinstance(plan, Plan):
        return measured
    rows = [row for row in plan.pools if row.measured and row.pool.name in answer.drifted]
    if not rows or (measured is not None and measured.status is not ConditionStatus.TRUE):
        return measured
    told = "; ".join(_told(row, answer.drifted) for row in rows)
    return finding(
        reasons.MODEL_MEASURED,
        ConditionStatus.FALSE,
        reasons.CURVE_DRIFTED,
        f"{told}; batch size and instances are as planned from the profile, replicas follow what "
        f"is seen; {_what_to_do(rows, digest)}",
    )


def _told(row: PoolPlan, drifted: Mapping[str, float]) -> str:
    off = drifted[row.pool.name]
    longer = f"{100 * off:.0f} % longer" if off > 0 else f"{-100 * off:.0f} % less time"
    return f"on pool {row.pool.name} batches take {longer} than the ModelProfile says"


def _what_to_do(rows: list[PoolPlan], digest: str) -> str:
    declared = [
        row
        for row in rows
        if row.measured and row.measured.row.source is MeasurementSource.DECLARED
    ]
    if declared:
        return "correct the times that were declared"
    return (
        "when pods may be replaced, have it measured again: delete ModelProfile "
        f"{names.measured_profile(digest)}, or replace the row that you have committed"
    )
