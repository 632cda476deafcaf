"""Lines of a decision log: the way there and back, and what is no line."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.unit.autoscaling.recorded import recorded
from triton_operator.autoscaling.decision_record import (
    DecisionRecord,
    UnreadableRecord,
    record_in,
)
from triton_operator.autoscaling.observation import Observation
from triton_operator.autoscaling.reasons import Why, reason
from triton_operator.autoscaling.state import ScalingState


def one() -> DecisionRecord:
    return recorded((100.0, 30))[-1]


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    values = json.loads(one().line())
    change(values)
    return json.dumps(values)


def test_a_record_comes_back_as_it_was() -> None:
    record = one()

    back = record_in(record.line(), 1)

    assert (back.observation, back.settings, back.state) == (
        record.observation,
        record.settings,
        record.state,
    )
    assert back.tick_seconds == record.tick_seconds
    assert back.decision.target == record.decision.target
    assert back.decision.reasons == record.decision.reasons
    assert back.decision.rate == pytest.approx(record.decision.rate, abs=1e-4)
    assert back.after is None


def test_a_line_without_a_state_is_short() -> None:
    back = record_in(one().body(), 1)

    assert back.state is None
    assert len(one().body()) < 900 < len(one().line())


def test_what_json_cannot_say_comes_back_too() -> None:
    state = ScalingState(bins=(1.0, math.nan), needed_at=-math.inf)
    record = replace(
        one(),
        observation=Observation(now=1.0, ready=1, metrics_age_seconds=math.inf),
        decision=replace(one().decision, reasons=(reason(Why.CURVE_UNKNOWN, safe=math.nan),)),
        state=state,
    )

    line = record.line()
    back = record_in(line, 1)

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    json.loads(line, parse_constant=refuse)
    assert back.observation.metrics_age_seconds == math.inf
    assert back.state is not None
    assert back.state.needed_at == -math.inf
    assert (back.state.bins[0], math.isnan(back.state.bins[1])) == (1.0, True)
    assert math.isnan(back.decision.reasons[0].numbers["safe"])


def test_numbers_of_numpy_are_numbers() -> None:
    decision = replace(one().decision, target=np.int64(3), rate=np.float64(2.5))  # type: ignore[arg-type]

    back = record_in(replace(one(), decision=decision).line(), 1)

    assert (back.decision.target, back.decision.rate) == (3, 2.5)


def test_fields_that_a_log_does_not_have_yet_take_their_defaults() -> None:
    def forget(values: dict[str, Any]) -> None:
        del values["observation"]["unschedulable"], values["settings"]["prior_lead_seconds"]

    back = record_in(changed(forget), 1)

    assert back.observation.unschedulable == 0
    assert back.settings == one().settings


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda v: v.update(version=2), "version: 3 is wanted, not 2"),
        (lambda v: v.update(began=1e12), "began: 1e+12 is not within 0 and 1e+11"),
        (lambda v: v.pop("version"), "it has no version"),
        (lambda v: v.pop("observation"), "observation: missing"),
        (lambda v: v["observation"].pop("now"), "observation.now: missing"),
        (lambda v: v["observation"].update(ready="x"), "observation.ready: a whole number is want"),
        (lambda v: v["observation"].update(ready=True), "observation.ready: a whole number"),
        (lambda v: v["observation"].update(ready=1.5), "observation.ready: a whole number"),
        (lambda v: v["observation"].update(ready=10**9), "observation.ready: 1e+09 is not within"),
        (lambda v: v["observation"].update(ready=10**40), "observation.ready: a whole number bey"),
        (lambda v: v["observation"].update(now=10**400), "observation.now: a number beyond"),
        (lambda v: v["observation"].update(pending="NaN"), "observation.pending: nan is not with"),
        (lambda v: v["observation"]["traffic"].update(interval_seconds=1e9), "interval_seconds"),
        (lambda v: v["observation"]["traffic"].update(answered=-1), "traffic.answered: -1 is not"),
        (lambda v: v["observation"]["curve"].update(max_batch_size=10**6), "max_batch_size"),
        (lambda v: v["observation"].update(colour=1), "observation.colour: no such field"),
        (lambda v: v.update(after={}), "after: no such field"),
        (lambda v: v["settings"].update(prefer="Speed"), "settings.prefer: one of Cost, Latency"),
        (lambda v: v["settings"].update(percentile=1.0), "settings.percentile: 1 is not within"),
        (lambda v: v["settings"].update(percentile=0), "settings.percentile: 0 is not within"),
        (lambda v: v["settings"].update(objective_seconds=0), "settings.objective_seconds"),
        (lambda v: v["state"].update(rates=[[1, 2]]), "state.rates[0]: a list of 3"),
        (lambda v: v["state"].update(bins=[0.0] * 30_000), "rows of state.bins"),
        (lambda v: v["decision"].update(reasons=[{"why": "Mood"}]), "decision.reasons[0].why"),
        (lambda v: v["decision"].update(reasons=[{"why": "Demand"}]), "reasons[0].numbers: no"),
        (lambda v: v["decision"]["reasons"][0].update(numbers={"a": "b"}), ".numbers.a: a number"),
    ],
)
def test_what_is_no_record_is_refused_with_line_and_field(
    change: Callable[[dict[str, Any]], object], says: str
) -> None:
    with pytest.raises(UnreadableRecord) as error:
        record_in(changed(change), 17)

    assert str(error.value).startswith("line 17: ")
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"version":1,"observation":' + '{"a":' * 100_000, "nested too deeply"),
        ("[1]", "no record of a decision"),
        ("NaN", "no JSON: NaN is none"),
        ('{"version":' + "9" * 10_000 + "}", "no JSON"),
    ],
    ids=["cut off", "nested lists", "nested objects", "a list", "NaN", "digits"],
)
def test_hostile_lines_are_refused(text: str, says: str) -> None:
    with pytest.raises(UnreadableRecord, match=says):
        record_in(text, 1)


def test_a_number_that_is_too_large_for_any_is_refused() -> None:
    line = one().line().replace('"tick_seconds":1.0', '"tick_seconds":1e999')

    with pytest.raises(UnreadableRecord, match="tick_seconds: a number beyond"):
        record_in(line, 1)
