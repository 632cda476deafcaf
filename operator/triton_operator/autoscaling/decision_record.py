"""One decision with everything that it was made from: a line of a decision log."""

from __future__ import annotations

from dataclasses import dataclass, replace

from triton_operator.autoscaling.decision import Decision
from triton_operator.autoscaling.observation import Observation
from triton_operator.autoscaling.settings import ScalingSettings
from triton_operator.autoscaling.state import ScalingState
from triton_operator.planning.plain_values import (
    UnreadableValue,
    encoded,
    parsed,
    reading,
)

VERSION = 3
_DAY = 86400.0
_ROWS = 20_000
"""A state of an hour has some thousand of each."""


class UnreadableRecord(ValueError):
    """A line of a log is no record; the text names the line and the field."""


@dataclass(frozen=True)
class DecisionRecord:
    """What went into `decide(state, observation, settings, tick_seconds)`, and what came out.

    `state` is the one before. In a log only the first record has it, and those before which more
    was changed than `decide` itself does, as when pods begin to run something else. `began` is when
    that operator began to look at the service: a record with a state and another `began` is one of
    another operator. `after`, the state that came out, is never written.
    """

    observation: Observation
    settings: ScalingSettings
    tick_seconds: float
    decision: Decision
    state: ScalingState | None = None
    after: ScalingState | None = None
    began: float | None = None

    @property
    def time(self) -> float:
        """When it was decided, seconds since the epoch."""
        return self.observation.now

    def body(self) -> str:
        """As one line of JSON, without its state."""
        decision = self.decision
        # As precise as the reasons' numbers: nobody computes with what came out.
        short = replace(decision, rate=_short(decision.rate), safe_rate=_short(decision.safe_rate))
        return encoded(
            {
                "version": VERSION,
                "tick_seconds": self.tick_seconds,
                "settings": self.settings,
                "observation": self.observation,
                "decision": short,
            }
        )

    def line(self) -> str:
        """As one line of JSON, with its state if it has one."""
        if self.state is None:
            return self.body()
        began = self.time if self.began is None else self.began
        return with_state(self.body(), encoded(self.state), began)


def with_state(body: str, state: str, began: float) -> str:
    """A line without a state, that state as JSON, and when its operator began, in one."""
    return f'{body[:-1]},"began":{encoded(began)},"state":{state}}}'


def record_in(text: str, number: int) -> DecisionRecord:
    """The record in line `number` of a log.

    Raises:
        UnreadableRecord: it is none, or of another version.
    """
    try:
        values = parsed(text)
        if not isinstance(values, dict) or "version" not in values:
            raise UnreadableValue("no record of a decision: it has no version")
        version = values.pop("version")
        if version != VERSION:
            raise UnreadableValue(f"version: {VERSION} is wanted, not {str(version)[:60]}")
        if "after" in values:
            raise UnreadableValue("after: no such field")
        record = reading(DecisionRecord, values, "")
        _check(record)
        return record
    except UnreadableValue as error:
        raise UnreadableRecord(f"line {number}: {error}") from error


def _short(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)


def _check(record: DecisionRecord) -> None:
    """Refuse what `decide` would choke on, or take for ever over."""
    seen, settings, curve = record.observation, record.settings, record.observation.curve
    bounds = [
        ("tick_seconds", record.tick_seconds, 1e-3, _DAY),
        ("settings.objective_seconds", settings.objective_seconds, 1e-6, _DAY),
        ("settings.percentile", settings.percentile, 0.01, 0.999999),
        ("settings.attainment", settings.attainment, 0.0, 1.0),
        ("settings.least", settings.least, 0, 100_000),
        ("settings.most", settings.most, 0, 100_000),
        ("settings.prior_lead_seconds", settings.prior_lead_seconds, 0.0, _DAY),
        ("observation.now", seen.now, 0.0, 1e11),
        ("began", record.began or 0.0, 0.0, 1e11),
        ("observation.ready", seen.ready, 0, 100_000),
        ("observation.reporting", seen.reporting, 0, 100_000),
        ("observation.starting_seconds", len(seen.starting_seconds), 0, 100_000),
        ("observation.lead_seconds", seen.lead_seconds or 0.0, 0.0, _DAY),
        ("observation.pending", seen.pending, 0.0, 1e9),
    ]
    if seen.traffic is not None:
        bounds += [
            ("observation.traffic.interval_seconds", seen.traffic.interval_seconds, 0.0, _DAY),
            ("observation.traffic.arrivals", seen.traffic.arrivals, -1e9, 1e9),
            ("observation.traffic.answered", seen.traffic.answered or 0.0, 0.0, 1e9),
            ("observation.traffic.within_objective", seen.traffic.within_objective or 0.0, 0, 1e9),
        ]
    if curve is not None:
        bounds += [
            ("observation.curve.base_seconds", curve.base_seconds, 0.0, _DAY),
            ("observation.curve.per_request_seconds", curve.per_request_seconds, 0.0, _DAY),
            ("observation.curve.max_batch_size", curve.max_batch_size, 1, 4096),
            ("observation.curve.instances", curve.instances, 1, 4096),
        ]
    if record.state is not None:
        rows = ((name, value) for name, value in vars(record.state).items())
        bounds += [
            (f"rows of state.{name}", len(value), 0, _ROWS)
            for name, value in rows
            if isinstance(value, tuple)
        ]
    for place, value, low, high in bounds:
        if not low <= value <= high:
            raise UnreadableValue(f"{place}: {value:g} is not within {low:g} and {high:g}")
    for row, one in enumerate(record.decision.reasons):
        try:
            one.sentence  # noqa: B018 - a missing number is an error of its line
        except (KeyError, ValueError, IndexError) as error:
            raise UnreadableValue(f"decision.reasons[{row}].numbers: no {error}") from error
