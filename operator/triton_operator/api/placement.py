"""Where in a fleet a service is served: `spec.placement`, read by a hub."""

from pydantic import Field

from triton_operator.api.access import LabelSelector
from triton_operator.api.enums import Failover, Tier
from triton_operator.api.fields import (
    MOST_CLUSTERS,
    MOST_REPLICAS,
    ApiModel,
    ClusterName,
    Decimal,
    DnsLabel,
    cel,
    list_map,
)
from triton_operator.api.placement_dns import PlacementDns
from triton_operator.api.routing import LocalOnly


class TierBound(ApiModel):
    """What a tier may hold of the service."""

    name: Tier = Field(description="The tier, as the clusters' spec.tier.")
    max_replicas: int = Field(
        ge=0,
        le=MOST_REPLICAS,
        description="Never more replicas than this in all clusters of the tier together.",
    )


class Residency(ApiModel):
    """Where data may be processed."""

    zones: list[DnsLabel] = Field(
        default_factory=list,
        max_length=16,
        description="Only clusters that are in one of these zones serve; none named: all may.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    default_local_only_share: Decimal = Field(
        "0",
        description="Share of a cluster's demand that must not leave it, 0 to 1. It is planned "
        "with; requests themselves are kept by localOnly at a gateway, and by clients.",
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("double(self) <= 1.0", "must be between 0 and 1, such as '0.2'")
            ]
        },
    )
    local_only: LocalOnly | None = Field(
        None,
        description="Which requests a cluster's gateway must not send to others. Omitted: no "
        "header says so, and all may leave.",
    )


class FleetReplicas(ApiModel):
    """Bounds over all clusters."""

    max: int = Field(
        ge=1,
        le=MOST_REPLICAS,
        description="Never more replicas than this in all clusters together: the guard of costs.",
    )


class PlacementWeights(ApiModel):
    """What counts among clusters of one tier, each as a part of all three."""

    latency: int = Field(40, ge=0, le=100, description="The round trip.")
    cost: int = Field(40, ge=0, le=100, description="The price of a replica.")
    energy: int = Field(20, ge=0, le=100, description="The carbon of its power.")


class FailoverSpec(ApiModel):
    """What becomes of a lost cluster's own demand.

    Freeze: what others had of it stays there, as its clients are near it and served by it.
    Replace: all that may leave is served elsewhere. Release: nothing of it is.
    """

    edge: Failover = Field(Failover.FREEZE, description="Of a cluster of tier Edge.")
    on_prem: Failover = Field(Failover.REPLACE, description="Of a cluster of tier OnPrem.")
    cloud: Failover = Field(Failover.REPLACE, description="Of a cluster of tier Cloud.")
    max_surge: int = Field(
        8,
        ge=0,
        le=MOST_REPLICAS,
        description="Replicas that replace lost ones, in all clusters together.",
    )


class PlacementStrategy(ApiModel):
    """How a change of what is served goes through the clusters; bounds and weights do not wait."""

    canary_clusters: list[ClusterName] = Field(
        default_factory=list,
        max_length=MOST_CLUSTERS,
        description="InferenceClusters that get a change first, in this order. The others follow "
        "once it does well there; omitted: one after the other, in the order of filling.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    max_clusters_updating_per_step: int = Field(
        1,
        ge=1,
        le=MOST_CLUSTERS,
        description="Clusters that have a change, and have not yet shown that they do well with "
        "it, at the same time. Canaries count.",
    )
    observe_seconds: int = Field(
        300,
        ge=0,
        le=86_400,
        description="How long a cluster has to serve a change before it is judged. Clusters tell "
        "the share of requests within the objective over their last 300 s: with less, requests "
        "from before the change are judged too.",
    )
    deadline_seconds: int = Field(
        1800,
        ge=1,
        le=86_400,
        description="A cluster that is heard of, and has not got every pod of a change to serve "
        "within this time, ends it.",
    )


class Placement(ApiModel):
    """Which clusters serve, in which order they are filled, and what they may do for each other.

    A hub decides on it; every cluster scales itself within the bounds that it gets.
    """

    cluster_selector: LabelSelector | None = Field(
        None, description="InferenceClusters by their labels; omitted: all."
    )
    cluster_names: list[ClusterName] | None = Field(
        None,
        min_length=1,
        max_length=MOST_CLUSTERS,
        description="Only these InferenceClusters, of those that clusterSelector selects.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    tiers: list[TierBound] = Field(
        default_factory=list,
        max_length=len(Tier),
        description="Bounds by tier.",
        json_schema_extra=list_map("name"),
    )
    residency: Residency = Field(default_factory=Residency)
    latency_budget_milliseconds: int | None = Field(
        None,
        ge=1,
        le=3_600_000,
        description="What an answer from another cluster may take with the way there, in "
        "milliseconds, at the percentile of objective.latency. Omitted: objective.latency; "
        "without one too, there is no budget.",
    )
    replicas: FleetReplicas | None = Field(None, description="Omitted: no bound.")
    spill_at: Decimal = Field(
        "0.9",
        description="Share of a cluster's capacity above which its demand goes to others.",
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "double(self) >= 0.1 && double(self) <= 1.0",
                    "must be between 0.1 and 1, such as '0.9'",
                )
            ]
        },
    )
    return_window_seconds: int = Field(
        900,
        ge=0,
        le=86_400,
        description="What another cluster was to keep ready within this time stays so.",
    )
    weights: PlacementWeights = Field(default_factory=PlacementWeights)
    failover: FailoverSpec = Field(default_factory=FailoverSpec)
    strategy: PlacementStrategy | None = Field(
        None, description="Omitted: a change reaches all clusters at once."
    )
    dns: PlacementDns | None = Field(
        None, description="Omitted: no DNS name leads to the clusters together."
    )
