"""The container that serves: Triton with its flags, probes, limits and volumes."""

from typing import Any

from triton_operator.api.enums import Engine
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.runtime import RESERVED_ENV_PREFIX
from triton_operator.manifests import names
from triton_operator.manifests.fetching import container_security
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.service import GRPC_PORT, HTTP_PORT, METRICS_PORT
from triton_operator.planning.completion import left_to_triton
from triton_operator.planning.plan import PoolPlan
from triton_operator.planning.quantities import cpu_quantity, memory_quantity
from triton_operator.triton.probes import (
    LIVENESS,
    STARTUP,
    Probe,
    ShutdownTimes,
    readiness,
)
from triton_operator.triton.server_flags import server_args
from triton_operator.triton.tensorrt_provider import ENGINES_DIR

SERVING_CONTAINER = "triton"
REPOSITORY = "/models"
ENGINES_VOLUME = "engines"
"""Of the pod, so that a container that starts again finds what was compiled. Not shared with other
pods: an engine is code, and one that is half written would end them all."""
POD_UID = f"{RESERVED_ENV_PREFIX}POD_UID"
"""The value that opens restricted endpoints: random, another one in each pod, known to those who
may read the pod, and to none of its clients."""
SHM_MEBIBYTES = 64
"""Docker's own default of /dev/shm; Python stubs take 1 MB per instance and grow."""


def triton_container(
    owner: Owner,
    spec: InferenceServiceSpec,
    facts: ModelFacts,
    plan: PoolPlan,
    times: ShutdownTimes,
    max_http_input_bytes: int | None,
) -> dict[str, Any]:
    """Triton for one model, as planned for one pool."""
    args = server_args(
        plan.release,
        repository=REPOSITORY,
        exit_timeout_seconds=times.exit_timeout_seconds,
        max_http_input_bytes=max_http_input_bytes,
        gpu=plan.pool.is_gpu,
        restriction_value=f"$({POD_UID})",
        complete_configs=facts.repository is None or not left_to_triton(facts.repository.models),
    )
    container: dict[str, Any] = {
        "name": SERVING_CONTAINER,
        "image": plan.image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["tritonserver", *args],
        "ports": [
            {"name": "http", "containerPort": HTTP_PORT, "protocol": "TCP"},
            {"name": "grpc", "containerPort": GRPC_PORT, "protocol": "TCP"},
            {"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"},
        ],
        "resources": _resources(plan),
        "startupProbe": _probe(STARTUP),
        "readinessProbe": _probe(readiness(names.triton_model(owner.name, facts))),
        "livenessProbe": _probe(LIVENESS),
        "lifecycle": {"preStop": {"sleep": {"seconds": times.pre_stop_seconds}}},
        "securityContext": container_security(),
        # Triton refuses a model on standard error and exits: its own words become the reason.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": "models", "mountPath": REPOSITORY, "readOnly": True},
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108  # a path in the pod
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
        ],
    }
    if plan.engine is Engine.TENSORRT:
        container["volumeMounts"].append({"name": ENGINES_VOLUME, "mountPath": ENGINES_DIR})
    container["env"] = [
        {
            "name": POD_UID,
            "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.uid"}},
        },
        *(variable.wire() for variable in spec.runtime.env or ()),
    ]
    return container


def _resources(plan: PoolPlan) -> dict[str, Any]:
    memory = memory_quantity(plan.memory_bytes)
    requests = {"cpu": cpu_quantity(plan.cpu_request_millicores), "memory": memory}
    limits = {"cpu": cpu_quantity(plan.cpu_limit_millicores), "memory": memory}
    if plan.pool.accelerator_resource:
        # Extended resources cannot be overcommitted: request and limit are the same.
        requests[plan.pool.accelerator_resource] = str(plan.accelerators)
        limits[plan.pool.accelerator_resource] = str(plan.accelerators)
    return {"requests": requests, "limits": limits}


def _probe(probe: Probe) -> dict[str, Any]:
    return {
        "httpGet": {"path": probe.path, "port": "http", "scheme": "HTTP"},
        "periodSeconds": probe.period_seconds,
        "timeoutSeconds": probe.timeout_seconds,
        "failureThreshold": probe.failure_threshold,
        "successThreshold": 1,
    }
