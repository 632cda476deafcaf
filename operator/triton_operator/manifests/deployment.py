"""The Deployment of one pool: fetch the model, check it, serve it."""

from collections.abc import Mapping
from typing import Any

from triton_operator.api import labels
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import ModelFacts
from triton_operator.manifests import names
from triton_operator.manifests.config_map import config_digest
from triton_operator.manifests.fetching import FetchSettings, pod_security
from triton_operator.manifests.model_pod import (
    model_containers,
    placement,
    priority,
    serving_volumes,
)
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.pod_options import pod_identity, pod_metadata
from triton_operator.manifests.selectors import pool_selector
from triton_operator.manifests.service import METRICS_PORT
from triton_operator.manifests.spreading import topology_spread
from triton_operator.manifests.triton_container import triton_container
from triton_operator.planning.plan import PoolPlan
from triton_operator.triton.probes import shutdown_times

PROGRESS_DEADLINE_SECONDS = 1800
"""A large model takes a while to fetch and load; after this a rollout is reported as stuck."""


def pool_deployment(
    owner: Owner,
    spec: InferenceServiceSpec,
    digest: str,
    facts: ModelFacts,
    plan: PoolPlan,
    config: Mapping[str, str],
    max_http_input_bytes: int | None,
    settings: FetchSettings,
) -> dict[str, Any]:
    """The Deployment, without `replicas`: those are written through the scale subresource only."""
    times = shutdown_times(plan.longest_request_seconds)
    selector = pool_selector(owner.name, plan.pool.name)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(owner, plan),
        "spec": {
            "selector": {"matchLabels": selector},
            "revisionHistoryLimit": 2,
            "progressDeadlineSeconds": PROGRESS_DEADLINE_SECONDS,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": _rolling_update(plan),
            },
            "template": {
                "metadata": pod_metadata(
                    spec.runtime,
                    owner.labels({**selector, labels.TRAFFIC: labels.OPEN}),
                    {
                        labels.CONFIG_HASH: config_digest(config)[:16],
                        labels.PROMETHEUS_SCRAPE: "true",
                        labels.PROMETHEUS_PORT: str(METRICS_PORT),
                        labels.PROMETHEUS_PATH: "/metrics",
                    },
                ),
                "spec": {
                    **placement(plan),
                    "topologySpreadConstraints": topology_spread(selector),
                    **priority(spec),
                    **pod_identity(spec.runtime, settings),
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": times.grace_period_seconds,
                    "securityContext": pod_security(),
                    "initContainers": model_containers(owner, spec, digest, facts, plan, settings),
                    "containers": [
                        triton_container(owner, spec, facts, plan, times, max_http_input_bytes)
                    ],
                    "volumes": serving_volumes(owner, spec, facts, plan, config, settings),
                },
            },
        },
    }


def _metadata(owner: Owner, plan: PoolPlan) -> dict[str, Any]:
    metadata = owner.metadata(
        names.pool_child(owner.name, plan.pool.name), {labels.POOL: plan.pool.name}
    )
    if plan.memory_stated:
        # Not on the pod template: whose the memory is replaces no pod.
        metadata["annotations"] = {labels.STATED_MEMORY: "true"}
    return metadata


def _rolling_update(plan: PoolPlan) -> dict[str, int]:
    """A new pod first, so that no request fails; unless it would wait for the old one's device."""
    if plan.drains_first:
        return {"maxUnavailable": 1, "maxSurge": 0}
    return {"maxUnavailable": 0, "maxSurge": 1}
