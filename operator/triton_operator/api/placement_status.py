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
    RequestCount,
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


class ClusterUpdate(ApiModel):
    """A cluster that has got the change. What it told before is what it is judged by."""

    name: ClusterName = Field(description="Name of the InferenceCluster.")
    proven: bool = Field(description="Whether it has shown that it does well with the change.")
    revision: int | None = Field(
        None, ge=1, le=MOST_SEQUENCE, description="Revision of the work that brought it."
    )
    started_time: Timestamp | None = Field(
        None, description="Since when it has the change, or is heard of again with it."
    )
    settled_time: Timestamp | None = Field(
        None, description="Since when every pod follows it, and requests are answered."
    )
    attainment_percent_before: Amount | None = Field(
        None, description="Share of requests within the objective before it got the change, in %."
    )
    p99_milliseconds_before: int | None = Field(
        None,
        alias="p99MillisecondsBefore",
        ge=0,
        le=3_600_000,
        description="99th percentile of the latency before it got the change.",
    )
    recent_requests_before: RequestCount | None = Field(
        None, description="Requests of the 300 s before it got the change."
    )
    failed_requests_before: RequestCount | None = Field(
        None, description="How many of these failed."
    )


class FleetRollout(ApiModel):
    """How far a change of what is served is: the hub's memory, which a restart goes on from."""

    template: str = Field(
        pattern=r"^[0-9a-f]{16}$",
        max_length=16,
        description="Hash of what is to be served everywhere.",
    )
    strategy: str = Field(
        pattern=r"^[0-9a-f]{16}$",
        max_length=16,
        description="Hash of spec.placement.strategy: another one tries again what has failed.",
    )
    complete: bool = Field(description="Whether every cluster has it, and does well with it.")
    failed_cluster: ClusterName | None = Field(
        None,
        description="The cluster that ended it. No other one gets it any more: only another "
        "change, or the former template, does.",
    )
    failure: str | None = Field(None, max_length=1024, description="What was wrong there.")
    clusters: list[ClusterUpdate] = Field(
        default_factory=list,
        max_length=MOST_CLUSTERS,
        description="Clusters that have got it, until it is complete.",
        json_schema_extra=list_map("name"),
    )


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
    rollout: FleetRollout | None = Field(
        None, description="Of spec.placement.strategy. Omitted: there is none."
    )
