"""What every source of samples does."""

from collections.abc import Collection
from typing import Protocol

from triton_operator.autoscaling.history import Bin
from triton_operator.autoscaling.samples import PodTarget, Samples


class MetricSource(Protocol):
    """Tells what pods have counted.

    It never raises for what happens on the network: a pod without a sample has its reason among
    the problems. What is old is given with its own time, and whoever looks judges its age.
    """

    async def samples(self, targets: Collection[PodTarget]) -> Samples:
        """The newest sample of each target that there is; targets of one service, or of many."""
        ...

    async def history(
        self, targets: Collection[PodTarget], owners: Collection[str]
    ) -> tuple[Bin, ...]:
        """Arrivals of one service before the first look, the oldest first, dated by its own clock.

        `owners` are the Deployments whose pods are or were the service's. Empty where nothing is
        kept.

        Raises:
            PrometheusSilent: it does not answer now.
        """
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...
