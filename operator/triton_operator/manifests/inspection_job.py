"""The Job that fetches a model, parses it far from the operator, and answers with its facts."""

from typing import Any

from triton_operator.api import labels
from triton_operator.api.inference_service import Model
from triton_operator.manifests import names
from triton_operator.manifests.desired_hash import content_hash
from triton_operator.manifests.fetching import (
    FetchSettings,
    fetch_container,
    pod_security,
    pull_secrets,
    source_volumes,
)
from triton_operator.manifests.owner import Owner

WORK_DIR = "/scratch"

ATTEMPTS = 3
"""Pods of one Job; each waits longer for its turn than the one before (10 s, 20 s)."""
PERMANENT_EXIT_CODE = 2
"""Exit code of a failure that the same call would meet again: the Job does not retry it."""


def source_hash(model: Model) -> str:
    """A hash of everything that decides what an inspection finds."""
    return content_hash([model.uri, model.format, model.digest, model.secret_name])


def inspection_job(owner: Owner, model: Model, settings: FetchSettings) -> dict[str, Any]:
    """The Job; its name changes with the source, so a new source is inspected anew."""
    arguments = [
        "inspect",
        f"--uri={model.uri}",
        f"--format={model.format}",
        f"--work-dir={WORK_DIR}",
        f"--max-bytes={settings.max_bytes}",
        f"--timeout-seconds={settings.timeout_seconds}",
    ]
    if model.digest:
        arguments.append(f"--digest={model.digest}")
    container = fetch_container(
        "inspect",
        arguments,
        model,
        settings,
        mounts=[
            {"name": "work", "mountPath": WORK_DIR},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  # a path in the pod
        ],
        resources=settings.inspection_resources,
    )
    pod_labels = owner.labels({labels.ROLE: labels.INSPECT})
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": owner.metadata(
            names.inspection_job(owner.name, source_hash(model)), {labels.ROLE: labels.INSPECT}
        ),
        "spec": {
            "backoffLimit": ATTEMPTS - 1,
            "activeDeadlineSeconds": settings.timeout_seconds + 120,
            "podFailurePolicy": {
                "rules": [
                    {
                        "action": "FailJob",
                        "onExitCodes": {
                            "containerName": "inspect",
                            "operator": "In",
                            "values": [PERMANENT_EXIT_CODE],
                        },
                    }
                ]
            },
            "template": {
                "metadata": {"labels": pod_labels},
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    **pull_secrets(settings),
                    "securityContext": pod_security(),
                    "containers": [container],
                    "volumes": [
                        {"name": "work", "emptyDir": {}},
                        {"name": "tmp", "emptyDir": {}},
                        *source_volumes(owner.name, model, settings),
                    ],
                },
            },
        },
    }
