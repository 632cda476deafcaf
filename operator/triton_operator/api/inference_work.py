"""`InferenceWork`: one service in one cluster, put by the hub into the cluster's mailbox.

The mailbox is the namespace `fleet-<cluster>` of the hub. The hub writes the spec, and only the
cluster's agent the status.
"""

from typing import Annotated

from pydantic import Field

from triton_operator.api.conditions import Condition
from triton_operator.api.enums import DeletionPolicy, Protocol
from triton_operator.api.fields import (
    MOST_SEQUENCE,
    SERVICE_NAME_LIMIT,
    Amount,
    ApiModel,
    DnsLabel,
    Replicas,
    RequestCount,
    ServerUrl,
    Timestamp,
    cel,
    list_map,
)
from triton_operator.api.inference_service import ServiceTemplate
from triton_operator.api.replica_curve import ReplicaCurve
from triton_operator.api.routing import WorkRouting
from triton_operator.api.work_decision import MOST_DECISIONS, WorkDecisions

UidText = Annotated[
    str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", max_length=36)
]


class WorkTarget(ApiModel):
    """The InferenceService in the cluster."""

    namespace: DnsLabel = Field(description="Its namespace.")
    name: str = Field(
        pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$",
        max_length=SERVICE_NAME_LIMIT,
        description="Its name: of the service on the hub, with the cluster's targetNameSuffix.",
    )


class InferenceWorkSpec(ApiModel):
    """What the hub wants in the cluster."""

    revision: int = Field(
        ge=1,
        le=MOST_SEQUENCE,
        description="Grows with every change. The agent refuses one that is lower than what it "
        "has applied, as of a hub that was restored from a backup.",
    )
    hub_id: UidText = Field(
        alias="hubID",
        description="UID of the hub's namespace kube-system. An agent that has applied works of "
        "another hub holds.",
    )
    decision_id: str = Field(
        alias="decisionID",
        min_length=1,
        max_length=64,
        pattern=r"^[-A-Za-z0-9_.]+$",
        description="The decision of the hub that this follows from, as in its log.",
    )
    target: WorkTarget = Field(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "self == oldSelf",
                    "the target of a work cannot change: delete the work and make another one",
                )
            ]
        }
    )
    template: ServiceTemplate = Field(
        description="Spec of the InferenceService in the cluster. The hub sets bounds in "
        "scaling.minReplicas and scaling.maxReplicas; within them the cluster scales itself."
    )
    routing: WorkRouting = Field(default_factory=WorkRouting)
    deletion_policy: DeletionPolicy = Field(
        DeletionPolicy.DELETE,
        description="What the agent does when the work is deleted: Delete the InferenceService, "
        "or leave it, as Orphan.",
    )


class WorkLoad(ApiModel):
    """What a placement reads of the service in the cluster. Numbers in the cluster's own replicas.

    Demand is what reaches the cluster, of its own clients and of others'.
    """

    need_replicas: Amount | None = Field(
        None,
        description="Demand: arrivalsPerSecond over safeRatePerReplica, whether the cluster can "
        "serve it or not. Omitted: not known, which is not 0.",
    )
    ready_replicas: Replicas = Field(description="Replicas that are ready.")
    cap_replicas: Replicas = Field(description="Replicas that the cluster could run.")
    arrivals_per_second: Amount | None = Field(None, description="Demand, in requests per second.")
    safe_rate_per_replica: Amount | None = Field(
        None,
        description="Requests per second at which a replica keeps the objective. It tells how "
        "much a replica here is worth elsewhere.",
    )
    replica_curve: ReplicaCurve | None = Field(
        None,
        description="How long a replica takes for a batch: where its queue gets slower than "
        "another cluster with the way there. Omitted: not known.",
    )
    p99_milliseconds: int | None = Field(
        None,
        alias="p99Milliseconds",
        ge=0,
        le=3_600_000,
        description="99th percentile of the latency, in milliseconds.",
    )
    attainment_percent: Amount | None = Field(
        None,
        description="Share of the last 300 s' requests within the objective, in %. Omitted: nobody "
        "counts, or there were none.",
    )
    recent_requests: RequestCount | None = Field(
        None,
        description="Requests of the last 300 s, those that failed included. Omitted: nobody "
        "counts.",
    )
    failed_requests: RequestCount | None = Field(
        None,
        description="How many of these failed, but for those that their clients gave up.",
    )
    observed_at: Timestamp = Field(description="When, by the cluster's own clock.")


class WorkEndpoint(ApiModel):
    """Where the service can be asked from outside of the cluster."""

    protocol: Protocol = Field(description="What it speaks.")
    url: ServerUrl = Field(description="Its address; of gRPC, https means TLS.")


class InferenceWorkStatus(ApiModel):
    """What the agent tells. It is not trusted: every value has a bound."""

    sequence: int = Field(
        ge=0,
        le=MOST_SEQUENCE,
        description="Grows with every report, so that an older one is known as such whatever "
        "clocks say.",
    )
    applied_revision: int | None = Field(
        None, ge=1, le=MOST_SEQUENCE, description="Revision that is in force. Omitted: none yet."
    )
    applied_max_replicas: Replicas | None = Field(
        None,
        description="scaling.maxReplicas that is in force: what the cluster may run, heard of or "
        "not. Omitted: none yet.",
    )
    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=16,
        description="Applied: whether the service is as the work says. Available: whether it "
        "answers requests. Progressing: False, RolledOut once every pod follows it.",
        json_schema_extra=list_map("type"),
    )
    load: WorkLoad | None = Field(None, description="Omitted: nothing is observed yet.")
    endpoints: list[WorkEndpoint] = Field(
        default_factory=list,
        max_length=2,
        description="One per protocol.",
        json_schema_extra=list_map("protocol"),
    )
    decisions: WorkDecisions = Field(
        default_factory=list,
        max_length=MOST_DECISIONS,
        description="The last changes of the number of replicas by the cluster's autoscaler, from "
        "old to new, those of while the link was cut too.",
        # Atomic: the owners of thirty rows would be half as long as the rows.
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
