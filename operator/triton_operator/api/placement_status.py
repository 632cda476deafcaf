"""Where in a fleet a service is served, as a hub decided: `status.placement`."""

from pydantic import Field

from triton_operator.api.enums import ConnectionState
from triton_operator.api.fields import (
    MOST_CLUSTERS,
    MOST_SEQUENCE,
    Amount,
    ApiModel,
    ClusterName,
    Replicas,
    Timestamp,
    list_map,
)


class PlacedCluster(ApiModel):
    """One cluster's part. Replicas are the cluster's own; demand is in those of the reference.

    A hub that restarts reads need, granted, lastSpill and ceilingInForce here, and bounds and
    weights in the works.
    """

    name: ClusterName = Field(description="Name of the InferenceCluster.")
    state: ConnectionState = Field(description="How much was known of it.")
    floor: Replicas = Field(description="The least that its autoscaler may choose.")
    ceiling: Replicas = Field(description="The most. 0: nothing runs there.")
    ceiling_in_force: Replicas | None = Field(
        None,
        description="The highest ceiling that may be in force there, where that is above ceiling: "
        "the cluster has not told yet that it has a lower one, or no maximum binds it.",
    )
    ready: Replicas = Field(description="Replicas that it told are ready.")
    need: Amount | None = Field(
        None, description="Its own clients' demand, smoothed. Omitted: it never told any."
    )
    granted: Amount | None = Field(None, description="What it is to serve of others' demand.")
    last_spill: Amount | None = Field(
        None, description="What others served of its demand when it was last connected."
    )
    weight_percent: int | None = Field(
        None,
        ge=0,
        le=100,
        description="Share of its own clients' requests that it serves itself, of those that may "
        "leave, in %. Omitted: nothing is served.",
    )
    reason: str = Field("", max_length=1024, description="Why, in sentences with numbers.")


class PlacementStatus(ApiModel):
    """The decision in force, for a service that is managed by the fleet. Written by a hub."""

    revision: int = Field(
        ge=0, le=MOST_SEQUENCE, description="Grows with every decision that changes something."
    )
    decided_at: Timestamp = Field(description="When it was decided.")
    unplaced: Amount = Field(
        description="Demand without a place in the fleet, in replicas of the reference."
    )
    reference_rate: Amount | None = Field(
        None,
        description="Requests per second at which a replica of the reference keeps the objective: "
        "the median of the clusters' own, kept while it fits. Omitted: nobody has told any.",
    )
    clusters: list[PlacedCluster] = Field(
        default_factory=list,
        max_length=MOST_CLUSTERS,
        description="One row per cluster, in the order of filling.",
        json_schema_extra=list_map("name"),
    )
