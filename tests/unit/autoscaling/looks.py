"""Looks at an imagined service, one after another, for tests of decisions."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from triton_operator.autoscaling.decision import Decision, decide
from triton_operator.autoscaling.observation import Observation, Traffic
from triton_operator.autoscaling.settings import ScalingSettings
from triton_operator.autoscaling.state import ScalingState
from triton_operator.planning.service_curve import ServiceCurve

CURVE = ServiceCurve(0.020, 0.010, 8)
SETTINGS = ScalingSettings(objective_seconds=0.25, least=1, most=40)
LEAD_SECONDS = 30.0


@dataclass
class Service:
    """What is ordered becomes ready after `LEAD_SECONDS`; requests are served like a fluid."""

    ready: int = 2
    starting: list[float] = field(default_factory=list)
    now: float = 1000.0
    pending: float = 0.0
    state: ScalingState = field(default_factory=ScalingState)
    settings: ScalingSettings = SETTINGS
    decisions: list[Decision] = field(default_factory=list)
    change: Callable[[Observation], Observation] = lambda seen: seen

    @property
    def ordered(self) -> int:
        """Replicas that are there or on their way."""
        return self.ready + len(self.starting)

    def look(self, rate: float, seconds: float = 1.0) -> Decision:
        """Let that many requests/s come for some seconds, and decide once."""
        self.now += seconds
        self.ready += sum(created <= self.now - LEAD_SECONDS for created in self.starting)
        self.starting = [made for made in self.starting if made > self.now - LEAD_SECONDS]
        come = rate * seconds
        self.pending = max(0.0, self.pending + come - self.ready * CURVE.capacity * seconds)
        seen = Observation(
            now=self.now,
            ready=self.ready,
            traffic=Traffic(seconds, come),
            pending=self.pending,
            reporting=self.ready,
            starting_seconds=tuple(self.now - made for made in self.starting),
            curve=CURVE,
            lead_seconds=LEAD_SECONDS,
        )
        self.state, decision = decide(self.state, self.change(seen), self.settings, seconds)
        self.decisions.append(decision)
        self.scale(decision.target)
        return decision

    def looks(self, rate: float, count: int) -> Decision:
        """Several looks at the same rate; the last decision."""
        decision = self.look(rate)
        for _ in range(count - 1):
            decision = self.look(rate)
        return decision

    def scale(self, target: int) -> None:
        """Order what lacks; take away what is too much, the newest that are not ready first."""
        self.starting += [self.now] * (target - self.ordered)
        for _ in range(self.ordered - target):
            if self.starting:
                self.starting.pop()
            else:
                self.ready -= 1


def seen_as(**changes: object) -> Callable[[Observation], Observation]:
    """Looks that show this instead of what is."""
    return lambda seen: replace(seen, **changes)  # type: ignore[arg-type]
