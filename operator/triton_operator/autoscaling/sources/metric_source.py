"""What every source of samples does."""

from collections.abc import Collection
from typing import Protocol

from triton_operator.autoscaling.samples import PodTarget, Samples


class MetricSource(Protocol):
    """Tells what pods have counted.

    It never raises for what happens on the network: a pod without a sample has its reason among
    the problems. What is old is given with its own time, and whoever looks judges its age.
    """

    async def samples(self, targets: Collection[PodTarget]) -> Samples:
        """The newest sample of each target that there is; targets of one service, or of many."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...
