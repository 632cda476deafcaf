"""`ModelProfile`: what is known about a model, so that it is found out once."""

from typing import Annotated

from pydantic import ConfigDict, Field

from triton_operator.api.conversion_method import Method
from triton_operator.api.enums import MeasurementEnd, MeasurementSource, ModelFormat, Precision
from triton_operator.api.fields import ApiModel, Decimal, Digest, Quantity, cel, list_map
from triton_operator.api.repository import RepositoryFacts
from triton_operator.api.tensors import Tensor


class ModelFile(ApiModel):
    """One file of the model; the first row is the model itself, the others lie beside it.

    A repository has a row for each file, or one for its archive.
    """

    path: str = Field(
        min_length=1, max_length=512, description="Relative to the folder of the model file."
    )
    digest: Digest = Field(description="sha256 of the file.")
    size_bytes: int = Field(ge=0, description="Size of the file.")


class ModelFacts(ApiModel):
    """What an inspection found."""

    model_config = ConfigDict(protected_namespaces=())

    format: ModelFormat
    inputs: list[Tensor] = Field(
        default_factory=list,
        max_length=256,
        description="What goes into the model; empty where only spec.model can say it.",
        json_schema_extra=list_map("name"),
    )
    outputs: list[Tensor] = Field(
        default_factory=list,
        max_length=256,
        description="What comes out of the model; empty where only spec.model can say it.",
        json_schema_extra=list_map("name"),
    )
    batchable: bool = Field(
        description="Whether axis 0 of every input and output is a batch dimension."
    )
    reason: str = Field(min_length=1, max_length=1024, description="Why batchable, or why not.")
    opset: int | None = Field(None, ge=1, description="Version of the default operator set.")
    ir_version: int | None = Field(None, ge=1, description="Version of ONNX' file format.")
    parameter_count: int | None = Field(None, ge=0, description="Numbers in all weights.")
    size_bytes: int = Field(ge=0, description="Of all files together.")
    files: list[ModelFile] = Field(
        min_length=1,
        max_length=256,
        description="The model file first, then what lies beside it.",
        json_schema_extra=list_map("path"),
    )
    max_batch_size: int | None = Field(
        None, ge=0, description="Largest batch that the model takes; omitted: not bounded."
    )
    repository: RepositoryFacts | None = Field(
        None, description="The models of a TritonRepository."
    )
    tool_versions: dict[str, Annotated[str, Field(max_length=128)]] = Field(
        default_factory=dict,
        description="Versions of what inspected the model.",
        json_schema_extra={"maxProperties": 16},
    )


class PoolHardware(ApiModel):
    """What a measurement ran on."""

    product: str | None = Field(None, max_length=128, description="GPU product.")
    cpu: str | None = Field(None, max_length=128, description="CPU model.")
    triton_release: str | None = Field(None, max_length=16, description="Such as 26.09.")


class BatchLatency(ApiModel):
    """Time of one execution of a batch."""

    batch_size: int = Field(ge=1, le=4096, description="Requests in the batch.")
    milliseconds: Decimal = Field(description="Median time of the execution, in milliseconds.")


class Measurement(ApiModel):
    """Numbers of one way to run the model on one kind of hardware."""

    precision: Precision
    method: str | None = Field(
        None,
        max_length=32,
        description="DynamicBatch: of the copy that takes any batch, of a model whose batch is "
        "fixed at 1; omitted: of the model as it is stored, or of its copy in that precision.",
    )
    engine: str = Field(
        max_length=64,
        description="The backend of Triton, such as onnxruntime; onnxruntime-tensorrt where that "
        "runs its TensorRT provider.",
    )
    hardware: PoolHardware
    instances: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="Executions at once on each accelerator of the replica, or on its CPUs; "
        "omitted: one.",
    )
    threads: int | None = Field(
        None, ge=1, le=4096, description="Threads of one execution on CPUs."
    )
    latency: list[BatchLatency] = Field(
        default_factory=list,
        max_length=32,
        description="Time per batch size.",
        json_schema_extra=list_map("batchSize"),
    )
    ended: MeasurementEnd | None = Field(
        None,
        description="Why no larger batch was measured: MaxBatchSize (of who measured), Objective "
        "(of who measured: the last one took longer), Slower (larger ones get fewer requests "
        "done), Failed (the next one did) or Budget (the time was up); omitted: not known.",
    )
    refusal: str | None = Field(
        None,
        min_length=1,
        max_length=1024,
        description="Why the model does not run in this way at all; without latency then.",
    )
    throughput: Decimal | None = Field(
        None,
        description="Requests per second that a replica does where more always wait, with one "
        "accelerator, or with the CPUs of all instances' threads.",
    )
    memory: Quantity | None = Field(None, description="Most memory that the replica used.")
    agreement: Decimal | None = Field(
        None,
        description="Agreement with FP32, 0 to 1.",
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("double(self) <= 1.0", "must be between 0 and 1, such as '0.99'")
            ]
        },
    )
    samples_digest: Digest | None = Field(
        None,
        description="sha256 of the samples' file that it was measured on; omitted: made-up inputs.",
    )
    copy_digest: Digest | None = Field(
        None,
        description="Of the copy that was measured, or refused; omitted: the model as it is "
        "stored, or whichever copy there is.",
    )
    source: MeasurementSource
    time: str = Field(
        max_length=32,
        description="When it was measured or declared.",
        json_schema_extra={"format": "date-time"},
    )

    @property
    def rebatched(self) -> bool:
        """Whether it is of the copy that takes any batch."""
        return self.method == Method.DYNAMIC_BATCH


class Conversion(ApiModel):
    """A copy of the model and how it compares, or why there is none: in another precision, or in
    FP32 for batches of any size."""

    model_config = ConfigDict(protected_namespaces=())

    precision: Precision
    method: str | None = Field(
        None,
        max_length=32,
        description="Such as INT8Dynamic, or DynamicBatch in FP32; omitted: none was tried.",
    )
    tool_versions: dict[str, Annotated[str, Field(max_length=128)]] = Field(
        default_factory=dict,
        description="Versions of what converts: others may make another copy, or make one at all.",
        json_schema_extra={"maxProperties": 16},
    )
    ranges: str | None = Field(
        None,
        max_length=2048,
        description="INT8Static: the largest magnitude of each activation on the samples, as "
        "bfloat16 in Base64, in the order of their names.",
    )
    digest: Digest | None = Field(
        None, description="sha256 of the copy, as of a model; omitted: there is none."
    )
    files: list[ModelFile] = Field(
        default_factory=list,
        max_length=8,
        description="The copy's model file first, then what lies beside it.",
        json_schema_extra=list_map("path"),
    )
    refusal: str | None = Field(
        None,
        max_length=1024,
        description="Why there is no copy, or why it is not used whatever its agreement is.",
    )
    store_failure: str | None = Field(
        None,
        max_length=1024,
        description="Why the copy could not be put into spec.precision.store of the service whose "
        "Job made it; omitted: it is there, or nobody named a store.",
    )
    store_source: Digest | None = Field(
        None,
        description="sha256 of the address of the store that storeFailure is about. Services with "
        "another one hear nothing of it.",
    )
    agreement: Decimal | None = Field(
        None,
        description="Share of the rows compared that the copy answers as FP32 does, 0 to 1; of "
        "DynamicBatch always 1, as no row may differ.",
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("double(self) <= 1.0", "must be between 0 and 1, such as '0.99'")
            ]
        },
    )
    rows: int | None = Field(None, ge=0, description="How many rows were compared.")
    batch_size: int | None = Field(
        None,
        ge=2,
        description="How many rows shared a batch where the copy agreed least, of DynamicBatch at "
        "most; omitted: none did.",
    )
    samples_digest: Digest | None = Field(
        None, description="sha256 of the samples that were compared; omitted: made-up inputs."
    )
    samples_source: Digest | None = Field(
        None,
        description="sha256 of the address that `spec.model.samples.uri` had. For services with "
        "samples at another one the row is a smoke test; omitted: it counts for all.",
    )
    time: str = Field(
        max_length=32,
        description="When it was made.",
        json_schema_extra={"format": "date-time"},
    )

    @property
    def size_bytes(self) -> int:
        """Of all files of the copy together."""
        return sum(file.size_bytes for file in self.files)

    @property
    def rebatched(self) -> bool:
        """Whether it takes any batch, of a model whose batch is fixed at 1."""
        return self.method == Method.DYNAMIC_BATCH


class ModelProfileSpec(ApiModel):
    """Facts, measurements and conversions of the model with one digest."""

    model_config = ConfigDict(protected_namespaces=())

    digest: Digest = Field(description="sha256 of the model, as `spec.model.digest` of a service.")
    facts: ModelFacts | None = Field(
        None, description="What an inspection found; omitted: the operator inspects."
    )
    measurements: list[Measurement] = Field(
        default_factory=list,
        max_length=256,
        description="One row per precision, engine and hardware.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    conversions: list[Conversion] = Field(
        default_factory=list,
        max_length=96,
        description="One row per precision, method and samples.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
