"""Other models that may be served in place of `spec.model`, and what an edge does on its own."""

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from triton_operator.api.enums import OfflinePolicy, VariantMode
from triton_operator.api.fields import ApiModel, Decimal, DnsLabel, cel
from triton_operator.api.model_source import Model

PRIMARY = "primary"
"""What `spec.model` is called among variants."""
MOST_VARIANTS = 4
_SHARE: JsonDict = {
    "x-kubernetes-validations": [
        cel("double(self) <= 1.0", "must be between 0 and 1, such as '0.78'")
    ]
}


class Variant(ApiModel):
    """Another model for the same requests: smaller and less accurate, or the other way round."""

    name: DnsLabel = Field(
        description="What it is called in status.variant.",
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    f"self != '{PRIMARY}'",
                    f"{PRIMARY} is what spec.model is called: choose another name",
                )
            ]
        },
    )
    model: Model = Field(
        description="The model and where it is. It takes and gives what spec.model does."
    )
    accuracy: Decimal = Field(
        description="How good its answers are, 0 to 1, by whatever measure you compare them with. "
        "It is believed, not measured.",
        json_schema_extra=_SHARE,
    )


class VariantPolicy(ApiModel):
    """Which of the variants is served."""

    mode: VariantMode = Field(
        VariantMode.STATIC,
        description="Static: spec.model. Slo: the most accurate that keeps objective.latency.",
    )
    primary_accuracy: Decimal | None = Field(
        None,
        description="Accuracy of spec.model. Omitted: it counts as the most accurate.",
        json_schema_extra=_SHARE,
    )
    dwell_seconds: int = Field(
        600,
        ge=60,
        le=86_400,
        description="Slo: for so long after a change nothing more accurate is served.",
    )


class Offline(ApiModel):
    """What a cluster of a fleet does while its hub does not answer; read where an agent runs."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    f"self.policy != '{OfflinePolicy.FALLBACK_VARIANT}' || "
                    "has(self.fallbackVariant)",
                    "policy FallbackVariant needs fallbackVariant, the name of one of "
                    "spec.variants",
                ),
            ]
        }
    )

    policy: OfflinePolicy = Field(
        OfflinePolicy.LAST_KNOWN,
        description="LastKnown: nothing changes. LocalMax: up to offline.maxReplicas. "
        "FallbackVariant: fallbackVariant is served.",
    )
    after_seconds: int = Field(
        300,
        ge=60,
        le=604_800,
        description="How long the hub has not answered by then. It ends once the hub has answered "
        "without a break for two minutes.",
    )
    max_replicas: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="LocalMax: in place of scaling.maxReplicas, where it is more. Omitted at a "
        "hub: what scaling.maxReplicas is there, before the hub divides replicas over clusters.",
    )
    fallback_variant: str | None = Field(
        None, max_length=63, description="FallbackVariant: the name of one of spec.variants."
    )
