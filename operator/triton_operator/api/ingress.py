"""How requests from outside of a service's namespace get to it: `spec.ingress`."""

from typing import Annotated

from pydantic import ConfigDict, Field

from triton_operator.api.enums import OtherClusters
from triton_operator.api.fields import ApiModel, DnsLabel, ObjectName, cel

Hostname = Annotated[
    str,
    Field(
        pattern=r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        max_length=253,
    ),
]


class GatewayReference(ApiModel):
    """A Gateway that somebody else runs."""

    name: ObjectName = Field(description="Its name.")
    namespace: DnsLabel | None = Field(
        None,
        description="Its namespace, whose Gateway has to allow routes from here. Omitted: the "
        "service's own.",
    )
    section_name: ObjectName | None = Field(
        None, description="One of its listeners. Omitted: all that fit."
    )


class GatewayIngress(ApiModel):
    """Routes of the Gateway API to the service, where the cluster knows them."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "!has(self.hostnames) || !has(self.grpcHostnames) || "
                    "!self.grpcHostnames.exists(h, h in self.hostnames)",
                    "hostnames and grpcHostnames must have no name in common: a Gateway takes "
                    "either an HTTPRoute or a GRPCRoute for a name",
                )
            ]
        }
    )

    parent_refs: list[GatewayReference] = Field(
        min_length=1,
        max_length=8,
        description="The Gateways that lead to the service.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    hostnames: list[Hostname] = Field(
        default_factory=list,
        max_length=16,
        description="Names that belong to this service alone: everything below /v2 is its. "
        "Omitted: /v2/models/<model>, by any name.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    grpc_hostnames: list[Hostname] = Field(
        default_factory=list,
        max_length=16,
        description="Names that belong to this service's gRPC alone, as gRPC requests say only "
        "inside for which model they are. Omitted: no gRPC.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    to_other_clusters: OtherClusters = Field(
        OtherClusters.NEVER,
        description="How the Gateway sends a part of a fleet's HTTP requests to other clusters, as "
        "their hub says. Never: what it gets is served here. ExternalName: through Services of "
        "that type; whether a Gateway follows them is up to its implementation.",
    )


class Ingress(ApiModel):
    """What leads to the service, beside its Service."""

    gateway: GatewayIngress | None = Field(None, description="Omitted: no routes are made.")
