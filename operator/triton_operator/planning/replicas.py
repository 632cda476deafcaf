"""The bounds within which replicas move."""

from dataclasses import dataclass

from triton_operator.api.enums import ScalingMode
from triton_operator.api.inference_service import DEFAULT_MAX_REPLICAS, Scaling


@dataclass(frozen=True)
class ReplicaBounds:
    """`managed` is False where replicas are somebody else's."""

    minimum: int
    maximum: int
    managed: bool

    @property
    def moves(self) -> bool:
        """Whether the operator changes their number by itself.

        With a minimum of 0 none runs: nothing outside of Triton tells that a request came.
        """
        return self.managed and 0 < self.minimum < self.maximum


def replica_bounds(scaling: Scaling) -> ReplicaBounds:
    """The bounds that the spec means, defaults filled in."""
    if scaling.mode is ScalingMode.FIXED:
        return ReplicaBounds(scaling.min_replicas, scaling.min_replicas, True)
    maximum = scaling.max_replicas or max(DEFAULT_MAX_REPLICAS, scaling.min_replicas)
    return ReplicaBounds(scaling.min_replicas, maximum, scaling.mode is ScalingMode.AUTO)
