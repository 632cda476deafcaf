"""The model of a service and where it is: `spec.model`."""

from typing import Annotated

from pydantic import ConfigDict, Field

from triton_operator.api.credentials import CREDENTIALS
from triton_operator.api.enums import Datatype, ModelFormat
from triton_operator.api.fields import (
    ApiModel,
    Digest,
    Endpoint,
    ObjectName,
    cel,
    list_map,
)

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
