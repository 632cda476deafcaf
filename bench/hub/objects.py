"""The objects of a run: clusters, services for all of them, and their changes."""

from __future__ import annotations

from typing import Any

from bench.hub.options import Options
from triton_operator.api.enums import ManagedBy
from triton_operator.api.group import API_VERSION, GROUP, VERSION

NAMESPACE = "default"
CLUSTERS = f"/apis/{GROUP}/{VERSION}/inferenceclusters"
SERVICES = f"/apis/{GROUP}/{VERSION}/namespaces/{NAMESPACE}/inferenceservices"
CLOUD_EVERY = 20
"""One member of so many is in a cloud, with room for others' demand; the others are edges."""
EDGE_ROOM, CLOUD_ROOM = 4, 100
EDGE_NEED, CLOUD_NEED = 2.0, 8.0
"""Replicas that a member could run, and that its clients ask for."""
SAFE_RATE = 100.0
"""Requests per second that one replica does within the objective."""
P99_MILLISECONDS = 40
FIRST_MILLISECONDS = 100
"""Of the objective: what a member takes, and what a service asks for first."""

HARDWARE = 4
"""Kinds of it in the fleet: each has its service curve, which a hub solves once."""


def replica_curve(number: int) -> dict[str, int]:
    """Of a member's replicas; at the rates of a run, their queues are short."""
    return {
        "baseMicroseconds": 4000 + 1000 * (number % HARDWARE),
        "perRequestMicroseconds": 1000,
        "maxBatchSize": 8,
        "instances": 1,
    }


def cluster_name(number: int) -> str:
    """Names sort as numbers do."""
    return f"site-{number:04d}"


def service_name(number: int) -> str:
    """Of a service that all clusters have."""
    return f"vision-{number}"


def is_cloud(number: int) -> bool:
    """Whether a member is in a cloud; the first one is in every run."""
    return number % CLOUD_EVERY == 0


def target_suffix(number: int, options: Options) -> str:
    """A whole agent's services are in the hub's own cluster, where each needs its own name."""
    return f"-{number}" if number < options.agents else ""


def inference_cluster(number: int, options: Options, endpoints: str) -> dict[str, Any]:
    """As whoever runs the fleet says it; `endpoints`: the address of all endpoints."""
    name, suffix = cluster_name(number), target_suffix(number, options)
    return {
        "apiVersion": API_VERSION,
        "kind": "InferenceCluster",
        "metadata": {"name": name},
        "spec": {
            "tier": "Cloud" if is_cloud(number) else "Edge",
            "dataPlane": {"url": f"{endpoints}/{name}"},
            "cost": {"perReplicaHour": "1"},
            "heartbeat": {
                "intervalSeconds": options.interval,
                "suspectAfterSeconds": 4 * options.interval,
                "lostAfterSeconds": 20 * options.interval,
                "recoverForSeconds": options.recover,
            },
            **({"targetNameSuffix": suffix} if suffix else {}),
        },
    }


def inference_service(number: int) -> dict[str, Any]:
    """A service that every cluster gets."""
    return {
        "apiVersion": API_VERSION,
        "kind": "InferenceService",
        "metadata": {"name": service_name(number), "namespace": NAMESPACE},
        "spec": {
            "managedBy": ManagedBy.FLEET.value,
            "model": {"uri": "pvc://models/magika/model.onnx"},
            **objective(FIRST_MILLISECONDS),
            "scaling": {"maxReplicas": CLOUD_ROOM},
            "placement": {"spillAt": "0.9"},
        },
    }


def objective(milliseconds: int) -> dict[str, Any]:
    """The part of a service's spec that is edited; a work tells by it which edit it is of."""
    return {"objective": {"latency": {"percentile": "P99", "milliseconds": milliseconds}}}


def milliseconds_of(work: dict[str, Any]) -> int:
    """Which edit a work is of."""
    return int(work["spec"]["template"]["objective"]["latency"]["milliseconds"])
