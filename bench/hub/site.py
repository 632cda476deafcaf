"""One simulated member: the agent's own heartbeat and reports, over a service that is made up."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from bench.hub.objects import (
    CLOUD_NEED,
    CLOUD_ROOM,
    EDGE_NEED,
    EDGE_ROOM,
    P99_MILLISECONDS,
    SAFE_RATE,
    cluster_name,
    is_cloud,
    replica_curve,
)
from triton_operator.agent.heartbeat import Heartbeat
from triton_operator.agent.reports import Reports
from triton_operator.agent.sync import LOOK_SECONDS, REPORT_SECONDS
from triton_operator.api import reasons
from triton_operator.api.conditions import ConditionStatus, finding
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.scaling_answer import TOLD_DIFFERENCE, TOLD_EVERY_SECONDS
from triton_operator.fleet import work_reasons
from triton_operator.fleet.mailbox import AGENT, mailbox_namespace
from triton_operator.fleet.work_report import Told

Body = dict[str, Any]
LEAST_SECONDS, MOST_SECONDS = 0.1, 0.5
"""From a work's change until the member has applied it: an agent settles for 0.1 s, and asks its
own API server."""
NOISE = 0.1
"""Of demand, up or down, from one look to the next."""
AGAIN_SECONDS = 1.0
BEFORE = "2026-01-01T00:00:00Z"


class SlowServer(ApiServer):
    """The hub's API server over a way on which each request takes `delay_seconds` longer."""

    delay_seconds = 0.0

    async def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        taken: Callable[[bytes], None] | None = None,
    ) -> Body:
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        return await super()._request(method, path, body, headers, taken=taken)


class Site:
    """`failures`: requests that were not answered as they should be."""

    def __init__(self, number: int, connection: Connection, interval: float, seed: int) -> None:
        self.name = cluster_name(number)
        self.failures = 0
        self._need = self._seen = CLOUD_NEED if is_cloud(number) else EDGE_NEED
        self._seen_at = -math.inf
        self._room = CLOUD_ROOM if is_cloud(number) else EDGE_ROOM
        self._curve = replica_curve(number)
        self._interval = interval
        self._random = random.Random(seed * 100_003 + number)
        clock = asyncio.get_running_loop().time
        self._server = SlowServer(connection, field_manager=AGENT, tells_limit=True)
        self._heartbeat = Heartbeat(
            mailbox_namespace(self.name),
            every_seconds=interval,
            now=time.time,
            randomness=self._random,
            capacity=lambda: None,
            clock=clock,
        )
        self._reports = Reports(every_seconds=REPORT_SECONDS, now=time.time, clock=clock)
        self._works: dict[str, Body] = {}
        self._woken = asyncio.Event()

    def slow_down(self, seconds: float) -> None:
        """Each request of this member takes that much longer from now on."""
        self._server.delay_seconds = seconds

    def multiply_demand(self, factor: float) -> None:
        """Its clients ask for so many times as much from now on: its operator tells at once."""
        self._need *= factor
        self._seen_at = -math.inf
        self._woken.set()

    def hear(self, work: Body) -> None:
        """A work in the mailbox is new, or another."""
        name, generation = work["metadata"]["name"], work["metadata"]["generation"]
        before = self._works.get(name)
        self._works[name] = work
        if before is None or before["metadata"]["generation"] != generation:
            self._woken.set()

    async def run(self) -> None:
        """As an agent that has just started, for ever."""
        await asyncio.sleep(self._random.uniform(0, self._interval / 2))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beat())
            group.create_task(self._carry_out())

    async def _beat(self) -> None:
        while True:
            try:
                await self._heartbeat.run(self._server, lambda: None)
            except ApiError:
                self.failures += 1
                await asyncio.sleep(AGAIN_SECONDS)

    async def _carry_out(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS * self._random.uniform(0.8, 1.0)):
                    await self._woken.wait()
            except TimeoutError:
                pass
            self._woken.clear()
            await asyncio.sleep(self._random.uniform(LEAST_SECONDS, MOST_SECONDS))
            try:
                for work in list(self._works.values()):
                    await self._reports.tell(self._server, work, self._told(work))
            except ApiError:
                self.failures += 1
                self._woken.set()
                await asyncio.sleep(AGAIN_SECONDS)

    def _told(self, work: Body) -> Told:
        """What an agent would see in its cluster, where the operator follows demand at once."""
        spec, generation = work["spec"], work["metadata"]["generation"]
        scaling = spec["template"]["scaling"]
        need = self._told_need()
        ready = min(
            max(scaling["minReplicas"], math.ceil(need)), scaling["maxReplicas"], self._room
        )
        applied = finding(
            reasons.APPLIED,
            ConditionStatus.TRUE,
            work_reasons.IN_FORCE,
            f"revision {spec['revision']} is in force",
        )
        service = {
            "metadata": {"generation": generation},
            "spec": spec["template"],
            "status": {
                "observedGeneration": generation,
                "readyReplicas": ready,
                "desiredReplicas": ready,
                "autoscaling": {
                    "arrivalsPerSecond": f"{need * SAFE_RATE:.1f}",
                    "safeRatePerReplica": f"{SAFE_RATE:.0f}",
                    # Who does not tell it gets nothing of others where there is a budget.
                    "p99Milliseconds": P99_MILLISECONDS,
                    "replicaCurve": self._curve,
                    "metrics": "Fresh",
                },
                "conditions": [
                    {
                        "type": type_,
                        "status": status,
                        "reason": "AsTheBenchmarkSays",
                        "message": "",
                        "observedGeneration": generation,
                        "lastTransitionTime": BEFORE,
                    }
                    for type_, status in (
                        (reasons.AVAILABLE, "True"),
                        (reasons.PROGRESSING, "False"),
                    )
                ],
            },
        }
        return Told(applied, generation, service, spec["revision"], self._room - ready)

    def _told_need(self) -> float:
        """Demand as the operator's status has it: noise is told anew once a minute, and not if it
        is less than a tenth."""
        now, need = time.monotonic(), self._need * self._random.uniform(1 - NOISE, 1 + NOISE)
        moved = abs(need - self._seen) > TOLD_DIFFERENCE * self._seen
        if moved and now - self._seen_at >= TOLD_EVERY_SECONDS:
            self._seen, self._seen_at = need, now
        return self._seen
