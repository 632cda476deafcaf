"""A Job that is tried once: another try is the operator's to decide, after a pause.

Its name changes with everything in it, as a Job cannot be changed.
"""

from collections.abc import Callable, Mapping
from typing import Any

from triton_operator.api import labels
from triton_operator.api.runtime import Runtime
from triton_operator.manifests.desired_hash import content_hash
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.pod_options import pod_metadata

ENDING_SECONDS = 60
"""For images to be there, and for whatever a deadline does not count."""


def single_try(
    owner: Owner,
    runtime: Runtime,
    *,
    role: str,
    pool: str,
    finds: str,
    deadline_seconds: int,
    pod: Mapping[str, Any],
    name: Callable[[str], str],
) -> dict[str, Any]:
    """The Job that finds something out on a pool: `finds` is the same for services that have the
    same to find out. `name` gets a hash of all that is in it.
    """
    job = {
        "backoffLimit": 0,
        "activeDeadlineSeconds": deadline_seconds + ENDING_SECONDS,
        "podFailurePolicy": {
            "rules": [
                {
                    "action": "Ignore",
                    "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                }
            ]
        },
        "template": {
            "metadata": pod_metadata(runtime, owner.labels({labels.ROLE: role}), {}),
            "spec": dict(pod),
        },
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": owner.metadata(
            name(content_hash(job)),
            {labels.ROLE: role, labels.POOL: pool, labels.MEASURES: finds},
        ),
        "spec": job,
    }
