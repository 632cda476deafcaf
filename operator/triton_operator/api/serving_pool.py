"""`ServingPool`: a node pool, said once by whoever runs the cluster."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from triton_operator.api.conditions import Condition
from triton_operator.api.enums import Engine, Precision
from triton_operator.api.fields import (
    DOMAIN_PATTERN,
    LABEL_KEY_PATTERN,
    QUALIFIED_NAME_PATTERN,
    ApiModel,
    Decimal,
    ImageName,
    LabelValue,
    Quantity,
    cel,
    list_map,
)
from triton_operator.api.inference_service import Resources

ResourceName = Annotated[
    str, Field(pattern=f"^{DOMAIN_PATTERN}/{QUALIFIED_NAME_PATTERN}$", max_length=253)
]
"""An extended resource: its domain, a slash, its name."""


class Toleration(ApiModel):
    """A taint that pods of this pool tolerate; fields as in a pod."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
                    "a toleration without key tolerates every taint: it needs operator Exists",
                ),
                cel(
                    "!has(self.value) || self.value == '' || !has(self.operator) || "
                    "self.operator != 'Exists'",
                    "operator Exists takes no value: omit it, or choose operator Equal",
                ),
                cel(
                    "!has(self.tolerationSeconds) || "
                    "(has(self.effect) && self.effect == 'NoExecute')",
                    "tolerationSeconds needs effect NoExecute",
                ),
            ]
        }
    )

    key: str | None = Field(
        None, pattern=LABEL_KEY_PATTERN, max_length=317, description="Key of the taint."
    )
    operator: Literal["Exists", "Equal"] | None = Field(
        None, description="Whether any value is tolerated or one; omitted: Equal."
    )
    value: LabelValue | None = Field(None, description="Value of the taint.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        None, description="Effect of the taint; omitted: every effect."
    )
    toleration_seconds: int | None = Field(
        None, description="How long a running pod tolerates a NoExecute taint, in seconds."
    )


class Accelerator(ApiModel):
    """The device that one replica takes."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "!self.resource.startsWith('nvidia.com/mig-') || self.countPerReplica == 1",
                    "a process can use only one MIG device: countPerReplica must be 1",
                ),
                cel(
                    "!has(self.product) || self.product == '' || "
                    "['nvidia.com/', 'amd.com/', 'gpu.intel.com/']"
                    ".exists(vendor, self.resource.startsWith(vendor))",
                    "the label that tells this vendor's products is not known: say it in "
                    "spec.nodeSelector instead",
                ),
            ]
        }
    )

    resource: ResourceName = Field(
        "nvidia.com/gpu",
        description="The extended resource that a replica requests, such as nvidia.com/gpu, "
        "nvidia.com/mig-1g.10gb or amd.com/gpu.",
    )
    count_per_replica: int = Field(
        1, ge=1, le=64, description="How many of it one replica takes; the model runs on each."
    )
    product: LabelValue | None = Field(
        None,
        description="Product of the accelerator, as nodes say it in their label "
        "nvidia.com/gpu.product, amd.com/gpu.product-name or gpu.intel.com/product.",
    )


class MaxPerReplica(Resources):
    """The most that one replica may ask for."""

    accelerators: int | None = Field(
        None, ge=1, le=64, description="How many accelerators; omitted: as many as a node has."
    )


class Cost(ApiModel):
    """What one replica costs."""

    currency: str = Field(
        "USD", pattern=r"^[A-Z]{3}$", max_length=3, description="Currency (ISO 4217)."
    )
    per_replica_hour: Decimal = Field(description="Price of one replica for an hour.")


class Energy(ApiModel):
    """What one replica draws."""

    watts_per_replica: int = Field(
        ge=0, le=100_000, description="Mean power of one replica that serves, in watts."
    )
    grams_co2_per_kwh: int | None = Field(
        None,
        alias="gramsCO2PerKWh",
        ge=0,
        le=10_000,
        description="Carbon intensity of the power here, in grams of CO2 per kWh.",
    )


class ServingPoolSpec(ApiModel):
    """Which nodes, with what, at which price."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "!has(self.image) || has(self.release) || "
                    "self.image.matches('.*:[0-9]{2}[.][0-9]{2}.*')",
                    'say the Triton release beside a private image: release: "26.09"',
                ),
                cel(
                    "!has(self.engines) || has(self.accelerator) || !('TensorRT' in self.engines)",
                    "TensorRT runs on accelerators only: set spec.accelerator, or leave it out",
                ),
                cel(
                    "!has(self.engines) || !has(self.accelerator) || !('OpenVINO' in self.engines)",
                    "Triton's OpenVINO backend runs on CPUs only: leave it out",
                ),
            ]
        }
    )

    node_selector: dict[str, LabelValue] | None = Field(
        None,
        description="Labels of the nodes in this pool; omitted: every node.",
        json_schema_extra={"maxProperties": 32},
    )
    tolerations: list[Toleration] | None = Field(
        None,
        max_length=32,
        description="Taints of the nodes that serving pods tolerate.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    accelerator: Accelerator | None = Field(None, description="Omitted: a CPU pool.")
    image: ImageName | None = Field(
        None, description="Triton image; omitted: the operator's default."
    )
    release: str | None = Field(
        None,
        pattern=r"^[0-9]{2}\.[0-9]{2}$",
        max_length=5,
        description="Triton's release in the image, such as 26.09; omitted: from the image's tag.",
    )
    replica_resources: Resources | None = Field(
        None, description="What one replica asks for; omitted: planned from the model."
    )
    max_per_replica: MaxPerReplica | None = Field(
        None,
        description="The most that one replica may ask for; services that need more go to "
        "another pool. Omitted: as much as a node has.",
    )
    precisions: list[Precision] | None = Field(
        None,
        min_length=1,
        max_length=4,
        description="What the hardware runs well; omitted: from node labels.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    engines: list[Engine] | None = Field(
        None,
        max_length=2,
        description="What may run ONNX models here beside ONNX Runtime's own kernels, where it is "
        "measured to be faster: TensorRT on a GPU pool, OpenVINO on a CPU pool; the image must "
        "have it. With TensorRT each pod compiles for minutes before it serves; OpenVINO computes "
        "in BF16 on CPUs that have it. Omitted: none.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    cost: Cost | None = None
    energy: Energy | None = None
    start_seconds: int | None = Field(
        None, ge=0, le=86_400, description="Prior for a cold start, replaced by what is measured."
    )


class ServingPoolStatus(ApiModel):
    """What the pool's nodes offer."""

    observed_generation: int = Field(description="Generation of the spec that this describes.")
    nodes: int = Field(0, ge=0, description="Nodes in the pool.")
    allocatable: dict[str, Quantity] = Field(
        default_factory=dict,
        description="What the nodes offer to pods, all together.",
        json_schema_extra={"maxProperties": 64},
    )
    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=16,
        description="What is so, what is not, and why. Ready summarises.",
        json_schema_extra=list_map("type"),
    )
