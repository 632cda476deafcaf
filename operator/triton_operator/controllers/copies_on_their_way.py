"""Copies that a Job has made and compared, and is putting into a store: plans wait for that. Pure.

Their rows are in the profile already, so that nothing is lost with the pod. A rollout that began
now would find no copy in the store, and each new pod would make it.
"""

from dataclasses import replace

from triton_operator.controllers.converting_report import has_converted, unfinished
from triton_operator.controllers.observed import Observed
from triton_operator.controllers.pod_problems import newest
from triton_operator.controllers.side_jobs import has_ended, pods_of
from triton_operator.controllers.views import JobView


def without_copies_on_their_way(observed: Observed) -> Observed:
    """What is observed, without the rows of copies that wait for their store.

    A Job whose pod is gone, or has begun anew, holds up nothing: its row counts as it is.
    """
    words = {unfinished(job) for job in observed.jobs_elsewhere if _goes_on(job)}
    for job in observed.children:
        if isinstance(job, JobView) and not job.deleting:
            # An ended one too, until what became of the store is in the row.
            pod = newest(pods_of(observed, job))
            if has_converted(pod):
                words.add(unfinished(job))
    if not words:
        return observed
    conversions = {
        digest: tuple(row for row in rows if row.store_failure not in words)
        for digest, rows in observed.conversions.items()
    }
    return replace(observed, conversions=conversions)


def _goes_on(job: JobView) -> bool:
    return not (job.deleting or has_ended(job))
