"""`InferenceService`: what a user writes, and nothing else."""

from pydantic import ConfigDict, Field

from triton_operator.api.access import Access
from triton_operator.api.copy_store import CopyStore
from triton_operator.api.enums import (
    AcceleratorKind,
    BatchingMode,
    ManagedBy,
    MeasurementMode,
    Overload,
    Percentile,
    PrecisionMode,
    Preference,
    ScalingMode,
)
from triton_operator.api.fields import (
    ApiModel,
    Decimal,
    DnsLabel,
    Quantity,
    cel,
    list_map,
)
from triton_operator.api.ingress import Ingress
from triton_operator.api.model_source import Model
from triton_operator.api.placement import Placement
from triton_operator.api.runtime import Runtime
from triton_operator.api.variants import MOST_VARIANTS, Offline, Variant, VariantPolicy

DEFAULT_LATENCY_MILLISECONDS = 1000
"""Bound used when no latency is stated: throughput first."""
DEFAULT_MAX_REPLICAS = 10


class LatencyObjective(ApiModel):
    """A bound on one percentile of the time from request to answer, as Triton sees it."""

    percentile: Percentile = Field(Percentile.P99, description="Which percentile is bounded.")
    milliseconds: int = Field(ge=1, le=3_600_000, description="The bound, in milliseconds.")


class Objective(ApiModel):
    """The promise to keep."""

    latency: LatencyObjective | None = Field(
        None, description="Omitted: throughput first, with a bound of 1000 ms."
    )
    min_attainment_percent: int = Field(
        99, ge=1, le=100, description="Share of the time in which the objective must hold, in %."
    )
    prefer: Preference = Field(
        Preference.COST, description="Breaks ties between plans that meet the objective."
    )


class Batching(ApiModel):
    """How requests are put together."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "self.mode != 'Fixed' || has(self.maxBatchSize)",
                    "mode Fixed needs maxBatchSize",
                ),
                cel(
                    "self.mode != 'Off' || !has(self.maxBatchSize) || self.maxBatchSize == 1",
                    "mode Off means single requests: omit maxBatchSize, or choose Auto or Fixed",
                ),
            ]
        }
    )

    mode: BatchingMode = Field(
        BatchingMode.AUTO,
        # YAML 1.1, which kubectl reads, takes a bare Off for `false`.
        description="Auto chooses from the model and the objective. "
        'Off: single requests; write "Off", in quotes. Fixed: maxBatchSize.',
    )
    max_batch_size: int | None = Field(
        None, ge=1, le=4096, description="Fixed: exactly this. Auto: an upper bound."
    )
    max_queue_delay_microseconds: int = Field(
        0,
        ge=0,
        le=60_000_000,
        description="How long a request may wait for others to share its batch, in microseconds.",
    )
    overload: Overload = Field(
        Overload.QUEUE,
        description="Queue everything, or reject work that can no longer meet the objective.",
    )


class PrecisionSpec(ApiModel):
    """In which precision the model runs, and how much it may differ from FP32."""

    mode: PrecisionMode = Field(
        PrecisionMode.AUTO, description="Auto takes the fastest verified one."
    )
    min_agreement: Decimal = Field(
        "0.99",
        description="Least agreement with FP32 on the samples, 0 to 1; below it FP32 is kept.",
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("double(self) <= 1.0", "must be between 0 and 1, such as '0.99'")
            ]
        },
    )
    store: CopyStore | None = Field(
        None,
        description="Where converted copies are kept. Omitted: each pod makes its own, or takes "
        "it from spec.model.cacheClaimName.",
    )


class Resources(ApiModel):
    """What one replica asks for, in Kubernetes quantities."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    f"!has(self.{name}) || string(self.{name}).matches('[1-9]')",
                    f"{name} must be greater than 0",
                )
                for name in ("cpu", "memory")
            ]
        }
    )

    cpu: Quantity | None = Field(None, description="Cores, such as 2 or 500m.")
    memory: Quantity | None = Field(None, description="Bytes, such as 4Gi.")


class Hardware(ApiModel):
    """On which pools the service may run."""

    accelerator: AcceleratorKind = Field(
        AcceleratorKind.ANY, description="Any, GPU only or CPU only."
    )
    pools: list[DnsLabel] | None = Field(
        None,
        min_length=1,
        max_length=16,
        description="ServingPools in order of preference; omitted: every matching pool, cheapest "
        "that meets the objective first.",
        json_schema_extra={
            "x-kubernetes-list-type": "atomic",
            "x-kubernetes-validations": [
                cel(
                    "self.all(p, self.exists_one(q, q == p))",
                    "a pool may be named only once",
                )
            ],
        },
    )
    resources: Resources | None = Field(
        None, description="Overrides the planned requests of one replica."
    )
    accelerators_per_replica: int | None = Field(
        None,
        ge=1,
        le=64,
        description="How many accelerators one replica takes on a GPU pool; the model runs on "
        "each. Omitted: as the pool says.",
    )


class Scaling(ApiModel):
    """Who sets the number of replicas, and within which bounds."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "!has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
                    "minReplicas must not be greater than maxReplicas",
                ),
                cel(
                    "self.mode != 'Fixed' || !has(self.maxReplicas) || "
                    "self.minReplicas == self.maxReplicas",
                    "mode Fixed runs minReplicas: omit maxReplicas, or make it equal",
                ),
            ]
        }
    )

    mode: ScalingMode = Field(
        ScalingMode.AUTO,
        description="Auto: by the operator. External: somebody else's. Fixed: minReplicas.",
    )
    min_replicas: int = Field(1, ge=0, le=1000, description="Never fewer than this.")
    max_replicas: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Never more than this; omitted: 10, or minReplicas if that is greater.",
    )


class Measuring(ApiModel):
    """Whether the operator finds out how fast the model is, with a Job on each pool in use."""

    mode: MeasurementMode = Field(
        MeasurementMode.NEVER,
        description="IfUnknown: once the service serves, where no ModelProfile has a measurement. "
        "Never: not at all.",
    )
    budget_seconds: int = Field(
        180,
        ge=10,
        le=3600,
        description="How long the measurements of a model may take on one pool: all ways to run "
        "it there share the time, in equal parts, loading not counted.",
    )


_TENSORRT = cel(
    "!(self.model.format == 'TensorRT' && self.hardware.accelerator == 'CPU')",
    "a TensorRT plan runs on GPUs only: choose hardware.accelerator GPU or Any",
)
_VARIANTS = (
    cel(
        "!has(self.variants) || self.hardware.accelerator != 'CPU' || "
        "self.variants.all(v, v.model.format != 'TensorRT')",
        "a TensorRT plan runs on GPUs only, and so does a variant: choose hardware.accelerator "
        "GPU or Any",
    ),
    cel(
        "!has(self.variantPolicy) || has(self.variants)",
        "variantPolicy chooses among variants: name at least one, or omit it",
    ),
    cel(
        "!has(self.offline) || !has(self.offline.fallbackVariant) || "
        "(has(self.variants) && self.variants.exists(v, v.name == self.offline.fallbackVariant))",
        "offline.fallbackVariant is no name of spec.variants: name one of them",
    ),
)


class ServiceTemplate(ApiModel):
    """What is served and how, wherever that is."""

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [_TENSORRT, *_VARIANTS]}
    )

    model: Model
    variants: list[Variant] | None = Field(
        None,
        min_length=1,
        max_length=MOST_VARIANTS,
        description="Other models for the same requests; variantPolicy and offline say when one "
        "of them is served in place of model.",
        json_schema_extra=list_map("name"),
    )
    variant_policy: VariantPolicy | None = Field(
        None, description="Omitted: mode Static, which serves model."
    )
    objective: Objective = Field(default_factory=Objective)
    batching: Batching = Field(default_factory=Batching)
    precision: PrecisionSpec = Field(default_factory=PrecisionSpec)
    hardware: Hardware = Field(default_factory=Hardware)
    scaling: Scaling = Field(default_factory=Scaling)
    measurement: Measuring = Field(default_factory=Measuring)
    runtime: Runtime = Field(default_factory=Runtime)
    access: Access = Field(default_factory=Access)
    ingress: Ingress | None = Field(
        None, description="How requests from elsewhere get here. Omitted: by the Service alone."
    )
    offline: Offline | None = Field(
        None,
        description="What a cluster of a fleet does while its hub does not answer. Omitted: "
        "nothing changes.",
    )
    paused: bool = Field(False, description="Stop changing anything, keep serving.")


class InferenceServiceSpec(ServiceTemplate):
    """The wish. The smallest useful one has a model; all else has a default worth keeping."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                _TENSORRT,
                *_VARIANTS,
                cel(
                    f"!has(self.placement) || self.managedBy == '{ManagedBy.FLEET}'",
                    f"placement is for a fleet's hub: it needs managedBy {ManagedBy.FLEET}",
                ),
            ]
        }
    )

    managed_by: ManagedBy = Field(
        ManagedBy.OPERATOR,
        description="Who makes something of this object. Of a fleet's, the operator of the cluster "
        "that it is in makes nothing, and writes no status: that is for a hub.",
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "self == oldSelf",
                    "managedBy cannot change: delete the object and create it anew",
                )
            ]
        },
    )
    placement: Placement | None = Field(
        None,
        description="Where in a fleet it is served; read by a hub, for a service that is managed "
        "by the fleet. Omitted there: in every cluster, with the defaults.",
    )
