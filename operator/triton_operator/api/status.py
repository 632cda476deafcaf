"""The status of an `InferenceService`: what is, and why."""

from typing import Annotated

from pydantic import ConfigDict, Field

from triton_operator.api.conditions import Condition
from triton_operator.api.enums import MetricsFreshness, ModelFormat, Precision
from triton_operator.api.fields import ApiModel, Decimal, RequestCount, list_map
from triton_operator.api.placement_status import PlacementStatus
from triton_operator.api.replica_curve import ReplicaCurve
from triton_operator.api.routing import Endpoints
from triton_operator.api.tensors import Tensor
from triton_operator.api.variant_status import VariantKnown, VariantServed
from triton_operator.api.variants import MOST_VARIANTS


class Address(ApiModel):
    """Where clients send requests."""

    http: str = Field(max_length=512, description="URL for HTTP requests.")
    grpc: str = Field(max_length=512, description="Host and port for gRPC requests.")


class ModelStatus(ApiModel):
    """What is known about the model in use."""

    # `model_*` names are pydantic's own; this API has none of them.
    model_config = ConfigDict(protected_namespaces=())

    name: str | None = Field(None, max_length=253, description="Name of the model in requests.")
    uri: str = Field(max_length=2048, description="The source that was inspected.")
    digest: str = Field(max_length=71, description="sha256 of what was inspected.")
    format: ModelFormat
    inputs: list[Tensor] = Field(
        default_factory=list,
        max_length=256,
        description="What goes into the model.",
        json_schema_extra=list_map("name"),
    )
    outputs: list[Tensor] = Field(
        default_factory=list,
        max_length=256,
        description="What comes out of the model.",
        json_schema_extra=list_map("name"),
    )
    batchable: bool = Field(description="Whether requests can share one execution.")
    reason: str = Field(max_length=1024, description="Why the model can be batched, or not.")
    parameters: str | None = Field(None, max_length=32, description="How many, such as 3.1M.")


class PoolStatus(ApiModel):
    """One row per pool in the plan."""

    name: str = Field(max_length=63, description="Name of the ServingPool.")
    precision: Precision = Field(description="Precision that the model runs in.")
    engine: str | None = Field(
        None,
        max_length=64,
        description="What runs the model, as in a ModelProfile: such as onnxruntime.",
    )
    max_batch_size: int = Field(
        description="Triton's max_batch_size; 0: the tensors have no batch axis."
    )
    instances: int = Field(description="Executions at once in one replica.")
    threads: int | None = Field(None, description="Threads of one execution on CPUs.")
    capacity_per_replica: str | None = Field(
        None, max_length=32, description="Safe rate of one replica, such as 118/s."
    )
    predicted_p99_milliseconds: int | None = Field(
        None,
        alias="predictedP99Milliseconds",
        description="Predicted 99th percentile of the latency, in milliseconds.",
    )
    desired_replicas: int = Field(description="Replicas wanted in this pool.")
    ready_replicas: int = Field(description="Replicas ready in this pool.")
    # A sentence may quote the model's own reason, which is up to 1,024 characters long.
    reasons: list[Annotated[str, Field(max_length=2048)]] = Field(
        default_factory=list,
        max_length=32,
        description="Why the plan is as it is, one sentence each.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


class ScalingDecision(ApiModel):
    """The last change of replicas, and why."""

    time: str = Field(
        max_length=32,
        description="When it was decided.",
        json_schema_extra={"format": "date-time"},
    )
    from_: int = Field(alias="from", description="Replicas before.")
    to: int = Field(description="Replicas after.")
    reason: str = Field(max_length=1024, description="Why.")


class AutoscalingStatus(ApiModel):
    """What the autoscaler sees."""

    arrivals_per_second: str | None = Field(
        None, max_length=32, description="Requests per second, over all pools."
    )
    attainment_percent: str | None = Field(
        None, max_length=32, description="Share of requests within the latency objective, in %."
    )
    recent_requests: RequestCount | None = Field(
        None, description="Requests of the last 300 s, those that failed included."
    )
    failed_requests: RequestCount | None = Field(
        None,
        description="How many of these failed, but for those that their clients gave up.",
    )
    latency_source: str | None = Field(
        None,
        max_length=16,
        description="Where latencies come from: histogram, summary (an upper bound) or model.",
    )
    p99_milliseconds: int | None = Field(
        None,
        alias="p99Milliseconds",
        description="Of latencySource summary: no replica's 99th percentile is higher.",
    )
    waiting_requests: int | None = Field(None, description="Requests that wait in all replicas.")
    safe_rate_per_replica: str | None = Field(
        None,
        max_length=32,
        description="Requests per second at which a replica keeps the objective.",
    )
    replica_curve: ReplicaCurve | None = Field(
        None, description="How long a replica takes for a batch. Omitted: not known."
    )
    cold_start_seconds: int | None = Field(
        None, description="From an order to a ready replica, which nine of ten starts keep."
    )
    metrics: MetricsFreshness
    alone_pool: str | None = Field(
        None,
        max_length=63,
        description="The pool whose replicas alone get requests; omitted: those of all pools do.",
    )
    aside_replicas: int | None = Field(
        None,
        description="Replicas that get no new requests until their queue is short; omitted: none.",
    )
    recommended_replicas: int | None = Field(
        None, description="Replicas that the objective needs, within the bounds."
    )
    reasons: list[Annotated[str, Field(max_length=512)]] = Field(
        default_factory=list,
        max_length=16,
        description="Why so many, one sentence each.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    last_decision: ScalingDecision | None = None


class RatioOfSize(ApiModel):
    """Batches of one size in production."""

    batch_size: int = Field(ge=1, le=4096, description="Requests in the batch.")
    ratio: Decimal = Field(description="Their time, divided by the ModelProfile's; such as 1.41.")


class CountedDrift(ApiModel):
    """How far batches were from the ModelProfile when pods were replaced; plans count with it."""

    pool: str = Field(max_length=63, description="Name of the ServingPool.")
    measurement: str = Field(
        pattern=r"^[0-9a-f]{16}$",
        max_length=16,
        description="Mark of the row of the ModelProfile; once that is another, this ends.",
    )
    sizes: list[RatioOfSize] = Field(
        min_length=1,
        max_length=64,
        description="By batch size; between two on a straight line.",
        json_schema_extra=list_map("batchSize"),
    )


class InferenceServiceStatus(ApiModel):
    """Rebuilt from observation at every reconcile."""

    model_config = ConfigDict(protected_namespaces=())

    observed_generation: int = Field(description="Generation of the spec that this describes.")
    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=32,
        description="What is so, what is not, and why. Ready summarises.",
        json_schema_extra=list_map("type"),
    )
    address: Address | None = None
    model: ModelStatus | None = None
    variant: VariantServed | None = Field(
        None, description="Of a service with spec.variants: which of them is served, and why."
    )
    variants: list[VariantKnown] | None = Field(
        None,
        max_length=8,
        description="What is known of each variant, spec.model first.",
        json_schema_extra=list_map("name"),
    )
    pools: list[PoolStatus] = Field(
        default_factory=list,
        max_length=64,
        description="One row per pool in the plan, in order of preference.",
        json_schema_extra=list_map("name"),
    )
    drift: list[CountedDrift] = Field(
        default_factory=list,
        # Of each pool, every model that may be served.
        max_length=64 * (1 + MOST_VARIANTS),
        description="Pools where production was far from the ModelProfile when pods were replaced, "
        "each variant by itself.",
        json_schema_extra=list_map("pool", "measurement"),
    )
    autoscaling: AutoscalingStatus | None = None
    placement: PlacementStatus | None = Field(
        None, description="Of a service that is managed by the fleet: where it is served."
    )
    endpoints: Endpoints = Field(
        default_factory=list,
        description="Of a service that is managed by the fleet: where it answers clients that are "
        "in none of its clusters. The ConfigMap <name>-endpoints has the same rows.",
    )
    replicas: int = Field(0, description="Replicas that exist, over all pools.")
    ready_replicas: int = Field(0, description="Replicas that are ready, over all pools.")
    desired_replicas: int = Field(0, description="Replicas wanted, over all pools.")
    pool_names: str = Field("", max_length=1024, description="Pools in the plan, joined by commas.")
    selector: str = Field("", max_length=512, description="Label selector of the serving pods.")
