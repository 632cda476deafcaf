"""The numbers of an InferenceService's status: address, model, one row per pool."""

from collections.abc import Mapping, Sequence
from typing import Any

from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.status import (
    Address,
    CountedDrift,
    InferenceServiceStatus,
    ModelStatus,
    PoolStatus,
)
from triton_operator.controllers.model_resolution import Resolution
from triton_operator.controllers.observed import Observed
from triton_operator.controllers.rollout import Rollout, wanted_replicas
from triton_operator.controllers.scaling_status import (
    pool_figures,
    scaling_status,
)
from triton_operator.controllers.traffic_wish import pods_aside
from triton_operator.controllers.views import DeploymentView
from triton_operator.manifests import names
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.selectors import selector_text, service_selector
from triton_operator.manifests.service import GRPC_PORT, http_address
from triton_operator.planning.measurements import engine_of
from triton_operator.planning.plan import Plan, PoolPlan
from triton_operator.planning.refusal import Refusal


def service_status(
    observed: Observed,
    owner: Owner,
    spec: InferenceServiceSpec,
    resolution: Resolution,
    plan: Plan | Refusal | None,
    rollout: Rollout,
    counted: Sequence[CountedDrift] = (),
) -> dict[str, Any]:
    """The status without its conditions, as it goes to the API server.

    What was known about the model stays while its new source is inspected and the old one serves.
    """
    deployments = rollout.deployments
    rows = _rows(observed, resolution.facts, plan, deployments)
    status = InferenceServiceStatus(
        observed_generation=observed.service.generation,
        address=_address(owner),
        model=_model(owner, spec, resolution),
        pools=rows,
        drift=list(counted),
        replicas=sum(view.existing for view in deployments.values()),
        ready_replicas=rollout.ready_replicas,
        desired_replicas=sum(row.desired_replicas for row in rows),
        autoscaling=scaling_status(
            observed.scaling, observed.service.status, len(pods_aside(observed.children))
        ),
        pool_names=",".join(row.name for row in rows),
        selector=selector_text(service_selector(owner.name)),
    ).wire()
    previous = observed.service.status
    if resolution.facts is None and previous.get("model"):
        status["model"] = previous["model"]
    if not isinstance(plan, Plan) and previous.get("pools"):
        status["pools"] = _with_ready(previous["pools"], deployments)
        status["poolNames"] = previous.get("poolNames", "")
        status["desiredReplicas"] = sum(row["desiredReplicas"] for row in status["pools"])
    return status


def parameter_text(count: int) -> str:
    """A number of parameters as people say it: 214, 3.1K, 25.6M, 7B."""
    for unit, size in (("T", 10**12), ("B", 10**9), ("M", 10**6), ("K", 10**3)):
        # Half a step below the unit, three digits round up to it: 999,600 is 1M, not 1000K.
        if count >= size * 0.9995:
            return f"{count / size:.3g}{unit}"
    return str(count)


def _address(owner: Owner) -> Address:
    host = f"{owner.name}.{owner.namespace}.svc"
    return Address(http=http_address(owner), grpc=f"{host}:{GRPC_PORT}")


def _model(owner: Owner, spec: InferenceServiceSpec, resolution: Resolution) -> ModelStatus | None:
    facts: ModelFacts | None = resolution.facts
    if facts is None or resolution.digest is None:
        return None
    return ModelStatus(
        name=names.triton_model(owner.name, facts),
        uri=spec.model.uri,
        digest=resolution.digest,
        format=facts.format,
        inputs=facts.inputs,
        outputs=facts.outputs,
        batchable=facts.batchable,
        reason=facts.reason,
        parameters=(
            parameter_text(facts.parameter_count) if facts.parameter_count is not None else None
        ),
    )


def _rows(
    observed: Observed,
    facts: ModelFacts | None,
    plan: Plan | Refusal | None,
    deployments: Mapping[str, DeploymentView],
) -> list[PoolStatus]:
    if not isinstance(plan, Plan):
        return []
    wanted = wanted_replicas(observed, plan)
    return [
        _row(
            observed,
            facts,
            row,
            wanted[names.pool_child(observed.service.name, row.pool.name)],
            deployments.get(row.pool.name),
        )
        for row in plan.pools
    ]


def _row(
    observed: Observed,
    facts: ModelFacts | None,
    row: PoolPlan,
    wanted: int,
    deployment: DeploymentView | None,
) -> PoolStatus:
    capacity, predicted = pool_figures(
        observed.scaling,
        row.pool.name,
        observed.service.status,
        row.measured.safe_rate if row.measured else None,
    )
    return PoolStatus(
        name=row.pool.name,
        precision=row.precision,
        engine=engine_of(facts, row.engine) if facts else None,
        max_batch_size=row.max_batch_size,
        instances=row.instances,
        threads=row.threads,
        capacity_per_replica=capacity,
        predicted_p99_milliseconds=predicted,
        desired_replicas=wanted,
        ready_replicas=deployment.ready if deployment else 0,
        reasons=list(row.reasons),
    )


def _with_ready(
    rows: list[dict[str, Any]], deployments: Mapping[str, DeploymentView]
) -> list[dict[str, Any]]:
    return [
        {
            **row,
            "readyReplicas": deployments[row["name"]].ready if row["name"] in deployments else 0,
        }
        for row in rows
    ]
