"""Events of single objects are read at need, remembered a moment, and never hold up the work."""

import asyncio
import logging
from typing import Any

import pytest

from tests.unit.controllers.clock import Clock
from tests.unit.controllers.cluster import Cluster
from triton_operator.controllers.cluster_events import event_view
from triton_operator.controllers.errors import ApiRefused
from triton_operator.controllers.event_reader import FRESH_SECONDS, KEPT_SECONDS, EventReader
from triton_operator.controllers.times import epoch_seconds
from triton_operator.controllers.views import ObjectView

POD = ObjectView("Pod", "shop", "a", "uid-a", "1", 0)


def told(message: str, **parts: Any) -> dict[str, Any]:
    return {
        "metadata": {"resourceVersion": "7", "creationTimestamp": "2026-11-20T10:00:00Z"},
        "reason": "FailedMount",
        "note": message,
        "type": "Warning",
        "regarding": {"kind": "Pod", "name": "a", "uid": "uid-a"},
        **parts,
    }


class Desk:
    def __init__(self) -> None:
        self.cluster = Cluster()
        self.clock = Clock()
        self.reader = EventReader(self.cluster, self.clock)  # type: ignore[arg-type]

    def read(self) -> list[str]:
        found = asyncio.run(self.reader.about([POD]))
        return [event.message for event in found["uid-a"]]


def test_events_about_an_object_are_read() -> None:
    desk = Desk()
    desk.cluster.told = [told("no secret"), told("x", regarding={"uid": "uid-b"})]

    assert desk.read() == ["no secret"]
    assert desk.cluster.requests == ["find Event/regarding.uid=uid-a"]


def test_they_are_remembered_for_a_moment() -> None:
    desk = Desk()
    desk.read()
    desk.cluster.told = [told("no secret")]

    assert desk.read() == []
    desk.clock.advance(FRESH_SECONDS)
    assert desk.read() == ["no secret"]


def test_where_they_cannot_be_read_what_was_known_stays(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    desk.cluster.told = [told("no secret")]
    desk.read()
    desk.clock.advance(FRESH_SECONDS)
    desk.cluster.failures["find", "Event"] = [ApiRefused(403, "Forbidden", "may not")]

    with caplog.at_level(logging.WARNING):
        assert desk.read() == ["no secret"]

    assert "events of an object cannot be read" in caplog.text


def test_what_nobody_asks_for_any_more_is_forgotten() -> None:
    desk = Desk()
    desk.read()
    desk.clock.advance(KEPT_SECONDS + 1)
    asyncio.run(desk.reader.about([]))

    assert desk.reader._read == {}


def test_an_event_is_as_old_as_its_last_observation() -> None:
    times: dict[str, Any] = {"deprecatedLastTimestamp": "2026-11-20T11:00:00Z"}
    series = {"series": {"count": 9, "lastObservedTime": "2026-11-20T12:00:00.500000Z"}}

    assert event_view(told("a")).seen == epoch_seconds("2026-11-20T10:00:00Z")
    assert event_view(told("a", **times)).seen == epoch_seconds("2026-11-20T11:00:00Z")
    seen = event_view(told("a", **times, **series))
    assert (seen.seen, seen.count) == (epoch_seconds("2026-11-20T12:00:00.5Z"), 9)
