"""Whether a copy of a service's model is to be made and compared, and how far that is. Pure.

A Job does it once the service serves. What it finds is a row of the profile that only the operator
writes, and the next plan goes by it. Whether a copy agrees enough is not decided here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from triton_operator.api import reasons
from triton_operator.api.conditions import ConditionStatus, Finding, finding
from triton_operator.api.conversion_method import copy_name
from triton_operator.api.enums import Precision, PrecisionMode
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.inspection import Failure
from triton_operator.api.model_profile import Conversion, ModelFacts
from triton_operator.controllers.conversion_rows import are_about_the_same, with_row
from triton_operator.controllers.converting_report import (
    answer_of,
    said_early,
    still_puts,
    store_failure,
    trusted,
    unfinished,
)
from triton_operator.controllers.observed import Observed
from triton_operator.controllers.pod_problems import newest, pod_problem, starting_step
from triton_operator.controllers.rollout import Rollout
from triton_operator.controllers.side_jobs import (
    PAUSE_SECONDS,
    TURN_SECONDS,
    has_answered,
    has_ended,
    job_named,
    pods_of,
    put_off,
    report_of,
    rival,
    seconds_for_report,
    seconds_to_next_try,
    under_way,
)
from triton_operator.controllers.times import rfc3339
from triton_operator.controllers.views import JobView, ServiceView
from triton_operator.manifests import names
from triton_operator.manifests.conversion_job import conversion_job, converts
from triton_operator.manifests.converting import CONVERT_CONTAINER
from triton_operator.manifests.model_profile import profile_of_findings
from triton_operator.manifests.owner import Owner
from triton_operator.planning.plan import Plan
from triton_operator.planning.refusal import Refusal

_BY_NAME = (PrecisionMode.FP16, PrecisionMode.INT8)
"""What a user may ask for without samples and without measuring."""


@dataclass(frozen=True)
class Converting:
    """`objects` are wanted; `finding` is None where no Job is wanted.

    `busy` is the Job that runs now, or begins. `rows` are the conversions in the operator's own
    profile once it is written; None: as they are.
    """

    finding: Finding | None = None
    objects: tuple[dict[str, Any], ...] = ()
    requeue_after_seconds: float | None = None
    busy: str | None = None
    rows: tuple[Conversion, ...] | None = None
    failed: bool = False


@dataclass(frozen=True)
class _Work:
    """One copy: the Job that would make and compare it, and for which pool."""

    precision: Precision
    pool: str
    job: dict[str, Any]
    key: str

    @property
    def name(self) -> str:
        return str(self.job["metadata"]["name"])

    @property
    def copy(self) -> str:
        """What people call it."""
        return copy_name(self.precision)

    @property
    def what(self) -> str:
        return (
            f"Job {self.name} converts the model to {self.copy} on pool {self.pool}, and "
            "compares what both answer"
        )


def converting(
    observed: Observed,
    owner: Owner,
    spec: InferenceServiceSpec,
    digest: str | None,
    facts: ModelFacts | None,
    plan: Plan | Refusal | None,
    rollout: Rollout,
) -> Converting:
    """What is wanted for the copies of a service's model, one after the other."""
    if digest is None or facts is None or not isinstance(plan, Plan):
        return Converting()
    works = _works(observed, owner, spec, digest, facts, plan)
    if works and (problem := observed.measuring_problem):
        told = _finding(ConditionStatus.FALSE, problem.reason, problem.message)
        return Converting(told, requeue_after_seconds=PAUSE_SECONDS[True])
    later = put_off(observed, [work.name for work in works])
    failures: list[Converting] = []
    for work in works:
        if work.name in later:
            continue
        found = _one(observed, owner, spec, digest, work, rollout)
        if not found.failed:
            return _beside(failures, found)
        failures.append(found)
    return _beside(failures[1:], failures[0]) if failures else Converting()


def _works(
    observed: Observed,
    owner: Owner,
    spec: InferenceServiceSpec,
    digest: str,
    facts: ModelFacts,
    plan: Plan,
) -> list[_Work]:
    """One for each precision, on the first pool that wants it: a row counts on all of them."""
    tools = observed.tool_versions
    works: dict[Precision, _Work] = {}
    for row in plan.pools:
        for precision in row.wanted_precisions:
            if precision not in works:
                works[precision] = _Work(
                    precision,
                    row.pool.name,
                    conversion_job(
                        owner, spec, digest, facts, row, precision, tools, observed.fetch
                    ),
                    converts(digest, precision, tools, spec.model.samples),
                )
    return list(works.values())


def _beside(failures: Sequence[Converting], found: Converting) -> Converting:
    """With the Jobs that have failed: each is what is known of its failure."""
    every = (*failures, found)
    return replace(
        found,
        objects=tuple(manifest for one in every for manifest in one.objects),
        requeue_after_seconds=min(
            (one.requeue_after_seconds for one in every if one.requeue_after_seconds is not None),
            default=None,
        ),
    )


def _one(
    observed: Observed,
    owner: Owner,
    spec: InferenceServiceSpec,
    digest: str,
    work: _Work,
    rollout: Rollout,
) -> Converting:
    job = job_named(observed, work.name)
    if other := rival(observed, work.key, job):
        return replace(
            _unknown(
                reasons.CONVERTED_ELSEWHERE,
                f"Job {other.name} of service {other.service} converts this model to "
                f"{work.copy}, or has just failed to",
            ),
            requeue_after_seconds=TURN_SECONDS,
        )
    if job is None:
        return _start(observed, spec, work, rollout)
    if job.deleting or not has_ended(job):
        return _under_way(observed, owner, spec, digest, work, job)
    return _ended(observed, owner, spec, digest, work, job)


def _start(
    observed: Observed, spec: InferenceServiceSpec, work: _Work, rollout: Rollout
) -> Converting:
    what = f"the model is converted to {work.copy}"
    if spec.paused:
        return _unknown(reasons.PAUSED, f"{what} once spec.paused is gone: no Job is started")
    if not rollout.ready_replicas or not (rollout.complete or rollout.resizing):
        return _unknown(reasons.WAITING_TO_CONVERT, f"{what} once the service serves")
    if other := under_way(observed, work.name):
        return _unknown(reasons.WAITING_TO_CONVERT, f"{what} once Job {other.name} has ended")
    return replace(_unknown(reasons.CONVERTING, work.what), objects=(work.job,), busy=work.name)


def _under_way(
    observed: Observed,
    owner: Owner,
    spec: InferenceServiceSpec,
    digest: str,
    work: _Work,
    job: JobView,
) -> Converting:
    pods = pods_of(observed, job)
    answered = has_answered(pods, CONVERT_CONTAINER)
    problem = None if answered else pod_problem(pods, observed.events, observed.now)
    if problem:
        told = _finding(ConditionStatus.FALSE, problem.reason, problem.message)
        return Converting(told, (work.job,), busy=work.name)
    step = starting_step(pods, observed.events, observed.now)
    runs = replace(
        _unknown(reasons.CONVERTING, f"{work.what}; {step}" if step else work.what),
        objects=() if job.deleting else (work.job,),
        busy=work.name,
    )
    rows = None if job.deleting else _rows_early(observed, spec, work, job)
    if rows is None:
        return runs
    written = profile_of_findings(owner.namespace, digest, observed.measured, rows)
    return replace(runs, objects=(written, *runs.objects), rows=rows)


def _rows_early(
    observed: Observed, spec: InferenceServiceSpec, work: _Work, job: JobView
) -> tuple[Conversion, ...] | None:
    """With the copy that the Job is putting into the store, if the rows do not have it yet.

    What took an hour is not to be lost with the pod. Plans do not go by that row as long as the
    copy is on its way (see `copies_on_their_way`).
    """
    said = said_early(job, newest(pods_of(observed, job)))
    if said is None:
        return None
    row = trusted(
        said,
        work.precision,
        observed.tool_versions,
        job,
        samples=spec.model.samples,
        store=spec.precision.store,
        unstored=unfinished(job),
        time=rfc3339(observed.now),
    )
    if isinstance(row, Failure) or any(
        are_about_the_same(one, row)
        and (one.digest, one.store_failure) == (row.digest, row.store_failure)
        for one in observed.converted
    ):
        return None
    return with_row(observed.converted, row)


def _ended(
    observed: Observed,
    owner: Owner,
    spec: InferenceServiceSpec,
    digest: str,
    work: _Work,
    job: JobView,
) -> Converting:
    pod = newest(pods_of(observed, job))
    message = report_of(pod, CONVERT_CONTAINER)
    awaited = not message or still_puts(pod)
    if awaited and (wait := seconds_for_report(observed, job)):
        return replace(
            _unknown(reasons.CONVERTING, f"Job {job.name} has ended; its report is awaited"),
            objects=(work.job,),
            requeue_after_seconds=wait,
        )
    answer = answer_of(job, pod, message)
    if isinstance(answer, Conversion):
        answer = trusted(
            answer,
            work.precision,
            observed.tool_versions,
            job,
            samples=spec.model.samples,
            store=spec.precision.store,
            unstored=store_failure(job, pod),
            time=job.finished or answer.time,
        )
    if isinstance(answer, Conversion):
        return _written(observed, owner, digest, work, job, answer)
    return _failed(observed, work, job, answer)


def _written(
    observed: Observed,
    owner: Owner,
    digest: str,
    work: _Work,
    job: JobView,
    row: Conversion,
) -> Converting:
    """The row goes into the profile once. If it is there, and still asked for, the Job says no more
    the second time.
    """
    if any(
        are_about_the_same(one, row)
        and (one.time, one.store_failure) == (row.time, row.store_failure)
        for one in observed.converted
    ):
        profile = names.measured_profile(digest)
        told = _finding(
            ConditionStatus.FALSE,
            reasons.CONVERSION_FAILED,
            f"Job {job.name} has converted the model, but what ModelProfile {profile} says is not "
            "read: it is not valid, or about something else; delete the profile, then the Job",
        )
        return Converting(told, (work.job,), requeue_after_seconds=PAUSE_SECONDS[True])
    rows = with_row(observed.converted, row)
    written = profile_of_findings(owner.namespace, digest, observed.measured, rows)
    return replace(
        _unknown(reasons.CONVERTING, f"Job {job.name} has converted the model"),
        # Wanted until the profile has been seen, which whoever writes it brings about.
        objects=(written, work.job),
        requeue_after_seconds=TURN_SECONDS,
        rows=rows,
    )


def _failed(observed: Observed, work: _Work, job: JobView, failure: Failure) -> Converting:
    pause = PAUSE_SECONDS[failure.retryable]
    told = _finding(
        ConditionStatus.FALSE,
        failure.reason,
        f"{work.copy}: {failure.message} (tried again after {pause / 60:.0f} min, and at "
        "once when what is converted or its samples' address changes)",
    )
    if wait := seconds_to_next_try(observed, job, failure):
        return Converting(told, (work.job,), requeue_after_seconds=wait, failed=True)
    # Not wanted any more: it is deleted, and once it is gone a new one is started.
    return Converting(told, requeue_after_seconds=TURN_SECONDS, failed=True)


def _unknown(reason: str, message: str) -> Converting:
    return Converting(_finding(ConditionStatus.UNKNOWN, reason, message))


def _finding(status: ConditionStatus, reason: str, message: str) -> Finding:
    return finding(reasons.PRECISION_VERIFIED, status, reason, message)


def asks_for_a_copy(service: ServiceView) -> bool:
    """Whether its spec names a precision that the model has to be converted to, valid or not."""
    said = service.spec.get("precision")
    mode = said.get("mode") if isinstance(said, Mapping) else None
    return mode in _BY_NAME


def own_conversions(spec: Mapping[str, Any]) -> list[Conversion]:
    """The rows of the operator's own profile, as it is on the wire; none of one that is broken."""
    rows = spec.get("conversions")
    try:
        return [Conversion.model_validate(row) for row in rows or ()]
    except ValueError:
        return []
