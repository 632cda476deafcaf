"""The Job that makes a copy of a model, and compares it with the model.

It runs on the pool that would serve the copy, whose processors compute both.
"""

from collections.abc import Mapping
from typing import Any

from triton_operator.api import labels
from triton_operator.api.enums import Precision
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.model_source import Samples
from triton_operator.manifests import names
from triton_operator.manifests.converting import (
    FETCHED_VOLUME,
    comparison_resources,
    converting_container,
)
from triton_operator.manifests.copy_store import (
    PUT_SECONDS,
    keeping_arguments,
    keeping_mounts,
    keeping_volumes,
    put_container,
    store_volumes,
)
from triton_operator.manifests.desired_hash import content_hash
from triton_operator.manifests.digest_cache import cache_volumes
from triton_operator.manifests.fetching import FetchSettings, pod_security, source_volumes
from triton_operator.manifests.model_pod import placement, source_fetch
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.pod_options import pod_identity
from triton_operator.manifests.samples_fetch import (
    MOST_SAMPLE_BYTES,
    distinct,
    samples_arguments,
    samples_containers,
    samples_mounts,
    samples_volumes,
)
from triton_operator.manifests.scratch_space import models_limit, tmp_limit
from triton_operator.manifests.single_try import single_try
from triton_operator.planning.plan import PoolPlan

CONVERT_SECONDS = 3600
"""To convert, and to run both models on every row, on one thread."""


def converts(
    digest: str, precision: Precision, tool_versions: Mapping[str, str], samples: Samples | None
) -> str:
    """Names what is found out: a row of that digest's profile, from the samples at one address."""
    address = samples.uri if samples else None
    return content_hash(["copy", digest, precision, dict(tool_versions), address])


def conversion_job(
    owner: Owner,
    spec: InferenceServiceSpec,
    digest: str,
    facts: ModelFacts,
    plan: PoolPlan,
    precision: Precision,
    tool_versions: Mapping[str, str],
    settings: FetchSettings,
) -> dict[str, Any]:
    """The Job. `tool_versions` are the operator's; its image has them too."""
    model = spec.model
    sampled = model.samples is not None
    arguments = ["compare", f"--precision={precision}", *samples_arguments(model)]
    if sampled:
        arguments.append(f"--most-sample-bytes={MOST_SAMPLE_BYTES}")
    store = spec.precision.store
    container = converting_container(
        [*arguments, *keeping_arguments(store)],
        settings,
        mounts=[*samples_mounts(model), *keeping_mounts(store)],
        resources=comparison_resources(facts, precision, 2 * MOST_SAMPLE_BYTES if sampled else 0),
    )
    pod = {
        **placement(plan),
        **pod_identity(spec.runtime, settings),
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        "initContainers": [
            source_fetch(owner, spec, digest, facts, settings),
            *samples_containers(model, settings),
            *([container] if store else []),
        ],
        # What is to be put into a store has to be there first, whole.
        "containers": [put_container(store, settings) if store else container],
        "volumes": distinct(
            [
                {"name": FETCHED_VOLUME, "emptyDir": {"sizeLimit": models_limit(facts)}},
                {"name": "tmp", "emptyDir": {"sizeLimit": tmp_limit(facts.files)}},
                *source_volumes(owner.name, model, settings),
                *cache_volumes(model),
                *samples_volumes(owner.name, model, settings),
                *keeping_volumes(store, models_limit(facts)),
                *store_volumes(owner.name, store, settings),
            ]
        ),
    }
    return single_try(
        owner,
        spec.runtime,
        role=labels.CONVERT,
        pool=plan.pool.name,
        finds=converts(digest, precision, tool_versions, model.samples),
        deadline_seconds=(1 + sampled) * settings.timeout_seconds
        + CONVERT_SECONDS
        + (PUT_SECONDS if store else 0),
        pod=pod,
        name=lambda found: names.conversion_job(owner.name, plan.pool.name, found),
    )
