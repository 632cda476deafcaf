"""All children of a service that has a plan."""

from collections.abc import Collection
from typing import Any

from triton_operator.api.copy_store import CopyStore
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.model_source import Model
from triton_operator.manifests import names
from triton_operator.manifests.companions import NO_COMPANIONS, Companions
from triton_operator.manifests.config_map import model_config_map
from triton_operator.manifests.deployment import pool_deployment
from triton_operator.manifests.disruption_budget import disruption_budget, wants_budget
from triton_operator.manifests.fetching import FetchSettings
from triton_operator.manifests.network_policy import network_policy
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.pod_monitor import pod_monitor
from triton_operator.manifests.pool_configs import pool_configs
from triton_operator.manifests.request_size import max_http_input_bytes
from triton_operator.manifests.samples_fetch import samples_source
from triton_operator.manifests.service import service_of_pool, service_over_all
from triton_operator.manifests.trust import trust_config_map, trust_is_needed
from triton_operator.planning.plan import Plan


def desired_children(
    owner: Owner,
    spec: InferenceServiceSpec,
    digest: str,
    facts: ModelFacts,
    plan: Plan,
    settings: FetchSettings,
    scaled_by_others: Collection[str] = (),
    companions: Companions = NO_COMPANIONS,
    alone: str | None = None,
    by_traffic: bool = True,
) -> list[dict[str, Any]]:
    """The objects in the order in which they are written: what a pod needs comes before it.

    `scaled_by_others` are the Deployments whose replicas an autoscaler of somebody else sets. Only
    pods of the pool `alone` get requests; None: those of every pool do. `by_traffic`: every serving
    pod that there is says by its label whether it gets new ones, so Services can go by it.
    """
    children: list[dict[str, Any]] = []
    if companions.policies:
        # First, so that no pod is ever open.
        children.append(network_policy(owner, spec.access, companions.policies))
    in_use = {row.pool.name for row in plan.pools}
    several = len(in_use) > 1
    for row in plan.pools:
        config = pool_configs(owner, facts, row)
        children.append(model_config_map(owner, row.pool.name, config))
        children.append(
            pool_deployment(
                owner,
                spec,
                digest,
                facts,
                row,
                config,
                max_http_input_bytes(facts, row.max_batch_size),
                settings,
            )
        )
        if several:
            # With one pool it would have the same pods as the Service over all, and an address
            # costs the API server more than anything else in a burst (docs/performance.md).
            children.append(service_of_pool(owner, row.pool.name, by_traffic=by_traffic))
        deployment = names.pool_child(owner.name, row.pool.name)
        managed = plan.replicas.managed and deployment not in scaled_by_others
        if wants_budget(plan.replicas.maximum if managed else None):
            children.append(disruption_budget(owner, row.pool.name))
    alone = alone if several and alone in in_use else None
    children.append(service_over_all(owner, alone, by_traffic=by_traffic))
    if companions.monitors:
        children.append(pod_monitor(owner, companions.monitors))
    return children


def children_of_fetching(
    owner: Owner, model: Model, settings: FetchSettings, store: CopyStore | None = None
) -> list[dict[str, Any]]:
    """What inspection Jobs and fetch containers need beside their pod; written before them.

    `store` is that of the model's copies.
    """
    samples = samples_source(model)
    addresses = [model.uri, *([samples.uri] if samples else []), *([store.uri] if store else [])]
    if settings.ca_bundle and any(trust_is_needed(settings.ca_bundle, uri) for uri in addresses):
        return [trust_config_map(owner, settings.ca_bundle)]
    return []
