"""How long one replica takes for a batch, as a status tells it."""

from pydantic import Field

from triton_operator.api.fields import ApiModel

MOST_MICROSECONDS = 3_600_000_000
MOST_BATCH, MOST_INSTANCES = 1024, 64
"""A queue of more takes a hub seconds to solve: a replica that has more tells no curve."""


class ReplicaCurve(ApiModel):
    """A batch takes baseMicroseconds + perRequestMicroseconds x its requests, with all instances
    busy."""

    base_microseconds: int = Field(
        ge=0, le=MOST_MICROSECONDS, description="For a batch, whatever is in it."
    )
    per_request_microseconds: int = Field(
        ge=0, le=MOST_MICROSECONDS, description="For each request in it."
    )
    max_batch_size: int = Field(ge=1, le=MOST_BATCH, description="Requests of the largest batch.")
    instances: int = Field(
        ge=1, le=MOST_INSTANCES, description="Batches that run beside each other."
    )
