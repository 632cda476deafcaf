"""`status.autoscaling`: what the autoscaler sees, rounded to what people compare. Pure."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from triton_operator.api.conditions import shortened
from triton_operator.api.fields import MOST_REQUESTS
from triton_operator.api.replica_curve import (
    MOST_BATCH,
    MOST_INSTANCES,
    MOST_MICROSECONDS,
    ReplicaCurve,
)
from triton_operator.api.status import AutoscalingStatus, ScalingDecision
from triton_operator.controllers.scaling_answer import Change, ScalingAnswer
from triton_operator.controllers.times import rfc3339
from triton_operator.planning.figures import figure
from triton_operator.planning.service_curve import ServiceCurve

REASON_LIMIT = 512


def scaling_status(
    answer: ScalingAnswer | None, previous: Mapping[str, Any], aside: int
) -> AutoscalingStatus | None:
    """What is shown; before the first answer what was shown last, by another process maybe.

    `previous` is the whole status as it is on the wire. `aside` counts the pods that get no new
    requests.
    """
    before = _previous(previous)
    if answer is None:
        return before.model_copy(update={"aside_replicas": aside or None}) if before else None
    figures = answer.figures
    ended, change = figures.ended, answer.change
    return AutoscalingStatus(
        arrivals_per_second=_figure(figures.rate),
        attainment_percent=_percent(figures.attainment),
        recent_requests=_count(ended.answered + ended.failed) if ended else None,
        failed_requests=_count(ended.failed) if ended else None,
        latency_source=answer.latency_source.value,
        p99_milliseconds=_whole(
            None if figures.p99_seconds is None else 1000 * figures.p99_seconds
        ),
        waiting_requests=_whole(figures.waiting),
        safe_rate_per_replica=_figure(figures.safe_rate),
        replica_curve=_curve(figures.curve),
        cold_start_seconds=_whole(figures.lead_seconds),
        metrics=answer.freshness,
        alone_pool=answer.alone,
        aside_replicas=aside or None,
        recommended_replicas=sum(answer.replicas.values()),
        reasons=[shortened(one, REASON_LIMIT) for one in answer.reasons],
        last_decision=_decision(change) if change else (before.last_decision if before else None),
    )


def alone_pool(answer: ScalingAnswer | None, status: Mapping[str, Any]) -> str | None:
    """The pool whose pods alone get requests; before the first answer the one that was told last.

    Else a new operator would let all pods in, until it has looked at them.
    """
    if answer is not None:
        return answer.alone
    before = _previous(status)
    return before.alone_pool if before else None


def pool_figures(
    answer: ScalingAnswer | None,
    pool: str,
    status: Mapping[str, Any],
    planned_rate: float | None = None,
) -> tuple[str | None, int | None]:
    """The safe rate of one replica of a pool, such as 64.9/s, and the p99 to expect there, in ms.

    Before the first answer they are what was told last, and the rate is that of the plan until
    replicas have shown another one. Pods that get no requests have no latency.
    """
    planned = per_second(planned_rate)
    if answer is None:
        rows = (row for row in status.get("pools") or () if row.get("name") == pool)
        row: Mapping[str, Any] = next(rows, {})
        return row.get("capacityPerReplica") or planned, row.get("predictedP99Milliseconds")
    rate = per_second(answer.safe_rates.get(pool))
    seconds = answer.figures.predicted_p99_seconds
    takes_part = rate is not None and answer.alone in (None, pool)
    return (
        rate or planned,
        round(1000 * seconds) if takes_part and seconds is not None else None,
    )


def per_second(rate: float | None) -> str | None:
    """A rate as people read it, such as 64.9/s; None where there is none."""
    return f"{figure(rate)}/s" if rate else None


def _decision(change: Change) -> ScalingDecision:
    return ScalingDecision(
        time=rfc3339(change.time),
        from_=change.before,
        to=change.after,
        reason=shortened(change.why),
    )


def _previous(status: Mapping[str, Any]) -> AutoscalingStatus | None:
    """None where there is none, or one that an older definition allowed."""
    row = status.get("autoscaling")
    if row is None:
        return None
    try:
        return AutoscalingStatus.model_validate(row)
    except ValidationError:
        return None


def _percent(share: float | None) -> str | None:
    """A share as a decimal string in percent, two digits after the point at most."""
    return None if share is None else f"{100 * share:.2f}".rstrip("0").rstrip(".")


def _curve(curve: ServiceCurve | None) -> ReplicaCurve | None:
    if curve is None or curve.max_batch_size > MOST_BATCH or curve.instances > MOST_INSTANCES:
        return None
    return ReplicaCurve(
        base_microseconds=_microseconds(curve.base_seconds),
        per_request_microseconds=_microseconds(curve.per_request_seconds),
        max_batch_size=curve.max_batch_size,
        instances=curve.instances,
    )


def _microseconds(seconds: float) -> int:
    return min(MOST_MICROSECONDS, round(1e6 * max(0.0, seconds)))


def _figure(value: float | None) -> str | None:
    """A decimal string of three digits that count."""
    return None if value is None else figure(value)


def _count(requests: float) -> int:
    """As a hub takes it: a number that is beyond that is told as the highest."""
    return min(MOST_REQUESTS, round(requests))


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
