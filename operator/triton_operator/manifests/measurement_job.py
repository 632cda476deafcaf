"""The Job that measures a model on a pool, with the Triton that serves there.

Triton is a sidecar (an init container that keeps running, Kubernetes 1.29): Kubernetes ends it when
the container that measures has ended. So the pod ends by itself, whatever Triton does.
"""

from collections.abc import Mapping
from typing import Any

from triton_operator.api import labels
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.model_source import Samples
from triton_operator.manifests import names
from triton_operator.manifests.container_resources import ContainerResources
from triton_operator.manifests.desired_hash import content_hash
from triton_operator.manifests.fetching import (
    FetchSettings,
    container_security,
    pod_security,
)
from triton_operator.manifests.model_pod import (
    model_containers,
    placement,
    serving_volumes,
)
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.pod_options import pod_identity
from triton_operator.manifests.request_size import max_http_input_bytes
from triton_operator.manifests.samples_fetch import (
    distinct,
    samples_arguments,
    samples_containers,
    samples_mounts,
    samples_volumes,
)
from triton_operator.manifests.single_try import single_try
from triton_operator.manifests.triton_container import triton_container
from triton_operator.planning.measurements import engine_of
from triton_operator.planning.objective import latency_bound_milliseconds
from triton_operator.planning.plan import PoolPlan
from triton_operator.triton.probes import shutdown_times
from triton_operator.triton.server_flags import HTTP_PORT

MEASURE_CONTAINER = "measure"
LOAD_SECONDS = 900
"""For Triton to load the model; an engine of TensorRT takes minutes."""
RESOURCES = ContainerResources(
    # Small beside what a replica asks for, so that the pod fits where a replica does.
    requests={"cpu": "100m", "memory": "64Mi"},
    limits={"cpu": "1", "memory": "2Gi"},
)
_OF_SERVING = ("ports", "startupProbe", "readinessProbe", "livenessProbe", "lifecycle")
"""What only a server that others call needs. A startup probe would hold back the container that
measures, and with it the word that a model does not load."""
_FOR_ITSELF = ("--http-address=127.0.0.1", "--allow-grpc=false", "--allow-metrics=false")
"""Only the container beside it may send requests: any other one would spoil the numbers."""


def measures(digest: str, facts: ModelFacts, plan: PoolPlan, samples: Samples | None) -> str:
    """Names what is measured: the same for services that have the same to find out."""
    return content_hash(
        [
            digest,
            engine_of(facts, plan.engine),
            plan.precision,
            plan.pool.name,
            plan.pool.product,
            str(plan.release),
            plan.instances,
            plan.threads,
            plan.accelerators,
            # Nothing where the model runs as it is stored, or inputs are made up: that has had its
            # mark before.
            *([plan.copy.digest] if plan.copy else []),
            *(["samples", samples.uri] if samples else []),
        ]
    )


def measurement_job(
    owner: Owner,
    spec: InferenceServiceSpec,
    digest: str,
    facts: ModelFacts,
    plan: PoolPlan,
    config: Mapping[str, str],
    settings: FetchSettings,
    budget_seconds: int,
) -> dict[str, Any]:
    """The Job, which measures for so long once the model is loaded."""
    pod = {
        **placement(plan),
        **pod_identity(spec.runtime, settings),
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # So that the container that measures sees how much memory Triton takes. It holds nothing
        # that a model which executes code could take from it, and is believed in numbers only.
        "shareProcessNamespace": True,
        "securityContext": pod_security(),
        "initContainers": [
            *model_containers(owner, spec, digest, facts, plan, settings),
            *samples_containers(spec.model, settings),
            _triton(owner, spec, facts, plan),
        ],
        "containers": [_measure(owner, spec, digest, facts, plan, settings, budget_seconds)],
        "volumes": distinct(
            [
                *serving_volumes(owner, spec, facts, plan, config, settings),
                *samples_volumes(owner.name, spec.model, settings),
            ]
        ),
    }
    sampled = spec.model.samples is not None
    return single_try(
        owner,
        spec.runtime,
        role=labels.MEASURE,
        pool=plan.pool.name,
        finds=measures(digest, facts, plan, spec.model.samples),
        deadline_seconds=(1 + sampled) * settings.timeout_seconds + LOAD_SECONDS + budget_seconds,
        pod=pod,
        name=lambda found: names.measurement_job(owner.name, plan.pool.name, found),
    )


def _triton(
    owner: Owner, spec: InferenceServiceSpec, facts: ModelFacts, plan: PoolPlan
) -> dict[str, Any]:
    """As in a pod that serves, with the same resources, but for itself."""
    serving = triton_container(
        owner,
        spec,
        facts,
        plan,
        shutdown_times(plan.longest_request_seconds),
        max_http_input_bytes(facts, plan.max_batch_size),
    )
    container = {key: value for key, value in serving.items() if key not in _OF_SERVING}
    return {
        **container,
        "restartPolicy": "Always",
        "args": [*serving["args"], *_FOR_ITSELF],
    }


def _measure(
    owner: Owner,
    spec: InferenceServiceSpec,
    digest: str,
    facts: ModelFacts,
    plan: PoolPlan,
    settings: FetchSettings,
    budget_seconds: int,
) -> dict[str, Any]:
    arguments = [
        f"--url=http://127.0.0.1:{HTTP_PORT}",
        f"--model={names.triton_model(owner.name, facts)}",
        f"--seed={digest}",
        f"--budget-seconds={budget_seconds}",
        f"--load-seconds={LOAD_SECONDS}",
        f"--objective-milliseconds={latency_bound_milliseconds(spec)}",
        f"--precision={plan.precision}",
        f"--release={plan.release}",
    ]
    if plan.pool.product:
        arguments.append(f"--product={plan.pool.product}")
    arguments += samples_arguments(spec.model)
    container = {
        "name": MEASURE_CONTAINER,
        "image": settings.image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": ["python3", "-P", "-m", "triton_operator.model.measurement"],
        "args": arguments,
        "resources": RESOURCES.manifest(),
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    mounts = samples_mounts(spec.model)
    return {**container, "volumeMounts": mounts} if mounts else container
