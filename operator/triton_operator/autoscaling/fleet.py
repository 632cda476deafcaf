"""The replicas of one pool, as the cluster shows them at a moment."""

from __future__ import annotations

from dataclasses import dataclass

from triton_operator.autoscaling.lead_memory import Start
from triton_operator.autoscaling.samples import PodTarget


@dataclass(frozen=True)
class Fleet:
    """`targets` get requests and have metrics; `ordered` replicas are wanted so far.

    `starting_seconds` says of those that are on their way how long ago they were made, 0 where
    there is no pod yet, and `unplaced_seconds` of those for which the scheduler finds no node.
    `starts` are those that came to an end, in the order of time. `aside` names the pods that get no
    new requests at the moment.
    """

    targets: tuple[PodTarget, ...] = ()
    ordered: int = 0
    starting_seconds: tuple[float, ...] = ()
    unplaced_seconds: tuple[float, ...] = ()
    starts: tuple[Start, ...] = ()
    aside: frozenset[str] = frozenset()

    @property
    def ready(self) -> int:
        """Replicas that are ready, of those that are to stay."""
        return self.ordered - len(self.starting_seconds) - len(self.unplaced_seconds)
