"""Fields of a spec that this version accepts and does nothing about: said, never ignored."""

from triton_operator.api.enums import Overload, PrecisionMode, Preference, ScalingMode
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.planning.plan import Plan, spills_over


def unhonored_fields(
    spec: InferenceServiceSpec, plan: Plan | None, *, network_policies: bool = True
) -> list[str]:
    """One sentence per field whose wish is not carried out, with what happens instead."""
    sentences: list[str] = []
    if spec.model.samples is not None:
        sentences.append("spec.model.samples: not read, as nothing is verified or measured yet")
    if spec.objective.latency is not None:
        sentences.append("spec.objective.latency: shown, not steered by, until models are measured")
    if spec.objective.min_attainment_percent != 99:
        sentences.append("spec.objective.minAttainmentPercent: not measured yet")
    if spec.objective.prefer is not Preference.COST:
        sentences.append(
            f"spec.objective.prefer {spec.objective.prefer}: orders the pools; batch size and "
            "replicas do not follow it yet"
        )
    if spec.batching.overload is Overload.REJECT:
        sentences.append("spec.batching.overload Reject: requests are queued")
    if spec.precision.mode not in (PrecisionMode.AUTO, PrecisionMode.FP32):
        sentences.append(f"spec.precision.mode {spec.precision.mode}: the model runs in FP32")
    if spec.precision.min_agreement != "0.99":
        sentences.append("spec.precision.minAgreement: nothing is converted, so nothing compared")
    sentences += _batching(spec, plan)
    sentences += _scaling(spec)
    if spec.access.callers is not None and not network_policies:
        sentences.append(
            "spec.access.callers: every pod may call, as this operator makes no NetworkPolicies "
            "(value networkPolicy.enabled of its chart)"
        )
    if plan is not None and plan.standby and spec.hardware.pools and not spills_over(spec):
        sentences.append(
            f"spec.hardware.pools: only {plan.pools[0].pool.name} is used; replicas spill over to "
            f"{', '.join(plan.standby)} in spec.scaling.mode Auto only"
        )
    return sentences


def _batching(spec: InferenceServiceSpec, plan: Plan | None) -> list[str]:
    delay = spec.batching.max_queue_delay_microseconds
    if delay and plan is not None and not any(row.dynamic_batching for row in plan.pools):
        return [
            f"spec.batching.maxQueueDelayMicroseconds {delay}: requests are not batched, so none "
            "waits for others"
        ]
    return []


def _scaling(spec: InferenceServiceSpec) -> list[str]:
    scaling = spec.scaling
    if scaling.mode is ScalingMode.EXTERNAL:
        if scaling.max_replicas is None and scaling.min_replicas == 1:
            return []
        return ["spec.scaling.minReplicas and maxReplicas: replicas are somebody else's (External)"]
    if (
        scaling.mode is ScalingMode.AUTO
        and scaling.max_replicas is not None
        and scaling.max_replicas > scaling.min_replicas
    ):
        return [
            f"spec.scaling.maxReplicas {scaling.max_replicas}: replicas stay at minReplicas "
            f"{scaling.min_replicas}, as load is not observed yet"
        ]
    return []
