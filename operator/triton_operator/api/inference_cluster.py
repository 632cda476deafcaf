"""`InferenceCluster`: a cluster of the fleet, said on the hub by whoever runs the fleet."""

from typing import Annotated

from pydantic import ConfigDict, Field

from triton_operator.api.enums import TaintEffect, Tier
from triton_operator.api.fields import (
    LABEL_KEY_PATTERN,
    Amount,
    ApiModel,
    DnsLabel,
    GrpcUrl,
    ObjectName,
    ServerUrl,
    cel,
    list_map,
)

MOST_TARGET_SUFFIX = 13
MOST_TAKEN = 16
"""Labels that a cluster takes from its ClusterProfile."""


class PullSource(ApiModel):
    """Nothing has to be said: the agent comes with a ServiceAccount of the hub."""


class KubeConfigSource(ApiModel):
    """A kubeconfig that leads from the hub to the cluster."""

    secret_name: ObjectName = Field(
        description="Secret in the hub's own namespace that the hub may read: the chart's "
        "hub.pushSecrets names it."
    )
    key: str = Field(
        "kubeconfig",
        pattern=r"^[-._a-zA-Z0-9]+$",
        max_length=253,
        description="Key in the Secret. All is inside of it: an https server, the certificate of "
        "its authority, and a token or a client certificate; no files, no commands.",
    )


class ClusterSource(ApiModel):
    """How works get to the cluster."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "!(has(self.pull) && has(self.kubeConfig))",
                    "pull and kubeConfig exclude each other: an agent in the cluster fetches its "
                    "works, or the hub carries them there",
                )
            ]
        }
    )

    pull: PullSource | None = Field(
        None,
        description="An agent in the cluster fetches its works from the hub, and needs no way in. "
        "This is the default.",
    )
    kube_config: KubeConfigSource | None = Field(
        None,
        description="The hub carries works to the cluster itself, as its agent would: where "
        "nothing may run there, or nothing leads from there to the hub.",
    )


class DataPlane(ApiModel):
    """Where the cluster answers inference requests of others."""

    url: ServerUrl = Field(
        description="Address of the cluster's gateway, as the hub and other clusters reach it."
    )
    grpc_url: GrpcUrl | None = Field(
        None,
        description="Address of the cluster's gateway for gRPC; https means TLS. Omitted: gRPC "
        "requests of others do not go there.",
    )
    probe_path: str = Field(
        "/v2/health/ready",
        pattern=r"^/[^?#\s]*$",
        max_length=256,
        description="Appended to url: what is asked to see whether the cluster answers.",
    )


class ClusterCost(ApiModel):
    """What serving costs in the cluster."""

    per_replica_hour: Amount = Field(
        description="Price of one replica for an hour, in one currency for all clusters. "
        "Weighs in a placement by its weights.cost."
    )


class ClusterEnergy(ApiModel):
    """What energy is like in the cluster."""

    grams_co2_per_kwh: int = Field(
        alias="gramsCO2PerKWh",
        ge=0,
        le=10_000,
        description="Carbon intensity of the power, in grams of CO2 per kWh. "
        "Weighs in a placement by its weights.energy.",
    )


class ClusterTaint(ApiModel):
    """What keeps a cluster from getting others' demand, in the words of Open Cluster Management."""

    key: str = Field(
        pattern=LABEL_KEY_PATTERN, max_length=317, description="Why, such as maintenance."
    )
    effect: TaintEffect = Field(
        description="NoSelect: all that may leave goes to others. PreferNoSelect: the last choice "
        "of its tier. NoSelectIfNew: nothing of a service that has no part here yet."
    )


class HeartbeatSpec(ApiModel):
    """How often the cluster says that it is there, and what silence means."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "self.suspectAfterSeconds >= 2 * self.intervalSeconds",
                    "suspectAfterSeconds must be at least twice intervalSeconds: "
                    "one heartbeat may be lost",
                ),
                cel(
                    "self.lostAfterSeconds >= self.suspectAfterSeconds",
                    "lostAfterSeconds must not be less than suspectAfterSeconds",
                ),
                cel(
                    "self.recoverForSeconds >= 2 * self.intervalSeconds",
                    "recoverForSeconds must be at least twice intervalSeconds: "
                    "one heartbeat is no unbroken contact",
                ),
            ]
        }
    )

    interval_seconds: int = Field(
        15, ge=1, le=3600, description="How often the agent says that it is there, in seconds."
    )
    suspect_after_seconds: int = Field(
        60, ge=2, le=86_400, description="Silence after which nothing new is placed there."
    )
    lost_after_seconds: int = Field(
        300,
        ge=2,
        le=604_800,
        description="Time since the first loss after which the failover of a placement begins.",
    )
    recover_for_seconds: int = Field(
        120, ge=2, le=86_400, description="Unbroken contact after which a cluster is trusted again."
    )


class ClusterProfileReference(ApiModel):
    """The cluster in an inventory that somebody else keeps: a `ClusterProfile` of
    `multicluster.x-k8s.io/v1alpha1` at the hub."""

    namespace: DnsLabel = Field(description="Its namespace.")
    name: ObjectName = Field(description="Its name.")
    labels: list[Annotated[str, Field(pattern=LABEL_KEY_PATTERN, max_length=317)]] = Field(
        default_factory=list,
        max_length=MOST_TAKEN,
        description="Properties of the ClusterProfile, or else labels of it, by which services "
        "select this cluster as by its own labels, such as topology.kubernetes.io/region. Its own "
        "labels come first. Omitted: none is believed.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class InferenceClusterSpec(ApiModel):
    """What the hub has to know of a cluster, and cannot find out itself."""

    cluster_source: ClusterSource = Field(default_factory=ClusterSource)
    tier: Tier = Field(
        description="What kind of place it is. Tiers are filled in this order: Edge, OnPrem, Cloud."
    )
    tier_order: int | None = Field(
        None,
        ge=0,
        le=100,
        description="Replaces the tier's place in the order of filling: Edge is 0, OnPrem 1, "
        "Cloud 2.",
    )
    target_name_suffix: str = Field(
        "",
        pattern=r"^(-[a-z0-9]([-a-z0-9]*[a-z0-9])?)?$",
        max_length=MOST_TARGET_SUFFIX,
        description="Appended to the name of a service in this cluster, such as -local. The hub's "
        "own cluster needs one: a service of that name is there already.",
    )
    residency_zones: list[DnsLabel] = Field(
        default_factory=list,
        max_length=16,
        description="Zones that the cluster is in, such as eu: a placement names those where data "
        "may be processed.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    data_plane: DataPlane | None = Field(
        None, description="Omitted: nobody probes it, so whether it answers is not known."
    )
    cost: ClusterCost | None = Field(None, description="Omitted: free.")
    energy: ClusterEnergy | None = Field(None, description="Omitted: without carbon.")
    taints: list[ClusterTaint] = Field(
        default_factory=list,
        max_length=16,
        description="What keeps the cluster from getting others' demand.",
        json_schema_extra=list_map("key", "effect"),
    )
    heartbeat: HeartbeatSpec = Field(default_factory=HeartbeatSpec)
    cluster_profile: ClusterProfileReference | None = Field(
        None,
        description="The cluster in an inventory of multicluster.x-k8s.io. Omitted: it is in none, "
        "and in no PlacementDecision.",
    )
    paused: bool = Field(
        False, description="Change nothing in the cluster; what serves there goes on serving."
    )
