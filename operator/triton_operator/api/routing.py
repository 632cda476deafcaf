"""Where requests for a service of a fleet can go: one row per endpoint, wherever a list is kept.

The same rows are in an InferenceWork, in a service's `status.endpoints`, and in the ConfigMap
`<service>-endpoints`, which `triton_operator.client` reads.
"""

import json
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from triton_operator.api.enums import Protocol, Tier
from triton_operator.api.fields import (
    MOST_CLUSTERS,
    ApiModel,
    ClusterName,
    GrpcUrl,
    ServerUrl,
    list_map,
)

MOST_ENDPOINTS = 64
LONGEST_WAY_MILLISECONDS = 600_000
ENDPOINTS_KEY = "endpoints.json"
"""Of the ConfigMap: the name of the file where it is mounted."""


class RoutedEndpoint(ApiModel):
    """An endpoint that requests of some clients can go to."""

    cluster: ClusterName = Field(description="The cluster that answers there.")
    protocol: Protocol = Field(description="What it speaks.")
    url: ServerUrl | None = Field(
        None,
        description="Its address; of gRPC, https means TLS. Omitted: of the cluster itself, which "
        "knows its own.",
    )
    grpc_url: GrpcUrl | None = Field(
        None,
        description="Its address for gRPC, for routes; https means TLS. Omitted: not known.",
    )
    tier: Tier | None = Field(None, description="What kind of place it is.")
    priority: int = Field(
        0, ge=0, le=MOST_CLUSTERS, description="Place in the order of falling back; 0 is first."
    )
    weight_percent: int = Field(
        0,
        ge=0,
        le=100,
        description="Share of the requests that ask here first, of those that may leave, in %. "
        "0: only where others do not answer.",
    )
    round_trip_milliseconds: int | None = Field(
        None,
        ge=0,
        le=LONGEST_WAY_MILLISECONDS,
        description="The way there and back. Omitted: not known.",
    )
    local: bool = Field(
        False, description="Whether data that must not leave the cluster may go there."
    )
    healthy: bool | None = Field(
        None,
        description="Whether it answers the hub's probe. Omitted: nobody probes, or nobody who "
        "reads this list can use the answer.",
    )


Endpoints = Annotated[
    list[RoutedEndpoint],
    Field(max_length=MOST_ENDPOINTS, json_schema_extra=list_map("cluster", "protocol")),
]
"""A list of them, in the order of falling back."""

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&*+.^_|~-]+$", max_length=256)]
HeaderValue = Annotated[str, Field(pattern=r"^[!-~]([ -~]*[!-~])?$", max_length=256)]


class LocalOnly(ApiModel):
    """By which header requests say that their data must not leave the cluster."""

    header: HeaderName = Field(description="Its name; upper and lower case are the same.")
    values: list[HeaderValue] = Field(
        min_length=1,
        max_length=8,
        description="A request with exactly one of these values is served in the cluster or not "
        "at all.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class WorkRouting(ApiModel):
    """Where requests of a cluster's clients go."""

    endpoints: Endpoints = Field(
        default_factory=list,
        description="The cluster's own endpoint first; empty: requests stay.",
    )
    local_only: LocalOnly | None = Field(
        None, description="Omitted: no header says that a request has to stay."
    )


def endpoints_file(rows: Iterable[RoutedEndpoint]) -> str:
    """A list as the client reads it."""
    return json.dumps({"endpoints": [one.wire() for one in rows]}, indent=1) + "\n"
