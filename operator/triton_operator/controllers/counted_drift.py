"""What production showed of a profile, and plans count with: from one rollout to the next. Pure.

A drift is told when it is seen, and changes nothing then. Where pods are to be replaced anyway,
whatever for, the plan is made anew with what was seen, so that it takes no rollout of its own. It
stays in the service's status: a profile is shared, and pods of other services would be replaced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from triton_operator.api import labels
from triton_operator.api.model_profile import Measurement
from triton_operator.api.status import CountedDrift, RatioOfSize
from triton_operator.autoscaling.curve_drift import Drift
from triton_operator.controllers.observed import Observed
from triton_operator.controllers.views import DeploymentView
from triton_operator.manifests import names
from triton_operator.manifests.desired_hash import content_hash
from triton_operator.planning.curve_ratio import CurveRatio
from triton_operator.planning.measured_curve import curve_through
from triton_operator.planning.measurements import on_hardware_of
from triton_operator.planning.plan import Plan

_MOST_SIZES = 64
_FURTHEST = 10.0
"""More is no drift but something else, as a server that does not count the time of batches."""
_SAME = 0.02
"""Ratios this near to 1 are no drift any more."""


def counted_drifts(observed: Observed, digest: str | None) -> list[CountedDrift]:
    """Those of the status, as long as the row that they are about is in a profile.

    Without a digest they stay as they are: nothing is planned.
    """
    told = observed.service.status.get("drift", ())
    try:
        rows = [CountedDrift.model_validate(one) for one in told]
    except (ValidationError, TypeError):
        # Somebody has written there; what he wrote is no reason to serve nobody.
        return []
    if digest is None:
        return rows
    # Of every model that may be served: a variant that comes back is as slow as it was.
    known = {
        _mark(one, row) for one, found in observed.measurements.items() for row in found if rows
    }
    return [one for one in rows if one.measurement in known]


def ratios(
    observed: Observed, digest: str, counted: Sequence[CountedDrift]
) -> dict[str, CurveRatio]:
    """Those about the model with that digest, as planning takes them, by pool."""
    return {one.pool: _ratio(one) for one in _about(observed, digest, counted)}


def _about(observed: Observed, digest: str, counted: Sequence[CountedDrift]) -> list[CountedDrift]:
    if not counted:
        return []
    known = {_mark(digest, row) for row in observed.measurements.get(digest, ())}
    return [one for one in counted if one.measurement in known]


def counted_anew(
    observed: Observed,
    plan: Plan,
    children: Sequence[Mapping[str, Any]],
    counted: Sequence[CountedDrift],
) -> list[CountedDrift] | None:
    """With what is seen on pools whose pods are to be replaced now; None: there is nothing new.

    `plan` and `children` are as they are without it.
    """
    answer = observed.scaling
    if answer is None:
        return None
    after, found = list(counted), False
    for row in plan.pools:
        name = row.pool.name
        drift = answer.drifted.get(name)
        if drift is None or not _is_replaced(observed, name, children):
            continue
        # What is replaced may be another model, as of the variant before.
        for digest in observed.measurements:
            rows = _about(observed, digest, counted)
            before = next((one for one in rows if one.pool == name), None)
            if new := _counted(observed, digest, name, drift, before):
                after = [one for one in after if one is not before] + [new]
                found = True
    return [one for one in after if _differs(one)] if found else None


def _is_replaced(observed: Observed, pool: str, children: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the pool's Deployment is there, and another one is wanted."""
    name = names.pool_child(observed.service.name, pool)
    wanted = [
        one["metadata"]["annotations"][labels.DESIRED_HASH]
        for one in children
        if (one["kind"], one["metadata"]["name"]) == ("Deployment", name)
    ]
    return any(
        isinstance(child, DeploymentView) and child.name == name and child.desired_hash != hash_
        for child in observed.children
        for hash_ in wanted
    )


def _counted(
    observed: Observed, digest: str, pool: str, drift: Drift, before: CountedDrift | None
) -> CountedDrift | None:
    """None: the drift is about another profile than the one that is there now."""
    hardware = next(one for one in observed.pools if one.name == pool)
    ratio = _ratio(before) if before else None
    for row in on_hardware_of(hardware, observed.measurements.get(digest, ())):
        if _points(ratio.of(row) if ratio else row) == drift.profile.points:
            seen = _seen(drift)
            points = ratio.times(seen).points if ratio else seen.points
            return CountedDrift(
                pool=pool,
                measurement=_mark(digest, row),
                sizes=[
                    RatioOfSize(batch_size=size, ratio=f"{value:.3f}")
                    for size, value in points[:_MOST_SIZES]
                ],
            )
    return None


def _seen(drift: Drift) -> CurveRatio:
    pairs = [(one.batch_size, 1 + one.off) for one in drift.sizes] or [(1, 1 + drift.overall)]
    return CurveRatio(
        tuple((size, min(_FURTHEST, max(1 / _FURTHEST, ratio))) for size, ratio in pairs)
    )


def _points(row: Measurement) -> tuple[tuple[int, float], ...]:
    pairs = [(one.batch_size, float(one.milliseconds)) for one in row.latency]
    curve = curve_through(pairs, 1, 1)
    return curve.points if curve else ()


def _mark(digest: str, row: Measurement) -> str:
    return content_hash([digest, row.wire()])


def _ratio(counted: CountedDrift) -> CurveRatio:
    return CurveRatio(tuple(sorted((one.batch_size, float(one.ratio)) for one in counted.sizes)))


def _differs(counted: CountedDrift) -> bool:
    return any(abs(float(one.ratio) - 1) > _SAME for one in counted.sizes)
