"""What is known about a Triton model repository: its models, and what in it executes code."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from triton_operator.api.fields import ApiModel, list_map
from triton_operator.api.tensors import Tensor

MOST_MODELS = 64
ENSEMBLE = "ensemble"
"""Stands as the backend of a model that only says how others are joined."""


class SilentField(StrEnum):
    """A part of config.pbtxt that its author left out, and that the operator may therefore fill."""

    INSTANCE_GROUP = "InstanceGroup"
    SCHEDULING = "Scheduling"
    METRIC_TAGS = "MetricTags"
    THREADS = "Threads"
    TENSORS = "Tensors"


class RepositoryDevice(StrEnum):
    """On what a model asks to run."""

    ANY = "Any"
    GPU = "GPU"
    CPU = "CPU"


class RepositoryModel(ApiModel):
    """One model of the repository, as its config.pbtxt has it."""

    model_config = ConfigDict(protected_namespaces=())

    name: str = Field(
        pattern=r"^[A-Za-z0-9_][-._A-Za-z0-9]*$",
        max_length=128,
        description="Name of the model and of its folder.",
    )
    backend: str = Field(max_length=64, description="Triton backend; ensemble: joins others.")
    max_batch_size: int = Field(
        0, ge=0, le=2_147_483_647, description="As in config.pbtxt; 0: no batch axis."
    )
    inputs: list[Tensor] = Field(
        default_factory=list,
        max_length=256,
        description="Declared inputs, with their batch axis.",
        json_schema_extra=list_map("name"),
    )
    outputs: list[Tensor] = Field(
        default_factory=list,
        max_length=256,
        description="Declared outputs, with their batch axis.",
        json_schema_extra=list_map("name"),
    )
    device: RepositoryDevice = Field(
        RepositoryDevice.ANY, description="What its instance groups ask for."
    )
    silent: list[SilentField] = Field(
        default_factory=list,
        max_length=16,
        description="What config.pbtxt leaves out and the operator may fill.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class RepositoryFacts(ApiModel):
    """The models of a repository."""

    models: list[RepositoryModel] = Field(
        min_length=1,
        max_length=MOST_MODELS,
        description="Every model, by name.",
        json_schema_extra=list_map("name"),
    )
    code: list[Annotated[str, Field(max_length=512)]] = Field(
        default_factory=list,
        max_length=16,
        description="What in the repository executes code, one sentence each.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
