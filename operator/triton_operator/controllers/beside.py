"""What is found out about a model beside its service: copies first, then speed. Pure.

One Job of a service runs at a time: two would disturb each other's numbers, and take the room of
two replicas.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from triton_operator.api import reasons
from triton_operator.api.conditions import ConditionStatus, Finding, finding
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.controllers.converting import converting
from triton_operator.controllers.drift_finding import drift_finding
from triton_operator.controllers.measuring import Measuring, measuring
from triton_operator.controllers.model_resolution import Resolution
from triton_operator.controllers.observed import Observed
from triton_operator.controllers.rollout import Rollout
from triton_operator.controllers.times import sooner
from triton_operator.controllers.unmade_copies import rows_with_unmade
from triton_operator.manifests.model_profile import profile_of_findings
from triton_operator.manifests.owner import Owner
from triton_operator.planning.plan import Plan
from triton_operator.planning.refusal import Refusal


@dataclass(frozen=True)
class Beside:
    """`objects` are wanted, in this order. `first` are too, before all that follows from what they
    say: else that would be taken back as soon as nothing else says it. Each of `findings` counts
    more than another of its type, and each of `notes` is added to what that one says.
    """

    findings: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()
    first: tuple[dict[str, Any], ...] = ()
    objects: tuple[dict[str, Any], ...] = ()
    requeue_after_seconds: float | None = None

    def told_in(self, others: Sequence[Finding]) -> list[Finding]:
        """`others` with these in their places, or after them, and with the notes."""
        ours = {one.type: one for one in self.findings}
        replaced = [ours.pop(one.type, one) for one in others]
        notes = {one.type: one for one in self.notes}
        return [_noted(one, notes.get(one.type)) for one in (*replaced, *ours.values())]


def found_beside(
    observed: Observed,
    owner: Owner,
    spec: InferenceServiceSpec,
    resolution: Resolution,
    plan: Plan | Refusal | None,
    rollout: Rollout,
) -> Beside:
    """What is wanted for both."""
    digest, facts = resolution.digest, resolution.facts
    known: tuple[dict[str, Any], ...] = ()
    if digest is not None and (rows := rows_with_unmade(observed, digest)) is not None:
        observed = replace(observed, converted=rows)
        known = (profile_of_findings(owner.namespace, digest, observed.measured, rows),)
    copies = converting(observed, owner, spec, digest, facts, plan, rollout)
    if copies.rows is not None:
        # Both write one profile, and neither may drop what the other has just found.
        observed = replace(observed, converted=copies.rows)
    speed = measuring(observed, owner, spec, digest, facts, plan, rollout)
    if copies.busy:
        speed = _in_turn(observed, speed, copies.busy)
    # Where copies run, how they compare is said; another one that is looked at changes nothing of
    # that. Only that it fails is told too, or nobody would see that.
    runs_copies = isinstance(plan, Plan) and any(row.copy for row in plan.pools)
    failure = copies.finding
    if failure is not None and failure.status is not ConditionStatus.FALSE:
        failure = None
    told = [
        None if runs_copies else copies.finding,
        drift_finding(observed.scaling, digest, plan, speed.finding),
    ]
    # Of one profile, the last knows most.
    objects = {_place(one): one for one in (*copies.objects, *speed.objects)}
    return Beside(
        findings=tuple(one for one in told if one is not None),
        notes=(failure,) if failure and runs_copies else (),
        first=known,
        objects=tuple(objects.values()),
        requeue_after_seconds=sooner(copies.requeue_after_seconds, speed.requeue_after_seconds),
    )


def _noted(one: Finding, note: Finding | None) -> Finding:
    if note is None:
        return one
    return one.model_copy(update={"message": f"{one.message}; {note.reason}: {note.message}"})


def _in_turn(observed: Observed, speed: Measuring, busy: str) -> Measuring:
    """Without what would begin now: that waits for the Job `busy`."""
    there = {(child.kind, child.name) for child in observed.children}
    begins = [one for one in speed.objects if one["kind"] == "Job" and _place(one) not in there]
    if not begins:
        return speed
    return replace(
        speed,
        finding=finding(
            reasons.MODEL_MEASURED,
            ConditionStatus.UNKNOWN,
            reasons.WAITING_TO_MEASURE,
            f"the model is measured once Job {busy} has ended",
        ),
        objects=tuple(one for one in speed.objects if _place(one) in there),
    )


def _place(manifest: dict[str, Any]) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]
