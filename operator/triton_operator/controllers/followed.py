"""What the autoscaler remembers of one service from one look to the next."""

from dataclasses import dataclass, field

from triton_operator.autoscaling.judgement import ServiceMemory
from triton_operator.autoscaling.scaling_question import ScalingQuestion
from triton_operator.controllers.scaling_answer import ScalingAnswer


@dataclass
class Followed:
    """A service that is looked at, and what is remembered of it.

    `sure` is when it was last known which pods are to be aside, or when it was first followed.
    """

    question: ScalingQuestion
    sure: float
    memory: ServiceMemory = field(default_factory=ServiceMemory)
    told: ScalingAnswer | None = None
    latest: ScalingAnswer | None = None
    read_at: dict[str, float] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    restored: bool = False
    ask_history_at: float = 0.0
    revisions: dict[str, str] = field(default_factory=dict)
    dropped: bool = False
    turn: int = 0
    """Of the look that is planned: an earlier one that is still in the queue is passed over."""
    idle: bool = False
    """Nobody was there to be asked; whoever says that something has changed ends that."""

    def revised(self, question: ScalingQuestion) -> set[str]:
        """The pools whose pods run something else by now; it is remembered."""
        now = {one.pool: one.revision for one in question.pools if one.revision}
        changed = {pool for pool, one in now.items() if self.revisions.get(pool, one) != one}
        self.revisions |= now
        return changed
