"""Decisions on an imagined service, recorded as the operator would record them."""

from dataclasses import dataclass, field, replace
from functools import cache

from tests.unit.autoscaling.looks import SETTINGS, Service
from triton_operator.autoscaling.decision import decide
from triton_operator.autoscaling.decision_record import DecisionRecord
from triton_operator.autoscaling.observation import Observation
from triton_operator.autoscaling.settings import ScalingSettings
from triton_operator.autoscaling.state import ScalingState


@dataclass
class Recorder:
    """Looks at a service and keeps a record of each; `began` is the time of the first look."""

    began: float = 1_790_000_000.0
    settings: ScalingSettings = SETTINGS
    state: ScalingState = field(default_factory=ScalingState)
    records: list[DecisionRecord] = field(default_factory=list)
    seconds: float = 1.0

    def __post_init__(self) -> None:
        self.service = Service(ready=2, now=self.began, change=self._record)

    def look(self, rate: float, count: int = 1) -> None:
        """Let that many requests/s come, and decide after each look."""
        for _ in range(count):
            self.service.look(rate, self.seconds)

    def _record(self, seen: Observation) -> Observation:
        traffic = seen.traffic
        if traffic is not None:
            within = 0.99 * traffic.arrivals
            seen = replace(
                seen, traffic=replace(traffic, answered=traffic.arrivals, within_objective=within)
            )
        before = self.state
        self.state, decision = decide(before, seen, self.settings, self.seconds)
        self.records.append(
            DecisionRecord(seen, self.settings, self.seconds, decision, before, self.state)
        )
        return seen


def recorded(*parts: tuple[float, int], began: float = 1_790_000_000.0) -> list[DecisionRecord]:
    """Records of so many looks at each rate, (requests/s, looks)."""
    return list(_recorded(parts, began))


@cache
def _recorded(parts: tuple[tuple[float, int], ...], began: float) -> tuple[DecisionRecord, ...]:
    recorder = Recorder(began)
    for rate, count in parts:
        recorder.look(rate, count)
    return tuple(recorder.records)


def log_lines(records: list[DecisionRecord]) -> list[str]:
    """As they stand in a log: only the first has a state."""
    first, *rest = records
    return [first.line(), *(record.body() for record in rest)]
