"""Whether a service's model is to be measured, is being measured, or has been. Pure.

Nothing waits for a measurement: it begins once the service serves, and if it fails, all else stays
as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from triton_operator.api import reasons
from triton_operator.api.conditions import ConditionStatus, Finding, finding
from triton_operator.api.enums import MeasurementMode
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.inspection import Failure
from triton_operator.api.model_profile import Measurement, ModelFacts
from triton_operator.controllers.measuring_report import answer_of, refused_way, trusted
from triton_operator.controllers.measuring_work import Work, work_for
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
)
from triton_operator.controllers.views import JobView, ServiceView
from triton_operator.manifests import names
from triton_operator.manifests.measurement_job import MEASURE_CONTAINER
from triton_operator.manifests.model_profile import profile_of_findings
from triton_operator.manifests.owner import Owner
from triton_operator.planning.candidate import (
    is_nameless,
    to_measure,
    unmeasurable,
    ways_to_compare,
)
from triton_operator.planning.measurements import is_on_samples
from triton_operator.planning.plan import Plan, PoolPlan
from triton_operator.planning.refusal import Refusal

MOST_ROWS = 256
"""A profile holds so many; the oldest go first."""


@dataclass(frozen=True)
class Measuring:
    """`objects` are wanted; `finding` is None where nobody asked for a measurement.

    `failed`: a Job has ended without numbers, and there will be another one.
    """

    finding: Finding | None = None
    objects: tuple[dict[str, Any], ...] = ()
    requeue_after_seconds: float | None = None
    failed: bool = False

    @property
    def message(self) -> str:
        """What the finding says."""
        return self.finding.message if self.finding else ""


def measuring(
    observed: Observed,
    owner: Owner,
    spec: InferenceServiceSpec,
    digest: str | None,
    facts: ModelFacts | None,
    plan: Plan | Refusal | None,
    rollout: Rollout,
    *,
    stands_by: bool = False,
) -> Measuring:
    """What is wanted for the measurements of a service, one pool after the other. `stands_by`: no
    pod runs that plan, as it is of another variant than the one that serves."""
    if spec.measurement.mode is MeasurementMode.NEVER:
        return Measuring()
    if digest is None or facts is None or not isinstance(plan, Plan):
        return _unknown(reasons.WAITING_FOR_PLAN, "the plan says what is measured, and where")
    if why := unmeasurable(facts):
        return _bad(reasons.NOT_MEASURABLE, f"{why}, and are not measured")
    if problem := observed.measuring_problem:
        return replace(
            _bad(problem.reason, problem.message), requeue_after_seconds=PAUSE_SECONDS[True]
        )
    known = observed.measurements.get(digest, ())
    parts = [
        (way, ways.index(way) + 1, len(ways))
        for row in plan.pools
        for ways in [ways_to_compare(spec, facts, row, known)]
        for way in to_measure(spec, facts, ways, known)
    ]
    named = [part for part in parts if not is_nameless(part[0].pool)]
    if parts and not named:
        return _nameless([row for row, *_ in parts])
    works = [
        work_for(observed, owner, spec, digest, facts, row, number, ways)
        for row, number, ways in named
    ]
    later = put_off(observed, [work.name for work in works])
    failures: list[_Failed] = []
    for work in works:
        row = work.ran
        if row.copy is not None and any(one.leaves_nothing_to_beat(row) for one in failures):
            continue
        if work.name in later:
            continue
        serves = not stands_by and bool(_loading(plan, row))
        found = _one(observed, owner, spec, digest, facts, work, rollout, serves=serves)
        if not found.failed:
            return _beside(failures, found)
        failures.append(_Failed(work, found, own=_runs(plan, row)))
    return _all_ended(plan, failures)


@dataclass(frozen=True)
class _Failed:
    """A measurement that has to wait for its next try. `own`: of what the plan runs."""

    work: Work
    found: Measuring
    own: bool

    def leaves_nothing_to_beat(self, copy: PoolPlan) -> bool:
        """Whether the copy would be measured without anything to compare it with."""
        ran = self.work.ran
        return self.own and ran.copy is None and ran.engine is None and ran.pool == copy.pool


def _runs(plan: Plan, way: PoolPlan) -> bool:
    return any(row.instances == way.instances for row in _loading(plan, way))


def _loading(plan: Plan, way: PoolPlan) -> list[PoolPlan]:
    """Rows of the plan whose pods load the same file in the same engine, in however many
    instances."""
    return [
        row
        for row in plan.pools
        if (row.pool, row.copy, row.engine) == (way.pool, way.copy, way.engine)
    ]


def _beside(failures: Sequence[_Failed], found: Measuring) -> Measuring:
    """With the Jobs that have failed: each is what is known of its failure."""
    objects = [one for failed in failures for one in failed.found.objects]
    waits = [failed.found.requeue_after_seconds for failed in failures]
    return replace(
        found,
        # Ways that differ in precision alone have the same ConfigMap.
        objects=tuple(
            {
                (one["kind"], one["metadata"]["name"]): one for one in (*objects, *found.objects)
            }.values()
        ),
        requeue_after_seconds=min(
            filter(None, (*waits, found.requeue_after_seconds)), default=None
        ),
    )


def _all_ended(plan: Plan, failures: Sequence[_Failed]) -> Measuring:
    """Measured is a plan of which all that runs was; what else failed is told."""
    own = next((one.found for one in failures if one.own), None)
    if own is not None:
        return _beside(failures, own)
    others = [f"{one.work.way}: {one.found.message}" for one in failures]
    told = _finding(ConditionStatus.TRUE, reasons.MEASURED, "; ".join([_told(plan), *others]))
    return _beside(failures, Measuring(told))


def _one(
    observed: Observed,
    owner: Owner,
    spec: InferenceServiceSpec,
    digest: str,
    facts: ModelFacts,
    work: Work,
    rollout: Rollout,
    *,
    serves: bool,
) -> Measuring:
    """What is wanted for one of a pool's ways to run; `serves`: pods have loaded what it loads."""
    job = job_named(observed, work.name)
    if other := rival(observed, work.key, job):
        return replace(
            _unknown(
                reasons.MEASURED_ELSEWHERE,
                f"Job {other.name} of service {other.service} measures this model on pool "
                f"{work.ran.pool.name}, or has just failed to",
            ),
            requeue_after_seconds=TURN_SECONDS,
        )
    if job is None:
        return _start(spec, work, rollout)
    if job.deleting or not has_ended(job):
        return _under_way(observed, work, job)
    return _ended(observed, owner, spec, digest, facts, work, job, serves=serves)


def _told(plan: Plan) -> str:
    pools = ", ".join(row.pool.name for row in plan.pools)
    return f"a ModelProfile says how fast the model is on {pools}"


def _nameless(rows: Sequence[PoolPlan]) -> Measuring:
    pools = ", ".join(row.pool.name for row in rows)
    return _bad(
        reasons.NOT_MEASURABLE,
        f"nothing says which accelerator pool {pools} has, so that its numbers could not be told "
        "from those of another; set spec.accelerator.product of a ServingPool",
    )


def _start(spec: InferenceServiceSpec, work: Work, rollout: Rollout) -> Measuring:
    where = f"on pool {work.ran.pool.name}"
    if spec.paused:
        return _unknown(reasons.PAUSED, f"not measured {where}: spec.paused, no Job is started")
    if not rollout.ready_replicas or not (rollout.complete or rollout.resizing):
        return _unknown(
            reasons.WAITING_TO_MEASURE, f"the model is measured {where} once the service serves"
        )
    return replace(_unknown(reasons.MEASURING, work.words), objects=work.objects)


def _under_way(observed: Observed, work: Work, job: JobView) -> Measuring:
    pods = pods_of(observed, job)
    answered = has_answered(pods, MEASURE_CONTAINER)
    problem = None if answered else pod_problem(pods, observed.events, observed.now)
    if problem:
        return replace(_bad(problem.reason, problem.message), objects=work.objects)
    step = starting_step(pods, observed.events, observed.now)
    message = work.words
    return replace(
        _unknown(reasons.MEASURING, f"{message}; {step}" if step else message),
        objects=() if job.deleting else work.objects,
    )


def _ended(
    observed: Observed,
    owner: Owner,
    spec: InferenceServiceSpec,
    digest: str,
    facts: ModelFacts,
    work: Work,
    job: JobView,
    *,
    serves: bool,
) -> Measuring:
    pod = newest(pods_of(observed, job))
    message = report_of(pod, MEASURE_CONTAINER)
    if not message and (wait := seconds_for_report(observed, job)):
        return replace(
            _unknown(reasons.MEASURING, f"Job {job.name} has ended; its report is awaited"),
            objects=work.objects,
            requeue_after_seconds=wait,
        )
    answer = answer_of(job, pod, message)
    if isinstance(answer, Measurement):
        sampled = spec.model.samples is not None
        answer = _reported(answer, facts, work, job, sampled=sampled)
    if isinstance(answer, Failure):
        row = refused_way(answer, facts, work.ran, job, pod, serves=serves)
        if row is None:
            return _failed(observed, work, job, answer)
        answer = row
    return _written(observed, owner, digest, work, job, answer)


def _reported(
    said: Measurement, facts: ModelFacts, work: Work, job: JobView, *, sampled: bool
) -> Measurement | Failure:
    if not job.succeeded:
        why = job.message
    else:
        try:
            return trusted(said, facts, work.ran, job, sampled=sampled)
        except ValueError as error:
            why = f"its report is no measurement that a profile takes: {error}"
    return Failure(reason=reasons.MEASUREMENT_FAILED, message=f"Job {job.name}: {why}")


def _written(
    observed: Observed,
    owner: Owner,
    digest: str,
    work: Work,
    job: JobView,
    row: Measurement,
) -> Measuring:
    """The row goes into the profile once. If it is there, and still not what the plan runs, the
    Job says no more the second time.
    """
    if any(_same(one, row) and one.time == row.time for one in observed.measured):
        profile = names.measured_profile(digest)
        return replace(
            _bad(
                reasons.MEASUREMENT_FAILED,
                f"Job {job.name} has measured the model, but what ModelProfile {profile} says is "
                "not read: it is not valid, or about something else; delete the profile, then the "
                "Job",
            ),
            objects=work.objects,
            requeue_after_seconds=PAUSE_SECONDS[True],
        )
    rows = [one for one in observed.measured if not _same(one, row)]
    rows = [*rows[-MOST_ROWS + 1 :], row]
    found = f"that {work.way} does not run" if row.refusal else "how fast the model is"
    written = profile_of_findings(owner.namespace, digest, rows, observed.converted)
    return replace(
        _unknown(reasons.MEASURING, f"Job {job.name} has found out {found}"),
        # Wanted until the profile has been seen, which whoever writes it brings about.
        objects=(written, *work.objects),
        requeue_after_seconds=TURN_SECONDS,
    )


def _failed(observed: Observed, work: Work, job: JobView, failure: Failure) -> Measuring:
    pause = PAUSE_SECONDS[failure.retryable]
    told = _bad(
        failure.reason,
        f"{failure.message} (tried again after {pause / 60:.0f} min, and at once when what is "
        "measured changes)",
    )
    if wait := seconds_to_next_try(observed, job, failure):
        return replace(told, failed=True, objects=work.objects, requeue_after_seconds=wait)
    # Not wanted any more: it is deleted, and once it is gone a new one is started.
    return replace(told, requeue_after_seconds=TURN_SECONDS, failed=True)


def _same(one: Measurement, other: Measurement) -> bool:
    """Whether two rows are about the same, so that the newer takes the place of the older.

    Numbers of samples keep their place beside those of made-up inputs: another service may have
    found them out meanwhile.
    """
    return is_on_samples(one) == is_on_samples(other) and all(
        getattr(one, name) == getattr(other, name)
        for name in ("precision", "rebatched", "engine", "hardware", "instances", "threads")
    )


def _unknown(reason: str, message: str) -> Measuring:
    return Measuring(_finding(ConditionStatus.UNKNOWN, reason, message))


def _bad(reason: str, message: str) -> Measuring:
    return Measuring(_finding(ConditionStatus.FALSE, reason, message))


def _finding(status: ConditionStatus, reason: str, message: str) -> Finding:
    return finding(reasons.MODEL_MEASURED, status, reason, message)


def is_to_be_measured(service: ServiceView) -> bool:
    """Whether its spec asks for it, valid or not."""
    said = service.spec.get("measurement")
    mode = said.get("mode") if isinstance(said, Mapping) else None
    return mode not in (None, MeasurementMode.NEVER)


def own_rows(spec: Mapping[str, Any]) -> list[Measurement]:
    """The rows of the operator's own profile, as it is on the wire; none of one that is broken."""
    rows = spec.get("measurements")
    try:
        return [Measurement.model_validate(row) for row in rows or ()]
    except ValueError:
        return []
