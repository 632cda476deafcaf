"""What a hub has to know of a service to place it: demand, and what there is to meet it.

Demand is `arrivals / safe rate`: how many of the cluster's replicas would keep the objective, which
no bound and no shortage of nodes limits. What the autoscaler recommends is bounded, and so is no
demand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from triton_operator.api import reasons
from triton_operator.api.conditions import ConditionStatus, known_conditions
from triton_operator.api.enums import MetricsFreshness
from triton_operator.api.fields import AMOUNT_PATTERN, MOST_REPLICAS, ApiModel
from triton_operator.api.replica_curve import ReplicaCurve
from triton_operator.api.status import AutoscalingStatus

FRESH = (MetricsFreshness.FRESH, MetricsFreshness.PARTIAL)
MOST_MILLISECONDS = 3_600_000


class Load(ApiModel):
    """`InferenceWork.status.load` without the time of observation."""

    need_replicas: str | None = None
    ready_replicas: int
    cap_replicas: int
    arrivals_per_second: str | None = None
    safe_rate_per_replica: str | None = None
    replica_curve: ReplicaCurve | None = None
    p99_milliseconds: int | None = None
    attainment_percent: str | None = None
    recent_requests: int | None = None
    failed_requests: int | None = None


def work_load(status: Mapping[str, Any], room: int | None, most: int | None = None) -> Load | None:
    """From the service's status, and `room` for so many more replicas than are ready.

    `most`: the maximum that is in force, which counts where nobody knows of any room. None as the
    result: its operator has not looked at the service yet. Old metrics are no metrics: what they
    say of demand is left out, which a placement does not take for 0.
    """
    if "observedGeneration" not in status:
        return None
    ready = _replicas(status.get("readyReplicas"))
    seen = _autoscaling(status)
    is_fresh = seen is not None and seen.metrics in FRESH
    arrivals = _amount(seen.arrivals_per_second) if seen and is_fresh else None
    safe_rate = _amount(seen.safe_rate_per_replica) if seen else None
    p99 = seen.p99_milliseconds if seen else None
    recent, failed = _ended(seen) if seen and is_fresh else (None, None)
    return Load(
        need_replicas=_need(arrivals, safe_rate),
        ready_replicas=ready,
        cap_replicas=min(MOST_REPLICAS, ready + _more(status, room, most or 0)),
        arrivals_per_second=arrivals,
        safe_rate_per_replica=safe_rate,
        replica_curve=seen.replica_curve if seen else None,
        p99_milliseconds=None if p99 is None else min(max(0, p99), MOST_MILLISECONDS),
        attainment_percent=_amount(seen.attainment_percent) if seen and is_fresh else None,
        recent_requests=recent,
        failed_requests=failed,
    )


def _ended(seen: AutoscalingStatus) -> tuple[int | None, int | None]:
    """Both counts, or none: one alone tells no share."""
    recent, failed = seen.recent_requests, seen.failed_requests
    if recent is None or failed is None or failed > recent:
        return None, None
    return recent, failed


def _more(status: Mapping[str, Any], room: int | None, most: int) -> int:
    """Replicas that could start beside those that are ready.

    Where the scheduler has found no node there is none, whatever sums say. Where nobody has counted
    the nodes, those that are allowed are taken to find theirs, until the scheduler says otherwise.
    """
    limited = any(
        row.type == reasons.SCALING_LIMITED
        and row.status is ConditionStatus.TRUE
        and row.reason == reasons.UNSCHEDULABLE
        for row in known_conditions(status)
    )
    if limited:
        return 0
    if room is not None:
        return room
    return max(0, most - _replicas(status.get("readyReplicas")))


def _amount(text: str | None) -> str | None:
    """A number that the hub would take; None of what is none."""
    return text if text is not None and re.fullmatch(AMOUNT_PATTERN, text) else None


def _need(arrivals: str | None, safe_rate: str | None) -> str | None:
    """As a decimal string of the API, with three digits after the point."""
    if arrivals is not None and float(arrivals) == 0:
        # However fast a replica is: a cluster that waits for others' requests has none of its own.
        return "0.000"
    if arrivals is None or safe_rate is None or float(safe_rate) <= 0:
        return None
    return f"{min(float(MOST_REPLICAS), float(arrivals) / float(safe_rate)):.3f}"


def _autoscaling(status: Mapping[str, Any]) -> AutoscalingStatus | None:
    try:
        return AutoscalingStatus.model_validate(status["autoscaling"])
    except (KeyError, ValidationError):
        return None


def _replicas(value: Any) -> int:
    return min(MOST_REPLICAS, value) if isinstance(value, int) and value > 0 else 0
