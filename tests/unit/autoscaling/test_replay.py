"""A log decided on again: the same core says the same, and another one is found out."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.unit.autoscaling.recorded import log_lines, recorded
from triton_operator.api.enums import MetricsFreshness
from triton_operator.autoscaling import scale_down
from triton_operator.autoscaling.decision_record import DecisionRecord, record_in
from triton_operator.autoscaling.reasons import Reason, Why
from triton_operator.autoscaling.replay import CannotReplay, Step, replayed, target_changes


def read(records: list[DecisionRecord]) -> list[tuple[int, DecisionRecord]]:
    lines = enumerate(log_lines(records), 1)
    return [(number, record_in(line, number)) for number, line in lines]


def different(steps: Iterable[Step]) -> list[Step]:
    return [step for step in steps if step.difference]


def up_and_down() -> list[DecisionRecord]:
    return recorded((60.0, 60), (400.0, 60), (60.0, 90))


def test_the_same_core_decides_the_same() -> None:
    records = up_and_down()

    steps = list(replayed(read(records)))

    assert different(steps) == []
    assert [step.decision.target for step in steps] == [one.decision.target for one in records]


def test_a_changed_core_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    log = read(up_and_down())
    monkeypatch.setattr(scale_down, "LARGEST_STEP", 0.9)

    first = different(replayed(log))[0]

    assert first.line > 60, "it differs where replicas go, and not before"
    assert first.difference.startswith("replicas: ")


def test_records_that_are_missing_are_noticed() -> None:
    log = read(up_and_down())

    assert different(replayed([*log[:62], *log[75:]]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"target": 77}, "replicas: 77 then, "),
        ({"freshness": MetricsFreshness.STALE}, "metrics: Stale then, Fresh now"),
        ({"reasons": ()}, "reasons: none then, Demand"),
        ({"rate": 1.0}, "rate: 1 then, "),
        ({"safe_rate": None}, "safe rate: unknown then, "),
    ],
)
def test_every_part_of_a_decision_is_compared(change: dict[str, object], says: str) -> None:
    log = read(recorded((100.0, 30)))
    number, last = log[-1]
    log[-1] = (number, replace(last, decision=replace(last.decision, **change)))  # type: ignore[arg-type]

    (found,) = different(replayed(log))

    assert (found.line, found.difference.startswith(says)) == (30, True), found.difference


def test_numbers_of_reasons_are_compared_and_last_bits_are_not() -> None:
    log = read(recorded((100.0, 30)))
    number, last = log[-1]
    (first, *rest) = last.decision.reasons

    def with_lead(seconds: float) -> list[Step]:
        changed = Reason(first.why, {**first.numbers, "lead": seconds})
        decision = replace(last.decision, reasons=(changed, *rest))
        return different(replayed([*log[:-1], (number, replace(last, decision=decision))]))

    assert with_lead(first.numbers["lead"] * (1 + 1e-9)) == []
    assert with_lead(99.0)[0].difference == f"lead of {Why.DEMAND}: 99 then, 30 now"


def test_two_runs_in_one_log_stand_for_themselves() -> None:
    log = read(recorded((100.0, 60)))
    log += read(recorded((300.0, 60), began=1_780_000_000.0))

    steps = list(replayed(log))

    assert different(steps) == []
    assert [number for number, step in enumerate(steps) if step.starts_run] == [0, 60]


def test_a_log_without_its_beginning_is_refused() -> None:
    with pytest.raises(CannotReplay, match="line 2: no state, and none before it"):
        list(replayed(read(recorded((100.0, 5)))[1:]))


def test_other_settings_decide_otherwise_on_the_same_looks() -> None:
    log = read(up_and_down())

    steps = list(replayed(log, lambda settings: replace(settings, least=5)))

    assert min(step.decision.target for step in steps[2:]) == 5
    assert [step.record for step in steps] == [record for _, record in log]


def test_changes_are_where_the_target_changes() -> None:
    steps = list(replayed(read(up_and_down())))

    changes = list(target_changes(steps))

    assert changes
    first = changes[0]
    assert first.before == steps[0].record.observation.ordered
    assert all(one.before != one.after == one.step.decision.target for one in changes)
    assert [one.before for one in changes[1:]] == [one.after for one in changes[:-1]]
