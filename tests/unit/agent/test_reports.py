"""Reports that the hub puts off: they wait as long as it says, and no connection ends for them."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from triton_operator.agent.reports import Reports
from triton_operator.api.conditions import ConditionStatus, finding
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiUnavailable
from triton_operator.fleet.work_report import Told

WORK = {"metadata": {"namespace": "fleet-a", "name": "w", "uid": "u"}}
TOLD = Told(finding("Applied", ConditionStatus.TRUE, "InForce"), 1)


class Hub:
    """Answers with errors, as long as it has some."""

    def __init__(self, *errors: ApiUnavailable) -> None:
        self.now = 0.0
        self.errors = list(errors)
        self.asked: list[float] = []
        self.reports = Reports(every_seconds=60.0, now=lambda: self.now, clock=lambda: self.now)

    async def apply_status(self, *_: Any) -> Any:
        self.asked.append(self.now)
        if self.errors:
            raise self.errors.pop(0)
        return WORK

    def tell(self, now: float) -> Any:
        self.now = now
        return asyncio.run(self.reports.tell(cast(ApiServer, self), WORK, TOLD))


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
