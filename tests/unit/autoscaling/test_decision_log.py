"""The log of decisions: whole, bounded, and to be replayed from whatever is its oldest line."""

from dataclasses import replace

import pytest

from tests.unit.autoscaling.recorded import log_lines, recorded
from triton_operator.autoscaling.decision_log import DecisionLog
from triton_operator.autoscaling.decision_record import DecisionRecord, record_in
from triton_operator.autoscaling.replay import replayed
from triton_operator.autoscaling.state import ScalingState

KEY = "shop/a"


def kept(log: DecisionLog, key: str = KEY) -> list[DecisionRecord]:
    return [record_in(line, number) for number, line in enumerate(log.lines(key), 1)]


def differences(records: list[DecisionRecord]) -> list[str]:
    steps = replayed(enumerate(records, 1))
    return [step.difference for step in steps if step.difference]


def filled(log: DecisionLog, records: list[DecisionRecord], key: str = KEY) -> DecisionLog:
    for record in records:
        log.append(key, record)
    return log


def test_what_is_kept_are_the_lines_of_a_log() -> None:
    records = recorded((100.0, 60), (300.0, 60))

    log = filled(DecisionLog(), records)

    assert list(log.lines(KEY)) == log_lines(records)


def test_only_whole_chunks_go_and_the_rest_can_be_replayed() -> None:
    records = recorded((100.0, 150), (400.0, 150), (50.0, 200))

    log = filled(DecisionLog(kept_seconds=200.0, chunk_seconds=40.0), records)
    found = kept(log)

    assert 200 <= len(found) <= 260, "the time that is asked for, and a chunk at most"
    assert found[-1].observation == records[-1].observation
    assert found[0].state == records[-len(found)].state
    assert [record.state for record in found[1:]] == [None] * (len(found) - 1)
    assert differences(found) == []


def test_another_state_stands_in_the_log_and_is_no_restart() -> None:
    """Nothing could decide on what follows from what was before, but the operator is the same."""
    records = recorded((100.0, 40))
    second = recorded((200.0, 40), began=1_790_000_100.0)

    log = filled(filled(DecisionLog(), records), second)
    found = kept(log)

    begins = [number for number, record in enumerate(found) if record.state is not None]
    assert begins == [0, 40]
    assert found[40].began == found[0].began == records[0].time
    assert [step.starts_run for step in replayed(enumerate(found, 1))].count(True) == 1
    assert differences(found) == []


def test_a_service_that_is_looked_at_anew_begins_anew() -> None:
    log = filled(DecisionLog(), recorded((100.0, 5)))
    log.forget(KEY)

    again = recorded((100.0, 5), began=1_790_000_100.0)

    assert kept(filled(log, again))[0].began == again[0].time


def test_an_equal_state_goes_on_even_if_it_is_another_object() -> None:
    records = recorded((100.0, 10))
    restored = replace(records[-1].state or ScalingState())
    records[-1] = replace(records[-1], state=restored)

    found = kept(filled(DecisionLog(), records))

    assert sum(record.state is not None for record in found) == 1


def test_a_record_without_its_states_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="states before and after"):
        DecisionLog().append(KEY, replace(recorded((1.0, 1))[0], after=None))


@pytest.mark.parametrize("max_bytes", [130_000, 200_000])
def test_memory_is_bounded_over_all_services_and_the_oldest_go_first(max_bytes: int) -> None:
    log = DecisionLog(max_bytes)
    records = recorded((100.0, 120), (300.0, 120), (50.0, 120))
    keys = [f"shop/{number}" for number in range(8)]
    for record in records:
        for key in keys:
            log.append(key, record)
            assert 0 < log.bytes <= max_bytes

    found = [kept(log, key) for key in keys]
    lengths = [len(one) for one in found]
    assert sum(lengths) < 8 * len(records), "all of it would not fit"
    assert min(lengths) > 10
    assert max(lengths) < 3 * min(lengths), "each has its share"
    assert log.bytes > max_bytes / 2, "what there is is used"
    assert all(one[-1].time == records[-1].time for one in found)
    assert differences(found[0]) == differences(found[-1]) == []


def test_one_service_does_not_push_the_others_out() -> None:
    log = filled(DecisionLog(200_000), recorded((10.0, 20)), "shop/quiet")
    loud = recorded((100.0, 500))

    filled(log, loud, "shop/loud")

    assert len(kept(log, "shop/quiet")) == 20
    assert 0 < len(kept(log, "shop/loud")) < 500


def test_a_record_larger_than_the_memory_leaves_nothing() -> None:
    log = filled(DecisionLog(100), recorded((100.0, 3)))

    assert (log.bytes, list(log.lines(KEY)), KEY in log) == (0, [], False)


def test_a_service_that_is_gone_takes_its_memory_along() -> None:
    records = recorded((100.0, 50))
    log = filled(filled(DecisionLog(chunk_seconds=10.0), records), records, "shop/b")
    alone = filled(DecisionLog(chunk_seconds=10.0), records, "shop/b").bytes

    log.forget(KEY)
    log.forget("shop/never")

    assert (KEY in log, list(log.lines(KEY))) == (False, [])
    assert log.bytes == alone > 0
    log.forget("shop/b")
    assert log.bytes == 0


def test_lines_are_those_of_when_they_were_asked_for() -> None:
    """A download goes on while decisions are made."""
    records = recorded((100.0, 80))
    log = filled(DecisionLog(chunk_seconds=10.0), records[:40])

    lines = log.lines(KEY)
    first = next(lines)
    filled(log, records[40:])
    log.forget(KEY)

    assert [first, *lines] == log_lines(records[:40])


def test_bytes_count_what_is_there() -> None:
    """Exact enough to bound a process: every part of a chunk counts, whatever became of it."""
    log = filled(DecisionLog(chunk_seconds=20.0, kept_seconds=100.0), recorded((100.0, 300)))

    chunks = log._services[KEY]
    parts = [
        len(part)
        for chunk in chunks
        for part in (*chunk.state, *chunk.blocks, *chunk.tail, chunk.dictionary)
    ]
    assert log.bytes == sum(chunk.size for chunk in chunks)
    assert sum(parts) <= log.bytes <= sum(parts) + 70 * len(parts) + 600 * len(chunks)
