"""By which DNS name clients that are in no cluster find a fleet's service: `spec.placement.dns`."""

from pydantic import Field

from triton_operator.api.fields import ApiModel

HOSTNAME_PATTERN = r"^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
MOST_HOSTNAME = 253


class PlacementDns(ApiModel):
    """Records that external-dns publishes for the service, where the hub's cluster knows its
    `DNSEndpoint`, and the hub's administrator allows the domain."""

    hostname: str = Field(
        pattern=HOSTNAME_PATTERN,
        max_length=MOST_HOSTNAME,
        description="The name, which belongs to this service alone. Every cluster's endpoint has "
        "to answer to it, at the same port.",
    )
    ttl_seconds: int = Field(
        60,
        ge=1,
        le=86_400,
        description="How long resolvers may keep an answer, in seconds: clients go on asking a "
        "cluster that long after it is known not to answer.",
    )
    weight_property: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$",
        max_length=253,
        description="Property by which the DNS provider takes weights, such as aws/weight: each "
        "cluster gets a record of its own, with its share in percent. Omitted: no weights, which "
        "every provider can.",
    )
