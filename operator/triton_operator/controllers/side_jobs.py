"""What Jobs that find something out beside what serves have in common. Pure.

Nothing waits for them. One of a service runs at a time, and of services with the same to find out,
one does.
"""

from collections.abc import Sequence

from triton_operator.api.inspection import Failure
from triton_operator.controllers.observed import Observed
from triton_operator.controllers.pod_problems import known_problem
from triton_operator.controllers.times import epoch_seconds
from triton_operator.controllers.views import JobView, PodView

PAUSE_SECONDS = {True: 900.0, False: 6 * 3600.0}
"""Between two tries, by whether the failure can pass by itself. A change of what is found out is
tried at once: it is another Job."""
REPORT_GRACE_SECONDS = 15.0
"""A Job's end may be seen before its pod's; after this the report is taken for lost."""
TURN_SECONDS = 60.0
"""Between looks at whether another service's Job is done."""


def rival(observed: Observed, key: str, own: JobView | None) -> JobView | None:
    """Another service's Job with the same to find out, if it was there first."""
    others = [
        one for one in observed.jobs_elsewhere if one.measures == key and _counts(one, observed.now)
    ]
    if own is not None:
        others = [one for one in others if (one.created, one.name) < (own.created, own.name)]
    return min(others, key=lambda one: (one.created, one.name), default=None)


def _counts(job: JobView, now: float) -> bool:
    """Whether there is something to wait for: its end, its report, or the next try's time.

    Its service may be paused or broken, so that nobody takes an ended Job away.
    """
    if not has_ended(job) or not job.finished:
        return True
    after = TURN_SECONDS if job.succeeded else max(PAUSE_SECONDS.values())
    return now < epoch_seconds(job.finished) + after


def has_ended(job: JobView) -> bool:
    """Whether it has succeeded or failed."""
    return job.succeeded or job.failed


def put_off(observed: Observed, names: Sequence[str]) -> frozenset[str]:
    """Which of these Jobs, of which one is wanted at a time, are not begun now: another of them
    goes on, which would be for nothing. A first try waits as well as the next one.
    """
    jobs = {name: job_named(observed, name) for name in names}
    if not any(job and not job.deleting and not has_ended(job) for job in jobs.values()):
        return frozenset()
    return frozenset(name for name, job in jobs.items() if job is None)


def job_named(observed: Observed, name: str) -> JobView | None:
    """The service's own Job of that name."""
    jobs = (one for one in observed.children if isinstance(one, JobView))
    return next((one for one in jobs if one.name == name), None)


def under_way(observed: Observed, besides: str) -> JobView | None:
    """A Job of this service that finds out something else, and has not ended."""
    return next(
        (
            one
            for one in observed.children
            if isinstance(one, JobView)
            and one.measures
            and one.name != besides
            and not has_ended(one)
        ),
        None,
    )


def pods_of(observed: Observed, job: JobView) -> list[PodView]:
    """The pods that the Job made."""
    return [one for one in observed.children if isinstance(one, PodView) and one.job == job.name]


def has_answered(pods: Sequence[PodView], container: str) -> bool:
    """Whether the container that reports has ended. Then the Job ends in a moment, however the
    others in the pod look meanwhile.
    """
    return any(
        one.name == container and one.exit_code is not None
        for pod in pods
        for one in pod.containers
    )


def report_of(pod: PodView | None, container: str) -> str:
    """What the container left as its last message; empty: nothing (yet)."""
    if pod is None:
        return ""
    return next((one.terminated_message for one in pod.containers if one.name == container), "")


def finished_at(observed: Observed, job: JobView) -> float:
    """When it ended, in seconds since the epoch."""
    return epoch_seconds(job.finished) if job.finished else observed.now


def seconds_for_report(observed: Observed, job: JobView) -> float:
    """For how long to wait for the report of a Job that has ended; 0: it is lost."""
    left = finished_at(observed, job) + REPORT_GRACE_SECONDS - observed.now
    # A clock that was put back must not put it off by as much.
    return max(0.0, min(left, REPORT_GRACE_SECONDS))


def seconds_to_next_try(observed: Observed, job: JobView, failure: Failure) -> float:
    """How much of the pause after a failure is left; 0: it is over."""
    pause = PAUSE_SECONDS[failure.retryable]
    return max(0.0, min(finished_at(observed, job) + pause - observed.now, pause))


def lost(job: JobView, reason: str) -> Failure:
    """That it has ended without a report, in its own words."""
    said = job.message or "it ended without a report"
    return Failure(reason=reason, message=f"Job {job.name}: {said}", retryable=True)


def unsaid(job: JobView, pod: PodView | None, reason: str) -> Failure:
    """Why there is no report: what the pod's status says, else that it is lost."""
    problem = known_problem(pod) if pod else None
    if problem is None:
        return lost(job, reason)
    return Failure(reason=problem.reason, message=problem.message, retryable=True)
