"""The Job that fetches a model, parses it far from the operator, and answers with its facts."""

from typing import Any

from triton_operator.api import labels
from triton_operator.api.model_source import Model
from triton_operator.api.runtime import Runtime
from triton_operator.manifests import names
from triton_operator.manifests.desired_hash import content_hash
from triton_operator.manifests.fetching import (
    FetchSettings,
    fetch_container,
    may_hold_code,
    pod_security,
    source_arguments,
    source_volumes,
)
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.pod_options import options_of_every_pod, pod_identity, pod_metadata

WORK_DIR = "/scratch"

ATTEMPTS = 3
"""Pods of one Job; each waits longer for its turn than the one before (10 s, 20 s)."""
PERMANENT_EXIT_CODE = 2
"""Exit code of a failure that the same call would meet again: the Job does not retry it."""


def source_hash(model: Model, runtime: Runtime, *, allow_code: bool) -> str:
    """A hash of everything that decides what an inspection finds, and whether it can run.

    A Job cannot be changed: one whose image cannot be pulled would stay when a pull secret comes.
    The right to execute code counts only where it makes a difference.
    """
    source: list[Any] = [model.uri, model.format, model.digest, model.secret_name]
    # Only where they are set: the hash of what existed before these fields did must stay.
    if model.endpoint:
        source.append(model.endpoint)
    if options := options_of_every_pod(runtime):
        source.append(options)
    if allow_code and may_hold_code(model):
        source.append("code")
    return content_hash(source)


def inspection_job_name(
    owner: Owner, model: Model, runtime: Runtime, settings: FetchSettings
) -> str:
    """The Job's name, which changes with the source, so that a new source is inspected anew."""
    allow_code = settings.allows_code(owner.namespace)
    return names.inspection_job(owner.name, source_hash(model, runtime, allow_code=allow_code))


def inspection_job(
    owner: Owner, model: Model, runtime: Runtime, settings: FetchSettings
) -> dict[str, Any]:
    """The Job, named as by `inspection_job_name`."""
    arguments = [
        "inspect",
        *source_arguments(model),
        f"--format={model.format}",
        f"--work-dir={WORK_DIR}",
        f"--max-bytes={settings.max_bytes}",
        f"--timeout-seconds={settings.timeout_seconds}",
    ]
    if model.digest:
        arguments.append(f"--digest={model.digest}")
    if may_hold_code(model) and settings.allows_code(owner.namespace):
        arguments.append("--allow-code")
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
            inspection_job_name(owner, model, runtime, settings),
            {labels.ROLE: labels.INSPECT},
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
                "metadata": pod_metadata(runtime, pod_labels, {}),
                "spec": {
                    **pod_identity(runtime, settings),
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
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
