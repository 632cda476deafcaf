"""The status of an `InferenceCluster`: what the hub concludes, and what its agent tells.

The agent is not trusted: every value has a bound. Access rights cannot tell fields of a status
apart, so the hub writes its own again where they are not what it wrote.
"""

from pydantic import Field

from triton_operator.api.conditions import Condition
from triton_operator.api.enums import ConnectionReason, ConnectionState
from triton_operator.api.fields import (
    LABEL_KEY_PATTERN,
    MOST_SEQUENCE,
    ApiModel,
    ClusterName,
    LabelValue,
    Quantity,
    Timestamp,
    list_map,
)
from triton_operator.api.inference_cluster import MOST_TAKEN

MOST_RTT_MILLISECONDS = 60_000


class ResourceCapacity(ApiModel):
    """One resource of the cluster's nodes."""

    resource: str = Field(
        pattern=LABEL_KEY_PATTERN,
        max_length=253,
        description="Such as cpu or nvidia.com/gpu.",
    )
    allocatable: Quantity = Field(description="What the nodes offer to pods, all together.")


class PeerNetwork(ApiModel):
    """The way to another cluster."""

    cluster: ClusterName = Field(description="Name of the other InferenceCluster.")
    rtt_milliseconds: int = Field(
        ge=0,
        le=MOST_RTT_MILLISECONDS,
        description="Round trip to its data plane, in milliseconds.",
    )


class ClusterNetwork(ApiModel):
    """What the agent measures of the network."""

    rtt_milliseconds: int | None = Field(
        None,
        ge=0,
        le=MOST_RTT_MILLISECONDS,
        description="Round trip to the hub, in milliseconds. A placement adds it to latencies.",
    )
    peers: list[PeerNetwork] = Field(
        default_factory=list,
        max_length=64,
        description="Ways to other clusters. One that is absent is taken to lead past the hub.",
        json_schema_extra=list_map("cluster"),
    )
    measured_at: Timestamp = Field(description="When, by the cluster's own clock.")


class TakenLabel(ApiModel):
    """A label that the cluster's ClusterProfile gives it."""

    key: str = Field(pattern=LABEL_KEY_PATTERN, max_length=317, description="Its key.")
    value: LabelValue = Field(description="Its value.")


class InferenceClusterStatus(ApiModel):
    """What is known of the cluster. Times that decide something are by the hub's clock."""

    observed_generation: int | None = Field(
        None, ge=0, description="Generation of the spec that the hub looked at last."
    )
    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=16,
        description="The hub's. Connected: whether it is heard of. DataPlaneHealthy: whether its "
        "endpoint answers the hub's probe. CredentialsValid: whether its agent's token holds, as "
        "that says.",
        json_schema_extra=list_map("type"),
    )
    connection_state: ConnectionState | None = Field(
        None, description="The hub's: how much is known of the cluster. Omitted: not looked at yet."
    )
    connection_reason: ConnectionReason | None = Field(
        None, description="The hub's: why it is in this state."
    )
    last_heard_time: Timestamp | None = Field(
        None, description="The hub's: when it heard of the cluster last. Omitted: never."
    )
    lost_since: Timestamp | None = Field(
        None,
        description="The hub's: since when nothing is heard, of the first of several losses. It "
        "is kept here, so that a restart of the hub does not begin anew.",
    )
    unbroken_since: Timestamp | None = Field(
        None, description="The hub's: since when there is contact without a break."
    )
    flaps: int | None = Field(
        None,
        ge=0,
        le=MOST_SEQUENCE,
        description="The hub's: how often contact came back after a break.",
    )
    last_heartbeat_time: Timestamp | None = Field(
        None,
        description="The agent's: when it last said that it is there, by the cluster's own clock. "
        "Only shown.",
    )
    sequence: int | None = Field(
        None,
        ge=0,
        le=MOST_SEQUENCE,
        description="The agent's: grows with every report, so that an older one is known as such "
        "whatever clocks say.",
    )
    agent_version: str | None = Field(
        None, max_length=64, description="The agent's: its version. Only shown."
    )
    capacity: list[ResourceCapacity] = Field(
        default_factory=list,
        max_length=32,
        description="The agent's: what the cluster's nodes offer. Only shown; how many replicas "
        "fit is told by each work.",
        json_schema_extra=list_map("resource"),
    )
    network: ClusterNetwork | None = Field(None, description="The agent's: ways and their times.")
    taken_labels: list[TakenLabel] = Field(
        default_factory=list,
        max_length=MOST_TAKEN,
        description="The hub's: labels that spec.clusterProfile gives the cluster. They stay as "
        "they were last read while there is no profile.",
        json_schema_extra=list_map("key"),
    )
