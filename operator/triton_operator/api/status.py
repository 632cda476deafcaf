"""The status of an `InferenceService`: what is, and why."""

from pydantic import ConfigDict, Field

from triton_operator.api.conditions import Condition
from triton_operator.api.enums import MetricsFreshness, ModelFormat, Precision
from triton_operator.api.fields import ApiModel, list_map
from triton_operator.api.tensors import Tensor


class Address(ApiModel):
    """Where clients send requests."""

    http: str = Field(max_length=512)
    grpc: str = Field(max_length=512)


class ModelStatus(ApiModel):
    """What is known about the model in use."""

    # `model_*` names are pydantic's own; this API has none of them.
    model_config = ConfigDict(protected_namespaces=())

    uri: str = Field(max_length=2048, description="The source that was inspected.")
    digest: str = Field(max_length=71)
    format: ModelFormat
    inputs: list[Tensor] = Field(
        default_factory=list, max_length=256, json_schema_extra=list_map("name")
    )
    outputs: list[Tensor] = Field(
        default_factory=list, max_length=256, json_schema_extra=list_map("name")
    )
    batchable: bool
    reason: str = Field(max_length=1024, description="Why the model can be batched, or not.")
    parameters: str | None = Field(None, max_length=32, description="How many, such as 3.1M.")


class PoolStatus(ApiModel):
    """One row per pool in the plan."""

    name: str = Field(max_length=63)
    precision: Precision
    max_batch_size: int
    instances: int
    threads: int | None = None
    capacity_per_replica: str | None = Field(
        None, max_length=32, description="Safe rate of one replica, such as 118/s."
    )
    predicted_p99_milliseconds: int | None = Field(None, alias="predictedP99Milliseconds")
    desired_replicas: int
    ready_replicas: int
    reasons: list[str] = Field(
        default_factory=list,
        max_length=32,
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


class ScalingDecision(ApiModel):
    """The last change of replicas, and why."""

    time: str = Field(max_length=32, json_schema_extra={"format": "date-time"})
    from_: int = Field(alias="from")
    to: int
    reason: str = Field(max_length=1024)


class AutoscalingStatus(ApiModel):
    """What the autoscaler sees."""

    arrivals_per_second: str | None = Field(None, max_length=32)
    attainment_percent: str | None = Field(None, max_length=32)
    metrics: MetricsFreshness
    last_decision: ScalingDecision | None = None


class InferenceServiceStatus(ApiModel):
    """Rebuilt from observation at every reconcile."""

    model_config = ConfigDict(protected_namespaces=())

    observed_generation: int
    conditions: list[Condition] = Field(
        default_factory=list, max_length=32, json_schema_extra=list_map("type")
    )
    address: Address | None = None
    model: ModelStatus | None = None
    pools: list[PoolStatus] = Field(
        default_factory=list, max_length=64, json_schema_extra=list_map("name")
    )
    autoscaling: AutoscalingStatus | None = None
    replicas: int = Field(0, description="Replicas that exist, over all pools.")
    ready_replicas: int = Field(0, description="Replicas that are ready, over all pools.")
    desired_replicas: int = Field(0, description="Replicas wanted, over all pools.")
    pool_names: str = Field("", max_length=1024, description="Pools in the plan, joined by commas.")
    selector: str = Field("", max_length=512, description="Label selector of the serving pods.")
