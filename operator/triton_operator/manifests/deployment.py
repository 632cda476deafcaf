"""The Deployment of one pool: fetch the model, check it, serve it."""

import json
from collections.abc import Mapping
from typing import Any

from triton_operator.api import labels
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import ModelFacts
from triton_operator.manifests import names
from triton_operator.manifests.config_map import CONFIG_FILE, config_digest
from triton_operator.manifests.digest_cache import (
    cache_arguments,
    cache_mounts,
    cache_volumes,
)
from triton_operator.manifests.fetching import (
    FETCH_CONTAINER,
    FetchSettings,
    fetch_container,
    format_arguments,
    pod_security,
    source_arguments,
    source_volumes,
)
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.pod_options import pod_identity, pod_metadata
from triton_operator.manifests.scratch_space import models_limit, tmp_limit
from triton_operator.manifests.selectors import pool_selector
from triton_operator.manifests.service import METRICS_PORT
from triton_operator.manifests.spreading import topology_spread
from triton_operator.manifests.triton_container import REPOSITORY, SHM_MEBIBYTES, triton_container
from triton_operator.planning.plan import PoolPlan
from triton_operator.triton.probes import shutdown_times

CONFIG_DIR = "/config"
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
        "metadata": owner.metadata(
            names.pool_child(owner.name, plan.pool.name), {labels.POOL: plan.pool.name}
        ),
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
                    **_placement(plan),
                    "topologySpreadConstraints": topology_spread(selector),
                    **_priority(spec),
                    **pod_identity(spec.runtime, settings),
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": times.grace_period_seconds,
                    "securityContext": pod_security(),
                    "initContainers": [_fetch(owner, spec, digest, facts, plan, settings)],
                    "containers": [
                        triton_container(owner, spec, facts, plan, times, max_http_input_bytes)
                    ],
                    "volumes": [
                        {"name": "models", "emptyDir": {"sizeLimit": models_limit(facts)}},
                        {"name": "tmp", "emptyDir": {"sizeLimit": tmp_limit(facts.files)}},
                        {
                            "name": "shm",
                            "emptyDir": {"medium": "Memory", "sizeLimit": f"{SHM_MEBIBYTES}Mi"},
                        },
                        {
                            "name": "config",
                            "configMap": {
                                "name": names.config_map(
                                    owner.name, plan.pool.name, config_digest(config)
                                )
                            },
                        },
                        *source_volumes(owner.name, spec.model, settings),
                        *cache_volumes(spec.model),
                    ],
                },
            },
        },
    }


def _fetch(
    owner: Owner,
    spec: InferenceServiceSpec,
    digest: str,
    facts: ModelFacts,
    plan: PoolPlan,
    settings: FetchSettings,
) -> dict[str, Any]:
    files = json.dumps([file.wire() for file in facts.files], separators=(",", ":"))
    return fetch_container(
        FETCH_CONTAINER,
        [
            "fetch",
            *source_arguments(spec.model),
            f"--digest={digest}",
            f"--files={files}",
            *_destination(owner, facts),
            f"--max-bytes={settings.max_bytes}",
            f"--timeout-seconds={settings.timeout_seconds}",
            *format_arguments(spec.model, owner.namespace, settings),
            *cache_arguments(spec.model),
        ],
        spec.model,
        settings,
        mounts=[
            {"name": "models", "mountPath": REPOSITORY},
            {"name": "config", "mountPath": CONFIG_DIR, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  # a path in the pod
            *cache_mounts(spec.model),
        ],
        resources=settings.fetch_resources,
    )


def _priority(spec: InferenceServiceSpec) -> dict[str, Any]:
    name = spec.runtime.priority_class_name
    return {"priorityClassName": name} if name else {}


def _destination(owner: Owner, facts: ModelFacts) -> list[str]:
    if facts.repository is not None:
        return [f"--into={REPOSITORY}", f"--completions={CONFIG_DIR}"]
    folder = f"{REPOSITORY}/{names.triton_model(owner.name, facts)}"
    return [
        f"--into={folder}/1",
        f"--config={CONFIG_DIR}/{CONFIG_FILE}",
        f"--config-into={folder}/{CONFIG_FILE}",
    ]


def _rolling_update(plan: PoolPlan) -> dict[str, int]:
    """A new pod first, so that no request fails; unless it would wait for the old one's device."""
    if plan.drains_first:
        return {"maxUnavailable": 1, "maxSurge": 0}
    return {"maxUnavailable": 0, "maxSurge": 1}


def _placement(plan: PoolPlan) -> dict[str, Any]:
    pool = plan.pool
    placement: dict[str, Any] = {}
    if pool.node_selector:
        placement["nodeSelector"] = dict(pool.node_selector)
    if pool.tolerations:
        placement["tolerations"] = [toleration.wire() for toleration in pool.tolerations]
    if pool.avoid_labels:
        placement["affinity"] = {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {
                            "matchExpressions": [
                                {"key": key, "operator": "DoesNotExist"}
                                for key in pool.avoid_labels
                            ]
                        }
                    ]
                }
            }
        }
    return placement
