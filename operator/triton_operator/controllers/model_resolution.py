"""Which model a service means: its digest and facts, or the Job that finds them out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from triton_operator.api import reasons
from triton_operator.api.conditions import ConditionStatus, Finding
from triton_operator.api.inspection import Failure, decode_report
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.model_source import Model
from triton_operator.api.runtime import Runtime
from triton_operator.api.termination_message import UnreadableReport
from triton_operator.controllers.candidate_digests import known_digest
from triton_operator.controllers.cluster_events import newest_event
from triton_operator.controllers.observed import InvalidProfile, Observed
from triton_operator.controllers.pod_problems import (
    known_problem,
    newest,
    pod_problem,
    starting_step,
)
from triton_operator.controllers.refusal_words import refusal
from triton_operator.controllers.times import epoch_seconds
from triton_operator.controllers.views import JobView, PodView
from triton_operator.manifests import names
from triton_operator.manifests.inspection_job import (
    ATTEMPTS,
    PERMANENT_EXIT_CODE,
    inspection_job,
    inspection_job_name,
)
from triton_operator.manifests.model_profile import profile_of_facts
from triton_operator.manifests.owner import Owner
from triton_operator.planning.chosen_model import chosen_model
from triton_operator.planning.refusal import Refusal
from triton_operator.planning.support import unsupported

RETRY_SECONDS = {True: 60.0, False: 300.0}
"""By whether the failure can pass by itself. The other kind is tried again too: the file at the
same address may have been replaced."""
REPORT_GRACE_SECONDS = 15.0
"""A Job's end may be seen before its pod's; after this the report is taken for lost."""


@dataclass(frozen=True)
class Resolution:
    """`job` is wanted as long as it is not None; `profile` is an object to write first."""

    finding: Finding
    digest: str | None = None
    facts: ModelFacts | None = None
    job: dict[str, Any] | None = None
    profile: dict[str, Any] | None = None
    requeue_after_seconds: float | None = None


def resolve_model(
    observed: Observed, owner: Owner, model: Model, runtime: Runtime, *, paused: bool
) -> Resolution:
    """The model's digest and facts from a profile, from a Job's report, or not yet.

    The facts are those of the model that clients of this service call (see `chosen_model`).
    """
    resolution = _resolved(observed, owner, model, runtime, paused=paused)
    if resolution.facts is None:
        return resolution
    allow_code = observed.fetch.allows_code(owner.namespace)
    chosen = chosen_model(model, resolution.facts, allow_code=allow_code)
    if isinstance(chosen, Refusal):
        # The profile is still written: what is known stays known, and the spec may change.
        return replace(
            resolution,
            finding=_refused(chosen.reason, chosen.message),
            facts=None,
            requeue_after_seconds=None,
        )
    return replace(resolution, facts=chosen)


def _resolved(
    observed: Observed, owner: Owner, model: Model, runtime: Runtime, *, paused: bool
) -> Resolution:
    if refusal := unsupported(model):
        return Resolution(_refused(refusal.reason, refusal.message))
    digest = model.digest or known_digest(observed.service.status, model.uri, model.format)
    known = observed.profiles.get(digest) if digest else None
    if isinstance(known, InvalidProfile):
        # No Job: its report could not be kept, as the profile is not overwritten.
        return Resolution(_refused(reasons.INVALID_PROFILE, _what_to_do(known)))
    if digest and known:
        return Resolution(_known(digest), digest, known)
    resolution = _by_job(observed, owner, model, runtime)
    if paused and resolution.job and not _has_job(observed, owner, model, runtime):
        return Resolution(_waiting(reasons.PAUSED, "spec.paused: no Job is started"))
    return resolution


def _has_job(observed: Observed, owner: Owner, model: Model, runtime: Runtime) -> bool:
    name = inspection_job_name(owner, model, runtime, observed.fetch)
    return any(isinstance(child, JobView) and child.name == name for child in observed.children)


def _by_job(observed: Observed, owner: Owner, model: Model, runtime: Runtime) -> Resolution:
    manifest = inspection_job(owner, model, runtime, observed.fetch)
    name = inspection_job_name(owner, model, runtime, observed.fetch)
    job = next(
        (child for child in observed.children if isinstance(child, JobView) and child.name == name),
        None,
    )
    pods = [
        child for child in observed.children if isinstance(child, PodView) and child.job == name
    ]
    if job is None:
        return Resolution(_inspecting(observed), job=manifest)
    if job.deleting:
        return Resolution(_inspecting(observed))
    if not (job.succeeded or job.failed):
        return Resolution(_under_way(observed, job, pods), job=manifest)
    return _by_report(observed, owner, model, job, newest(pods), manifest)


def _under_way(observed: Observed, job: JobView, pods: Sequence[PodView]) -> Finding:
    """What the pods of a running Job say, or why it has none."""
    if any(row.exit_code == PERMANENT_EXIT_CODE for pod in pods for row in pod.containers):
        # The Job ends with it in a moment; then its report is told, once.
        return _inspecting(observed)
    problem = pod_problem(pods, observed.events, observed.now)
    if problem:
        ended = sum(pod.phase == "Failed" for pod in pods)
        attempt = f"attempt {ended} of {ATTEMPTS}: " if ended else ""
        again = "; it is tried again" if 0 < ended < ATTEMPTS else ""
        return _refused(problem.reason, f"{attempt}{problem.message}{again}")
    refused = newest_event(observed.events.get(job.uid, ()), frozenset({"FailedCreate"}))
    if refused and not pods:
        reason, said = refusal(refused.message, reasons.PODS_REFUSED)
        return _refused(reason, f"Job {job.name}: {said}")
    return _inspecting(observed, starting_step(pods, observed.events, observed.now))


def _by_report(
    observed: Observed,
    owner: Owner,
    model: Model,
    job: JobView,
    pod: PodView | None,
    manifest: dict[str, Any],
) -> Resolution:
    finished = epoch_seconds(job.finished) if job.finished else observed.now
    message = (
        next((state.terminated_message for state in pod.containers if state.terminated_message), "")
        if pod
        else ""
    )
    if not message and observed.now < finished + REPORT_GRACE_SECONDS:
        return Resolution(
            _inspecting(observed),
            job=manifest,
            requeue_after_seconds=min(
                finished + REPORT_GRACE_SECONDS - observed.now, REPORT_GRACE_SECONDS
            ),
        )
    failure = _job_failure(job, pod)
    try:
        report = decode_report(message) if message else None
    except UnreadableReport as error:
        report = None
        failure = Failure(
            reason=reasons.INSPECTION_FAILED, message=f"{failure.message}; {error}", retryable=True
        )
    if report and report.digest and model.digest not in (None, report.digest):
        # The report comes from whoever parsed an untrusted file; a pin is believed, it is not.
        report = None
        failure = Failure(
            reason=reasons.INSPECTION_FAILED,
            message=f"Job {job.name} reports another digest than spec.model.digest",
        )
    if report and report.facts and report.digest and job.succeeded:
        return Resolution(
            _known(report.digest),
            report.digest,
            report.facts,
            # Wanted until the facts have been seen in a profile and the digest in the status.
            job=manifest,
            profile=profile_of_facts(owner.namespace, report.digest, report.facts),
            # The answers to the operator's own writes wake nobody, and the Job must still go.
            requeue_after_seconds=0.0,
        )
    if report and report.failure:
        failure = report.failure
    due = finished + RETRY_SECONDS[failure.retryable]
    finding = _refused(
        failure.reason,
        f"{failure.message} (tried again every {RETRY_SECONDS[failure.retryable]:.0f} s, and at "
        "once when spec.model changes)",
    )
    if observed.now >= due:
        # Not wanted any more: it is deleted, and the next reconcile starts a new one.
        return Resolution(finding)
    # A clock that was put back must not put off the next try by as much.
    wait = min(due - observed.now, RETRY_SECONDS[failure.retryable])
    return Resolution(finding, job=manifest, requeue_after_seconds=wait)


def _job_failure(job: JobView, pod: PodView | None) -> Failure:
    problem = known_problem(pod) if pod else None
    if problem:
        return Failure(
            reason=problem.reason, message=f"Job {job.name}: {problem.message}", retryable=True
        )
    said = job.message or "the Job ended without a report"
    return Failure(
        reason=reasons.INSPECTION_FAILED, message=f"Job {job.name}: {said}", retryable=True
    )


def _inspecting(observed: Observed, step: str = "") -> Finding:
    """While a failed inspection is tried again, its reason stays: nothing better is known."""
    for condition in observed.service.status.get("conditions") or ():
        if (
            condition.get("type") == reasons.MODEL_READY
            and condition.get("status") == ConditionStatus.FALSE
            and condition.get("observedGeneration") == observed.service.generation
            and condition.get("reason") not in reasons.OF_WAITING_PODS
        ):
            return _refused(condition["reason"], condition["message"])
    message = "a Job fetches and inspects the model"
    return _waiting(reasons.INSPECTING, f"{message}; {step}" if step else message)


def _waiting(reason: str, message: str) -> Finding:
    return Finding(
        type=reasons.MODEL_READY, status=ConditionStatus.UNKNOWN, reason=reason, message=message
    )


def _known(digest: str) -> Finding:
    return Finding(
        type=reasons.MODEL_READY,
        status=ConditionStatus.TRUE,
        reason=reasons.INSPECTED,
        message=f"facts of {digest} are in ModelProfile {names.model_profile(digest)}",
    )


def _what_to_do(profile: InvalidProfile) -> str:
    return (
        f"ModelProfile {profile.name}: {profile.problem}; correct the field, or delete the profile "
        "and the model is inspected again"
    )


def _refused(reason: str, message: str) -> Finding:
    return Finding(
        type=reasons.MODEL_READY, status=ConditionStatus.FALSE, reason=reason, message=message
    )
