"""Which variant of a service is served and why, and what is known of each."""

from pydantic import Field

from triton_operator.api.enums import ModelFormat
from triton_operator.api.fields import ApiModel, Timestamp


class VariantServed(ApiModel):
    """The variant that is served, or rolled out to be. An operator that restarts goes on here."""

    name: str = Field(max_length=63, description="Its name; primary: spec.model.")
    accuracy: str | None = Field(
        None, max_length=32, description="As the spec declares it. Omitted: it does not."
    )
    since: Timestamp = Field(description="When it was chosen.")
    reason: str = Field(max_length=64, description="Why, in one CamelCase word.")
    message: str = Field(max_length=1024, description="Why, with numbers.")
    serving_since: Timestamp | None = Field(
        None, description="Since when all pods run it. Omitted: it is being rolled out."
    )
    start_replicas: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Replicas that the load needs of it: no fewer are there while it is being "
        "rolled out, within the bounds of spec.scaling. Omitted: not known.",
    )
    missed_windows: int | None = Field(
        None,
        ge=1,
        le=3,
        description="Minutes in a row in which the objective was missed, up to 3. Omitted: none.",
    )
    missed_at: Timestamp | None = Field(None, description="When the last of them was seen.")


class VariantKnown(ApiModel):
    """What is known of one variant."""

    name: str = Field(max_length=63, description="Its name; primary: spec.model.")
    uri: str = Field(max_length=2048, description="Where it is.")
    format: ModelFormat = Field(description="What its bytes are.")
    digest: str | None = Field(
        None, max_length=71, description="sha256 of what was inspected. Omitted: it was not yet."
    )
    predicted_milliseconds: int | None = Field(
        None,
        description="Its latency at the load of now, at the percentile of objective.latency. "
        "Omitted: not known, or without end.",
    )
    problem: str | None = Field(
        None, max_length=1024, description="Why it cannot be served. Omitted: it can."
    )
