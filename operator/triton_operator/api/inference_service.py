"""`InferenceService`: what a user writes, and nothing else."""

from typing import Annotated

from pydantic import ConfigDict, Field

from triton_operator.api.access import Access
from triton_operator.api.credentials import CREDENTIALS
from triton_operator.api.enums import (
    AcceleratorKind,
    BatchingMode,
    Datatype,
    MeasurementMode,
    ModelFormat,
    Overload,
    Percentile,
    PrecisionMode,
    Preference,
    ScalingMode,
)
from triton_operator.api.fields import (
    ApiModel,
    Decimal,
    Digest,
    DnsLabel,
    Endpoint,
    ObjectName,
    Quantity,
    cel,
    list_map,
)
from triton_operator.api.runtime import Runtime

DEFAULT_LATENCY_MILLISECONDS = 1000
"""Bound used when no latency is stated: throughput first."""
DEFAULT_MAX_REPLICAS = 10
WITH_ENDPOINT = "s3|gs|abfs|hf"
SCHEMES = "pvc|https|s3|gs|abfs|hf|oci"

ModelUri = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2048,
        description=(
            "Where the model is: pvc://CLAIM/PATH, https://, s3://, gs://, abfs://, "
            "hf://ORG/REPO/FILE@REVISION or oci://REPOSITORY@sha256:DIGEST. "
            "A path of the node (file:) is refused."
        ),
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    rf"self.matches('^({SCHEMES})://[^/?#]+/?[^?#]*([?].*)?$')",
                    "must be a pvc://, https://, s3://, gs://, abfs://, hf:// or oci:// address; "
                    "for a file on disk use a PersistentVolumeClaim: pvc://CLAIM/PATH",
                ),
                cel(
                    "!self.startsWith('pvc://') || self.matches('^pvc://[a-z0-9.-]+/.+$')",
                    "pvc:// needs a claim and a path inside it: pvc://CLAIM/PATH",
                ),
                cel(
                    "!self.contains('/../') && !self.endsWith('/..')",
                    "must not contain '..'",
                ),
                cel(
                    f"!self.matches('^({CREDENTIALS})')",
                    "must have no credentials in it, everybody may read it: put them into a "
                    "Secret, and name that in spec.model.secretName",
                ),
                cel(
                    "!self.matches('^(s3|gs|abfs)://') || self.matches('^[a-z0-9]+://[^/]+/.+$')",
                    "s3://, gs:// and abfs:// need a path after the bucket: s3://BUCKET/KEY",
                ),
                cel(
                    "!self.startsWith('hf://') || self.matches('^hf://[^/]+/[^/]+/.+@[^@/]+$')",
                    "hf:// needs a file and a revision: hf://ORG/REPO/FILE@REVISION",
                ),
                cel(
                    "!self.startsWith('oci://') || self.matches('^oci://.+@sha256:[0-9a-f]{64}$')",
                    "oci:// needs a digest: oci://REPOSITORY@sha256:DIGEST",
                ),
            ]
        },
    ),
]


Axis = Annotated[
    int,
    Field(
        ge=-1,
        le=2_147_483_647,
        json_schema_extra={
            "x-kubernetes-validations": [cel("self != 0", "an axis has a length, or -1 for any")]
        },
    ),
]


class Samples(ApiModel):
    """Real inputs of the model, used to verify precision and to measure."""

    uri: ModelUri


DECLARED_FORMATS = (ModelFormat.TENSORRT, ModelFormat.OPENVINO, ModelFormat.TORCHSCRIPT)
"""Formats whose files are not parsed: `inputs` and `outputs` say what they take and give."""

_DECLARED = f"self.format in {[str(name) for name in DECLARED_FORMATS]}"


class DeclaredTensor(ApiModel):
    """One input or output of a model whose file is not parsed."""

    name: str = Field(
        pattern=r"^[!-~]+$", max_length=128, description="Name of the tensor in the model."
    )
    datatype: Datatype = Field(description="Type of its values, as Triton names it.")
    shape: list[Axis] = Field(
        min_length=1,
        max_length=16,
        description="One entry per axis, the batch axis included and first; -1: any length.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


class Model(ApiModel):
    """The model and where it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    f"!({_DECLARED}) || (has(self.inputs) && has(self.outputs))",
                    "a TensorRT, OpenVINO or TorchScript model needs its inputs and outputs",
                ),
                cel(
                    f"{_DECLARED} || "
                    "!(has(self.inputs) || has(self.outputs) || has(self.maxBatchSize))",
                    "inputs, outputs and maxBatchSize are read from the model itself: omit them",
                ),
                cel(
                    "!has(self.maxBatchSize) || self.maxBatchSize == 0 || "
                    "(has(self.inputs) && has(self.outputs) && "
                    "self.inputs.all(t, t.shape[0] == -1) && "
                    "self.outputs.all(t, t.shape[0] == -1))",
                    "maxBatchSize needs a batch axis: every shape of inputs and outputs has to "
                    "begin with -1",
                ),
                cel(
                    "self.format != 'TorchScript' || !has(self.outputs) || "
                    "self.outputs.all(t, t.name.matches('^.+__[0-9]+$'))",
                    "outputs of TorchScript have no names: call them NAME__0, NAME__1 … in the "
                    "order in which forward() returns them",
                ),
                cel(
                    "!has(self.entryModel) || self.format == 'TritonRepository'",
                    "entryModel belongs to format TritonRepository",
                ),
                cel(
                    rf"!has(self.endpoint) || self.uri.matches('^({WITH_ENDPOINT})://')",
                    "endpoint is for s3://, gs://, abfs:// and hf://; "
                    "other addresses name their host themselves: omit endpoint",
                ),
            ]
        }
    )

    uri: ModelUri
    format: ModelFormat = Field(ModelFormat.ONNX, description="What the model's bytes are.")
    digest: Digest | None = Field(
        None,
        description=(
            "Optional pin: sha256 of the model file, checked before anything reads it. "
            "With external data: sha256 of the `sha256sum` listing of all files, sorted by path."
        ),
    )
    entry_model: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_][-._A-Za-z0-9]*$",
        max_length=128,
        description="TritonRepository: the model that clients call. Omitted: the only model, or "
        "the only ensemble.",
    )
    inputs: list[DeclaredTensor] | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="TensorRT, OpenVINO and TorchScript: what goes into the model.",
        json_schema_extra=list_map("name"),
    )
    outputs: list[DeclaredTensor] | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="TensorRT, OpenVINO and TorchScript: what comes out of the model.",
        json_schema_extra=list_map("name"),
    )
    max_batch_size: int | None = Field(
        None,
        ge=0,
        le=4096,
        description="TensorRT, OpenVINO and TorchScript: the largest batch that the model takes. "
        "0 or omitted: axis 0 is no batch axis.",
    )
    secret_name: ObjectName | None = Field(
        None,
        description="Secret with the store's credentials; mounted by the pod, never read by the "
        "operator.",
    )
    endpoint: Endpoint | None = Field(
        None,
        description="Where the store of an s3://, gs://, abfs:// or hf:// address answers, if not "
        "at its usual address.",
    )
    cache_claim_name: ObjectName | None = Field(
        None,
        description="PersistentVolumeClaim that keeps fetched files by digest, so that pods "
        "restart without the network. Several pods write to it, possibly on several nodes.",
    )
    samples: Samples | None = Field(
        None, description="An .npz of real inputs, to verify precision and to measure."
    )


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
        180, ge=10, le=3600, description="How long one measurement may take, loading not counted."
    )


class InferenceServiceSpec(ApiModel):
    """The wish. The smallest useful one has a model; all else has a default worth keeping."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "!(self.model.format == 'TensorRT' && self.hardware.accelerator == 'CPU')",
                    "a TensorRT plan runs on GPUs only: choose hardware.accelerator GPU or Any",
                )
            ]
        }
    )

    model: Model
    objective: Objective = Field(default_factory=Objective)
    batching: Batching = Field(default_factory=Batching)
    precision: PrecisionSpec = Field(default_factory=PrecisionSpec)
    hardware: Hardware = Field(default_factory=Hardware)
    scaling: Scaling = Field(default_factory=Scaling)
    measurement: Measuring = Field(default_factory=Measuring)
    runtime: Runtime = Field(default_factory=Runtime)
    access: Access = Field(default_factory=Access)
    paused: bool = Field(False, description="Stop changing anything, keep serving.")
