"""One event for each change of replicas, and none for what was told before."""

from typing import Any

from tests.unit.controllers.answers import answer, changed
from tests.unit.controllers.world import NOW, observed, serving
from triton_operator.controllers.observed import EventDraft
from triton_operator.controllers.scaling_answer import Change, ScalingAnswer
from triton_operator.controllers.scaling_events import scaling_events
from triton_operator.controllers.scaling_status import scaling_status


def events(said: ScalingAnswer | None, before: dict[str, Any] | None = None) -> list[EventDraft]:
    """The events of an answer, after a status with `before` as what was seen."""
    cluster = serving()
    service = cluster.one("InferenceService")
    cluster.put({**service, "status": {**service["status"], "autoscaling": before or {}}})
    found = scaling_status(said, {"autoscaling": before} if before else {}, 0)
    status = {"autoscaling": found.wire()} if found else {}
    return list(scaling_events(observed(cluster, scaling=said), status))


def shown(said: ScalingAnswer) -> dict[str, Any]:
    found = scaling_status(said, {}, 0)
    assert found is not None
    return found.wire()


def test_a_change_is_told_with_its_reason() -> None:
    (event,) = events(changed(1, 3))

    assert (event.type, event.reason, event.action) == ("Normal", "Scaled", "Scale")
    assert event.message == "1 to 3 replicas: demand jumped to 212 requests/s"


def test_an_answer_without_a_change_is_none() -> None:
    assert events(answer(3)) == []


def test_what_the_status_shows_already_is_not_told_again() -> None:
    assert events(changed(1, 3), shown(changed(1, 3))) == []


def test_the_same_step_at_another_time_is_another_change() -> None:
    later = answer(3, change=Change(NOW + 600, 1, 3, "demand jumped to 212 requests/s"))

    assert len(events(later, shown(changed(1, 3)))) == 1


def test_a_new_operator_tells_nothing_of_what_the_old_one_did() -> None:
    before = shown(changed(1, 3))

    assert events(None, before) == []
    assert events(answer(3), before) == []
