"""The plot of a replayed log: what is in it, and that it is whole whatever the log holds."""

import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from tests.unit.autoscaling.recorded import recorded
from triton_operator.autoscaling.decision_record import DecisionRecord
from triton_operator.autoscaling.observation import Observation, Traffic
from triton_operator.autoscaling.replay import replayed, target_changes
from triton_operator.autoscaling.state import ScalingState
from triton_operator.cli.axes import ticks, time_step
from triton_operator.cli.replay import Outcome
from triton_operator.cli.replay_page import page
from triton_operator.cli.replay_plot import plot_of

SVG = "{http://www.w3.org/2000/svg}"


def drawn(
    records: list[DecisionRecord], name: str = "a.jsonl", settings: tuple[str, ...] = ()
) -> ElementTree.Element:
    steps = list(replayed(enumerate(records, 1)))
    return ElementTree.fromstring(plot_of(steps, list(target_changes(steps)), name, settings))


def texts(drawing: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in drawing.iter(f"{SVG}text")]


def without_latencies(record: DecisionRecord) -> DecisionRecord:
    traffic = record.observation.traffic
    assert traffic is not None
    bare = Traffic(traffic.interval_seconds, traffic.arrivals)
    return replace(record, observation=replace(record.observation, traffic=bare))


def test_every_change_is_marked_and_told() -> None:
    records = recorded((60.0, 60), (400.0, 60), (60.0, 90))
    changes = list(target_changes(replayed(enumerate(records, 1))))

    drawing = drawn(records)

    marks = [path for path in drawing.iter(f"{SVG}path") if path.find(f"{SVG}title") is not None]
    assert len(marks) == len(changes) > 3
    rows = [
        text for text in texts(drawing) if re.match(r"\d+\.  \d\d:\d\d:\d\d  \d+ → \d+: ", text)
    ]
    assert len(rows) == len(changes)
    assert f"{changes[0].before} → {changes[0].after}: " in rows[0]
    for word in ("safe rate × ready", "arrivals", "ready", "ordered", "target", "waiting"):
        assert word in texts(drawing)
    assert "time of day, UTC" in texts(drawing)


def test_latencies_are_drawn_where_they_were_counted() -> None:
    records = recorded((60.0, 60))

    assert "wanted: 99 %" in texts(drawn(records))
    assert "wanted: 99 %" not in texts(drawn([without_latencies(one) for one in records]))


def test_an_open_loop_says_so() -> None:
    words = texts(drawn(recorded((60.0, 60)), settings=("least=3",)))

    assert "decided with least=3 on what was seen then: an open loop" in words
    assert "target then" in words


def test_one_look_without_anything_is_drawn_too() -> None:
    first = recorded((60.0, 1))[0]
    record = replace(first, observation=Observation(1e9, 0), state=ScalingState())

    words = texts(drawn([record]))

    assert "metrics: Stale" in words


def test_names_are_only_words() -> None:
    name = '<script>alert("a&b")</script>\x1b\x00.jsonl'
    records = recorded((60.0, 20))

    drawing = drawn(records, name)
    steps = list(replayed(enumerate(records, 1)))
    html = page("<svg/>", Outcome(name, steps, [], ()))

    assert texts(drawing)[0].startswith('<script>alert("a&b")</script>\ufffd\ufffd.jsonl, 2026-')
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_the_page_has_every_change() -> None:
    steps = list(replayed(enumerate(recorded((60.0, 60), (400.0, 60), (60.0, 90)), 1)))
    changes = list(target_changes(steps))

    html = page("<svg/>", Outcome("a", steps, changes, ()))

    assert html.count("<tr>") == 1 + len(changes)
    assert "every decision comes out as it did then" in html


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 5065), (90, 100), (0, 1e9), (0, 0.003)])
def test_ticks_are_round_and_within(low: float, high: float) -> None:
    found = ticks(low, high, 6)

    assert 2 <= len(found) <= 7
    assert all(low <= tick <= high for tick in found)
    steps = {f"{after - before:.6e}" for before, after in pairwise(found)}
    assert len(steps) == 1
    assert re.fullmatch(r"[125]\.0+e.*", steps.pop())


@pytest.mark.parametrize("seconds", [1.0, 59.0, 3600.0, 86400.0, 3e7, 1e11])
def test_times_are_never_too_many(seconds: float) -> None:
    assert seconds / time_step(seconds) <= 9
