"""Whether batches in production still take what the ModelProfile says. Pure."""

import math
from collections.abc import Mapping

from triton_operator.api import reasons
from triton_operator.api.conditions import ConditionStatus, Finding, finding
from triton_operator.api.enums import MeasurementSource
from triton_operator.autoscaling.curve_drift import Drift
from triton_operator.controllers.scaling_answer import ScalingAnswer
from triton_operator.manifests import names
from triton_operator.planning.figures import figure
from triton_operator.planning.plan import Plan, PoolPlan
from triton_operator.planning.refusal import Refusal

MOST_SIZES = 4


def drift_finding(
    answer: ScalingAnswer | None,
    digest: str | None,
    plan: Plan | Refusal | None,
    measured: Finding | None,
) -> Finding | None:
    """What is said of the measurement: the drift, where there is one and nothing else to say.

    Nothing is measured again by itself, and the plan stays until pods are replaced for some other
    reason (see `counted_drift`): the autoscaler counts with what it sees anyway, and another batch
    size would replace every pod in the middle of the day.
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
        f"{told}; replicas follow what is seen; batch size and instances are as planned from the "
        f"profile until pods are replaced, as by a change of the spec, and then follow it too; "
        f"{_what_to_do(rows, digest)}",
    )


def _told(row: PoolPlan, drifted: Mapping[str, Drift]) -> str:
    """With the sizes that came often, those that are furthest off first in line to be named."""
    found = drifted[row.pool.name]
    words = f"on pool {row.pool.name} batches {_off(found.overall)} than the ModelProfile says"
    furthest = sorted(found.sizes, key=lambda one: -abs(math.log(max(1 + one.off, 1e-9))))
    sizes = sorted(furthest[:MOST_SIZES], key=lambda one: one.batch_size)
    if not sizes:
        return words
    each = ", ".join(
        f"{one.batch_size}: {figure(1000 * one.seconds)} ms, not "
        f"{figure(1000 * one.expected_seconds)}"
        for one in sizes
    )
    return f"{words} (by size, {each})"


def _off(off: float) -> str:
    return f"take {100 * off:.0f} % longer" if off >= 0 else f"take {-100 * off:.0f} % less time"


def _what_to_do(rows: list[PoolPlan], digest: str) -> str:
    declared = [
        row
        for row in rows
        if row.measured and row.measured.row.source is MeasurementSource.DECLARED
    ]
    if declared:
        return "or correct the times that were declared"
    return (
        "or have it measured again, when pods may be replaced: delete ModelProfile "
        f"{names.measured_profile(digest)}, or replace the row that you have committed"
    )
