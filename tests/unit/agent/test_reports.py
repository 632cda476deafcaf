"""Reports that the hub puts off: they wait as long as it says, and no connection ends for them."""

from __future__ import annotations

import asyncio
import copy
from dataclasses import replace
from typing import Any, cast

import pytest

from triton_operator.agent.reports import Reports
from triton_operator.api.conditions import ConditionStatus, finding
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiUnavailable
from triton_operator.fleet.origin import DECISIONS
from triton_operator.fleet.work_report import Told

WORK = {"metadata": {"namespace": "fleet-a", "name": "w", "uid": "u"}}
TOLD = Told(finding("Applied", ConditionStatus.TRUE, "InForce"), 1)


class Hub:
    """Answers with errors, as long as it has some."""

    def __init__(self, *errors: ApiUnavailable) -> None:
        self.now = 0.0
        self.errors = list(errors)
        self.asked: list[float] = []
        self.told: list[set[str]] = []
        """Parts of the statuses, but the sequence."""
        self.sent: list[dict[str, Any]] = []
        self.reports = Reports(every_seconds=60.0, now=lambda: self.now, clock=lambda: self.now)

    async def apply_status(self, *arguments: Any) -> Any:
        self.asked.append(self.now)
        self.told.append(set(arguments[-1]) - {"sequence"})
        self.sent.append(copy.deepcopy(arguments[-1]))
        if self.errors:
            raise self.errors.pop(0)
        return WORK

    def tell(self, now: float, told: Told = TOLD) -> Any:
        self.now = now
        return asyncio.run(self.reports.tell(cast(ApiServer, self), WORK, told))


def test_a_report_that_is_put_off_comes_later() -> None:
    hub = Hub(ApiUnavailable(503, "ServiceUnavailable", "later"))

    assert hub.tell(0.0) is None
    for now in (1.0, 4.0):
        hub.tell(now)
    assert hub.asked == [0.0]
    assert hub.tell(15.0) == WORK
    assert hub.asked == [0.0, 15.0]


def test_a_hub_says_how_long() -> None:
    hub = Hub(ApiUnavailable(429, "TooManyRequests", "later", retry_after=40.0))

    for now in (0.0, 15.0, 30.0, 41.0):
        hub.tell(now)

    assert hub.asked == [0.0, 41.0]


def test_no_answer_is_an_end_of_the_connection() -> None:
    hub = Hub(ApiUnavailable(0, "TimeoutError", "nothing"))

    with pytest.raises(ApiUnavailable):
        hub.tell(0.0)


ROW = '{"number":1,"time":"2026-11-28T12:00:00Z","from":1,"to":2,"reason":"why"}'
DECIDED = replace(TOLD, service={"metadata": {"annotations": {DECISIONS: f"[{ROW}]"}}})


def older(field: str) -> ApiUnavailable:
    """As kube-apiserver answers."""
    said = f"failed to create typed patch object (fleet-a/w): .status.{field}"
    return ApiUnavailable(500, "", f"{said}: field not declared in schema")


def test_an_older_hub_gets_what_it_knows_and_later_the_rest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub = Hub(older("decisions"))
    both, rest = {"conditions", "decisions"}, {"conditions"}

    assert hub.tell(0.0, DECIDED) == WORK
    for now in (1.0, 70.0, 590.0):
        hub.tell(now, DECIDED)
    hub.errors.append(older("decisions"))
    hub.tell(601.0, DECIDED)
    assert hub.told == [both, rest, rest, rest, both]

    hub.tell(1300.0, DECIDED)

    assert hub.told[5:] == [both]
    assert len(caplog.messages) == 1
    assert "is older than this agent" in caplog.text


CURVE = {
    "baseMicroseconds": 3980,
    "perRequestMicroseconds": 1070,
    "maxBatchSize": 16,
    "instances": 2,
}
SERVING = {
    **DECIDED.service,  # type: ignore[dict-item]
    "status": {
        "observedGeneration": 1,
        "readyReplicas": 3,
        "autoscaling": {"metrics": "Fresh", "arrivalsPerSecond": "9", "replicaCurve": CURVE},
    },
}
SERVED = replace(DECIDED, service=SERVING)


def test_of_a_part_that_an_older_hub_knows_only_the_new_field_is_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub = Hub(older("load.replicaCurve"))

    assert hub.tell(0.0, SERVED) == WORK
    hub.tell(60.0, SERVED)
    hub.tell(601.0, SERVED)

    loads = [status["load"] for status in hub.sent]
    rest = {"readyReplicas": 3, "capReplicas": 3, "arrivalsPerSecond": "9"}
    for load in loads:
        del load["observedAt"]
    assert loads == [{**rest, "replicaCurve": CURVE}, rest, rest, {**rest, "replicaCurve": CURVE}]
    assert {frozenset(told) for told in hub.told} == {
        frozenset({"conditions", "decisions", "load"})
    }
    assert [vars(one)["field"] for one in caplog.records] == ["status.load.replicaCurve"]


def test_an_older_hub_may_lack_several_fields() -> None:
    hub = Hub(older("decisions"), older("load.replicaCurve"), older("load.arrivalsPerSecond"))

    assert hub.tell(0.0, SERVED) == WORK
    assert hub.told[-1] == {"conditions", "load"}
    assert hub.sent[-1]["load"].keys() == {"readyReplicas", "capReplicas", "observedAt"}


def test_a_field_that_is_left_out_already_is_another_error() -> None:
    hub = Hub(*(older("load.replicaCurve") for _ in range(9)))

    assert hub.tell(0.0, SERVED) is None
    assert len(hub.asked) == 2


@pytest.mark.parametrize("field", ["load.waits", "conditions[0].since", "endpoints"])
def test_what_is_not_a_part_of_the_report_is_another_error(field: str) -> None:
    hub = Hub(older(field))

    assert hub.tell(0.0, DECIDED) is None
    assert hub.told == [{"conditions", "decisions"}]
