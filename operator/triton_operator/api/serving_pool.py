"""`ServingPool`: a node pool, said once by whoever runs the cluster."""

from typing import Annotated

from pydantic import ConfigDict, Field

from triton_operator.api.conditions import Condition
from triton_operator.api.enums import Precision
from triton_operator.api.fields import ApiModel, Decimal, Quantity, cel, list_map
from triton_operator.api.inference_service import Resources

LabelValue = Annotated[str, Field(max_length=63)]
ResourceName = Annotated[str, Field(min_length=1, max_length=253)]


class Toleration(ApiModel):
    """A taint that pods of this pool tolerate; fields as in a pod."""

    key: str | None = Field(None, max_length=317)
    operator: str | None = Field(None, json_schema_extra={"enum": ["Exists", "Equal"]})
    value: str | None = Field(None, max_length=63)
    effect: str | None = Field(
        None, json_schema_extra={"enum": ["NoSchedule", "PreferNoSchedule", "NoExecute"]}
    )
    toleration_seconds: int | None = None


class Accelerator(ApiModel):
    """The device that one replica takes."""

    resource: ResourceName = Field(
        "nvidia.com/gpu", description="The extended resource that a replica requests one of."
    )
    product: str | None = Field(
        None, max_length=128, description="Product name, as in nvidia.com/gpu.product."
    )


class Cost(ApiModel):
    """What one replica costs."""

    currency: str = Field("USD", pattern=r"^[A-Z]{3}$", max_length=3)
    per_replica_hour: Decimal


class Energy(ApiModel):
    """What one replica draws."""

    watts_per_replica: int = Field(ge=0, le=100_000)
    grams_co2_per_kwh: int | None = Field(None, alias="gramsCO2PerKWh", ge=0, le=10_000)


class ServingPoolSpec(ApiModel):
    """Which nodes, with what, at which price."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "!has(self.image) || has(self.release) || "
                    "self.image.matches('.*:[0-9]{2}[.][0-9]{2}.*')",
                    "say the Triton release beside a private image: release: \"26.09\"",
                )
            ]
        }
    )

    node_selector: dict[str, LabelValue] | None = Field(
        None,
        description="Labels of the nodes in this pool; omitted: every node.",
        json_schema_extra={"maxProperties": 32},
    )
    tolerations: list[Toleration] | None = Field(
        None, max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )
    accelerator: Accelerator | None = Field(None, description="Omitted: a CPU pool.")
    image: str | None = Field(None, min_length=1, max_length=512, description="Triton image.")
    release: str | None = Field(
        None,
        pattern=r"^[0-9]{2}\.[0-9]{2}$",
        max_length=5,
        description="Triton's release in the image, such as 26.09; omitted: from the image's tag.",
    )
    replica_resources: Resources | None = Field(
        None, description="What one replica asks for; omitted: planned from the model."
    )
    precisions: list[Precision] | None = Field(
        None,
        min_length=1,
        max_length=4,
        description="What the hardware runs well; omitted: from node labels.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    cost: Cost | None = None
    energy: Energy | None = None
    start_seconds: int | None = Field(
        None, ge=0, le=86_400, description="Prior for a cold start, replaced by what is measured."
    )


class ServingPoolStatus(ApiModel):
    """What the pool's nodes offer."""

    observed_generation: int
    nodes: int = Field(0, ge=0)
    allocatable: dict[str, Quantity] = Field(
        default_factory=dict, json_schema_extra={"maxProperties": 64}
    )
    free: dict[str, Quantity] | None = Field(None, json_schema_extra={"maxProperties": 64})
    conditions: list[Condition] = Field(
        default_factory=list, max_length=16, json_schema_extra=list_map("type")
    )
