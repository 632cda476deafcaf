"""Measurements of the variants that are not served: each once, after all that is served. Pure.

Without them nobody knows how fast a variant would be, and the load never chooses it.
"""

from dataclasses import replace
from typing import Any

from triton_operator.api.enums import MeasurementMode
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.controllers.beside import Beside
from triton_operator.controllers.measuring import Measuring, measuring
from triton_operator.controllers.observed import FoundOut, Observed
from triton_operator.controllers.rollout import Rollout
from triton_operator.controllers.side_jobs import has_ended
from triton_operator.controllers.times import sooner
from triton_operator.controllers.variant_candidates import Known
from triton_operator.controllers.views import JobView
from triton_operator.manifests.owner import Owner

Manifest = dict[str, Any]


def variants_measured(
    found: Beside,
    observed: Observed,
    owner: Owner,
    served: InferenceServiceSpec,
    variants: list[Known],
    rollout: Rollout,
) -> Beside:
    """`found`, with what measures the other variants. One Job runs at a time, and what has begun
    goes on to its end, whatever is served by then."""
    if not variants or served.measurement.mode is MeasurementMode.NEVER:
        return found
    due, parts = found.requeue_after_seconds, [found.objects]
    for one in variants:
        if one.model != served.model and not one.problem:
            speed = _speed(observed, owner, served, one, rollout)
            parts.append(speed.objects)
            due = sooner(due, speed.requeue_after_seconds)
    return replace(found, objects=_in_turn(observed, parts), requeue_after_seconds=due)


def _speed(
    observed: Observed,
    owner: Owner,
    served: InferenceServiceSpec,
    one: Known,
    rollout: Rollout,
) -> Measuring:
    digest = one.resolution.digest
    own = observed.found_out.get(digest or "", FoundOut())
    return measuring(
        # What is written of a model is added to what was found out about that one.
        replace(observed, measured=own.measured, converted=own.converted),
        owner,
        served.model_copy(update={"model": one.model}),
        digest,
        one.resolution.facts,
        one.plan,
        rollout,
        stands_by=True,
    )


def _in_turn(observed: Observed, parts: list[tuple[Manifest, ...]]) -> tuple[Manifest, ...]:
    """All objects but the Jobs that have to wait; the first that may begin does."""
    jobs = [child for child in observed.children if isinstance(child, JobView)]
    there = {job.name for job in jobs}
    busy = any(job.measures and not has_ended(job) for job in jobs)
    found: dict[tuple[str, str], Manifest] = {}
    for one in (one for part in parts for one in part):
        name = one["metadata"]["name"]
        if one["kind"] == "Job" and name not in there:
            if busy:
                continue
            busy = True
        # Of one object, the part that came first knows most.
        found.setdefault((one["kind"], name), one)
    return tuple(found.values())
