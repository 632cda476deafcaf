"""Fields of a spec that this version accepts and does nothing about: said, never ignored."""

from triton_operator.api.enums import (
    MeasurementMode,
    OfflinePolicy,
    Overload,
    PrecisionMode,
    Preference,
    ScalingMode,
    VariantMode,
)
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.variants import Offline
from triton_operator.planning.copies import Standing
from triton_operator.planning.plan import Plan, PoolPlan, spills_over


def unhonored_fields(
    spec: InferenceServiceSpec, plan: Plan | None, *, network_policies: bool = True
) -> list[str]:
    """One sentence per field whose wish is not carried out, with what happens instead."""
    sentences: list[str] = []
    if spec.objective.prefer not in (Preference.COST, Preference.LATENCY):
        sentences.append(
            f"spec.objective.prefer {spec.objective.prefer}: orders the pools, and once the model "
            "is measured it chooses batch size and instances; replicas are as with Cost"
        )
    sentences += _precision(spec, plan)
    sentences += _batching(spec, plan)
    sentences += _scaling(spec)
    sentences += _variants(spec)
    if spec.access.callers is not None and not network_policies:
        sentences.append(
            "spec.access.callers: every pod may call, as this operator makes no NetworkPolicies "
            "(value networkPolicy.enabled of its chart)"
        )
    if plan is not None and plan.standby and spec.hardware.pools and not spills_over(spec):
        sentences.append(
            f"spec.hardware.pools: only {plan.pools[0].pool.name} is used; replicas spill over to "
            f"{', '.join(plan.standby)} in spec.scaling.mode Auto only, where minReplicas is less "
            "than maxReplicas"
        )
    return sentences


def _precision(spec: InferenceServiceSpec, plan: Plan | None) -> list[str]:
    mode = spec.precision.mode
    sentences = []
    idle = _nothing_converts(spec, plan)
    if mode not in (PrecisionMode.AUTO, PrecisionMode.FP32) and idle:
        sentences.append(f"spec.precision.mode {mode}: the model runs in FP32")
    measures = spec.measurement.mode is not MeasurementMode.NEVER
    if idle and spec.model.samples is not None and not measures:
        sentences.append(f"spec.model.samples: not read: nothing is converted, as {idle}")
    compared = plan and any(one.copy for row in plan.pools for one in row.prospects)
    if idle and spec.precision.min_agreement != "0.99" and not compared:
        sentences.append(f"spec.precision.minAgreement: nothing is compared, as {idle}")
    served = plan and any(row.copy for row in plan.pools)
    if idle and spec.precision.store is not None and not served:
        sentences.append(f"spec.precision.store: no copy is kept there, as {idle}")
    return sentences


def _nothing_converts(spec: InferenceServiceSpec, plan: Plan | None) -> str | None:
    """Why no Job makes a copy of the model, whatever comes; None: one may, or has."""
    mode = spec.precision.mode
    if mode is PrecisionMode.FP32:
        rebatched = plan is not None and any(row.prospects for row in plan.pools)
        return None if rebatched else "spec.precision.mode is FP32"
    if mode is PrecisionMode.AUTO:
        if spec.measurement.mode is MeasurementMode.NEVER:
            return "spec.measurement.mode is Never"
        if spec.model.samples is None:
            return "with spec.precision.mode Auto it takes spec.model.samples"
    found = [one for row in plan.pools for one in row.prospects] if plan else []
    if plan and not found:
        return f"only single ONNX models are, and this is a {spec.model.format} model"
    if found and all(one.standing is Standing.IMPOSSIBLE for one in found):
        return found[0].why
    return None


def _batching(spec: InferenceServiceSpec, plan: Plan | None) -> list[str]:
    if plan is None:
        return []
    row = plan.pools[0]
    delay = spec.batching.max_queue_delay_microseconds
    sentences = []
    if delay and not row.dynamic_batching:
        sentences.append(
            f"spec.batching.maxQueueDelayMicroseconds {delay}: requests are not batched, so none "
            "waits for others"
        )
    elif delay and row.queue_timeout_microseconds:
        sentences.append(
            f"spec.batching.maxQueueDelayMicroseconds {delay}: no request waits for others, as "
            "Triton may lose throughput for good where requests are also rejected (server#8870)"
        )
    if spec.batching.overload is Overload.REJECT:
        sentences += _reject(plan)
    return sentences


def _reject(plan: Plan) -> list[str]:
    """A sentence for each reason why requests are queued, with its pools unless it is all."""
    pools: dict[str, list[str]] = {}
    for row in plan.pools:
        if not row.queue_timeout_microseconds:
            pools.setdefault(_why(row), []).append(row.pool.name)
    return [
        "spec.batching.overload Reject: requests are queued"
        f"{'' if len(names) == len(plan.pools) else ' on ' + ', '.join(names)}, as {why}"
        for why, names in pools.items()
    ]


def _why(row: PoolPlan) -> str:
    """Why nothing can be rejected."""
    if row.accelerators > 1:
        return (
            f"Triton's batcher may lose throughput for good with a limit over the "
            f"{row.accelerators} instances of the model; use one accelerator per replica"
        )
    if row.completions and row.max_batch_size > 1:
        return (
            "the model's config.pbtxt decides how they wait; leave out its instance_group and "
            "dynamic_batching, or write a default_queue_policy there"
        )
    return "only a batcher can reject them, and requests are not batched"


def _scaling(spec: InferenceServiceSpec) -> list[str]:
    scaling = spec.scaling
    if scaling.mode is ScalingMode.EXTERNAL:
        if scaling.max_replicas is None and scaling.min_replicas == 1:
            return []
        return ["spec.scaling.minReplicas and maxReplicas: replicas are somebody else's (External)"]
    if scaling.mode is ScalingMode.AUTO and scaling.min_replicas == 0 and scaling.max_replicas:
        return [
            f"spec.scaling.maxReplicas {scaling.max_replicas}: with minReplicas 0 no replica runs, "
            "as nothing tells of requests then; set minReplicas to 1 or more"
        ]
    return []


def _variants(spec: InferenceServiceSpec) -> list[str]:
    policy, offline = spec.variant_policy, spec.offline
    sentences = _offline(spec, offline) if offline else []
    static = policy is None or policy.mode is VariantMode.STATIC
    falls_back = offline is not None and offline.policy is OfflinePolicy.FALLBACK_VARIANT
    if spec.variants and static and not falls_back:
        sentences.append(
            "spec.variants: only spec.model is served, as spec.variantPolicy.mode is Static and "
            "spec.offline names no fallback"
        )
    return sentences


def _offline(spec: InferenceServiceSpec, offline: Offline) -> list[str]:
    sentences = []
    lifts = offline.policy is OfflinePolicy.LOCAL_MAX
    scaling = spec.scaling
    if lifts and (scaling.mode is not ScalingMode.AUTO or scaling.min_replicas == 0):
        sentences.append(
            "spec.offline.policy LocalMax: only replicas that the operator moves have a maximum: "
            "spec.scaling.mode Auto, with minReplicas of 1 or more"
        )
    elif lifts and offline.max_replicas is None:
        sentences.append(
            "spec.offline.policy LocalMax: nothing says how many replicas there may be; a hub "
            "fills in maxReplicas, elsewhere write it"
        )
    if offline.max_replicas is not None and not lifts:
        sentences.append(f"spec.offline.maxReplicas: not read with policy {offline.policy}")
    if offline.fallback_variant and offline.policy is not OfflinePolicy.FALLBACK_VARIANT:
        sentences.append(f"spec.offline.fallbackVariant: not read with policy {offline.policy}")
    return sentences
