"""The container that brings `spec.model.samples` to a Job's pod, as models are brought.

The Secret with the store's credentials is the model's, and so is the endpoint where both addresses
have one scheme.
"""

from collections.abc import Iterable
from typing import Any

from triton_operator.api.model_source import Model
from triton_operator.manifests.fetching import (
    FetchSettings,
    fetch_container,
    source_arguments,
    source_volumes,
)

SAMPLES_CONTAINER = "samples"
SAMPLES_DIR = "/samples"
SAMPLES_FILE = f"{SAMPLES_DIR}/samples.npz"
MOST_SAMPLE_BYTES = 512 * 2**20
"""Of the file, and of its arrays: they are in the memory of who reads them, at times twice."""
_SOURCE = "samples-source"
"""Another claim than the model's, maybe."""
_VOLUME_LIMIT = "640Mi"
"""The kubelet evicts a pod whose volume grows past it: above what a fetch writes."""


def samples_source(model: Model) -> Model | None:
    """The samples as something to fetch; None: there are none."""
    if model.samples is None:
        return None
    uri = model.samples.uri
    same = uri.partition("://")[0] == model.uri.partition("://")[0]
    return model.model_copy(update={"uri": uri, "endpoint": model.endpoint if same else None})


def samples_containers(model: Model, settings: FetchSettings) -> list[dict[str, Any]]:
    """The container, or none."""
    source = samples_source(model)
    if source is None:
        return []
    container = fetch_container(
        SAMPLES_CONTAINER,
        [
            "samples",
            *source_arguments(source),
            f"--into={SAMPLES_FILE}",
            f"--max-bytes={min(settings.max_bytes, MOST_SAMPLE_BYTES)}",
            f"--timeout-seconds={settings.timeout_seconds}",
        ],
        source,
        settings,
        mounts=[{"name": SAMPLES_CONTAINER, "mountPath": SAMPLES_DIR}],
        resources=settings.fetch_resources,
        source=_SOURCE,
    )
    return [container]


def samples_volumes(service: str, model: Model, settings: FetchSettings) -> list[dict[str, Any]]:
    """Where they come from and go to; some of it the pod may have for the model already."""
    source = samples_source(model)
    if source is None:
        return []
    return [
        {"name": SAMPLES_CONTAINER, "emptyDir": {"sizeLimit": _VOLUME_LIMIT}},
        *source_volumes(service, source, settings, _SOURCE),
    ]


def samples_mounts(model: Model) -> list[dict[str, Any]]:
    """Where who reads them finds them."""
    if model.samples is None:
        return []
    return [{"name": SAMPLES_CONTAINER, "mountPath": SAMPLES_DIR, "readOnly": True}]


def samples_arguments(model: Model) -> list[str]:
    """What tells it about them."""
    return [] if model.samples is None else [f"--samples={SAMPLES_FILE}"]


def distinct(volumes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each volume once: those of one name are the same, such as the Secret of both addresses."""
    return list({volume["name"]: volume for volume in volumes}.values())
