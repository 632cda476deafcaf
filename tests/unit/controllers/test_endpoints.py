"""The operator's own endpoints: figures for a scraper, answers for probes."""

import asyncio
from collections.abc import Sequence

import aiohttp
import pytest

from tests.unit.autoscaling.recorded import log_lines, recorded
from tests.unit.controllers.shell import FILETYPE, Shell
from tests.unit.controllers.telemetry import Instruments, instruments
from tests.unit.controllers.world import pinned
from triton_operator.autoscaling.decision_log import DecisionLog
from triton_operator.controllers.endpoints import endpoints, serve
from triton_operator.controllers.traffic import Traffic

PATHS = ("/metrics", "/healthz", "/readyz")


def answers(
    measured: Instruments, log: DecisionLog | None = None, paths: Sequence[str] = PATHS
) -> dict[str, tuple[int, str]]:
    """Status and text of each endpoint."""

    async def scenario() -> dict[str, tuple[int, str]]:
        runner = await serve(endpoints(measured.collector, measured.health, log), 0)
        site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            host, port = runner.addresses[0][:2]
            found = {}
            async with aiohttp.ClientSession() as session:
                for path in paths:
                    async with session.get(f"http://{host}:{port}{path}") as response:
                        found[path] = (response.status, await response.text())
            return found
        finally:
            await runner.cleanup()

    return asyncio.run(scenario())


@pytest.mark.parametrize("complete", [True, False])
def test_probes_say_why(complete: bool) -> None:
    measured = instruments(Shell(), complete=complete)
    measured.traffic.ended("GET", 200, 0.1)

    found = answers(measured)

    assert found["/healthz"] == (200, "alive\n")
    assert found["/readyz"] == (
        (200, "ready\n") if complete else (503, "the first listing is not complete\n")
    )


def test_metrics_count_what_was_done() -> None:
    shell = Shell(pinned())
    measured = instruments(shell)
    asyncio.run(shell.run())
    shell.queue.add(FILETYPE)
    asyncio.run(shell.run())
    measured.traffic.ended("PATCH", 200, 0.1)
    measured.traffic.ended("PATCH", 0, 30)
    measured.streams.heard("/api/v1/pods")

    status, text = answers(measured)["/metrics"]

    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert status == 200
    assert lines['triton_operator_writes_total{kind="Deployment"}'] == "1.0"
    assert lines['triton_operator_writes_total{kind="Status"}'] >= "1.0"
    assert float(lines['triton_operator_writes_skipped_total{kind="Deployment"}']) >= 1
    assert float(lines['triton_operator_reconciles_total{result="ok"}']) >= 1
    assert lines["triton_operator_leader"] == "1.0"
    assert lines["triton_operator_queue_depth"] == "0.0"
    assert lines["triton_operator_queue_processing"] == "0.0"
    assert lines["triton_operator_queue_longest_running_seconds"] == "0.0"
    assert lines["triton_operator_queue_retries_total"] == "0.0"
    assert float(lines["triton_operator_queue_adds_total"]) >= 1
    assert lines['triton_operator_objects{kind="InferenceService"}'] == "1.0"
    assert lines['triton_operator_watch_age_seconds{kind="Pod"}'] == "0.0"
    assert lines['triton_operator_api_requests_total{code="200",method="PATCH"}'] == "1.0"
    assert lines['triton_operator_api_requests_total{code="0",method="PATCH"}'] == "1.0"
    assert lines['triton_operator_api_request_seconds_bucket{le="0.1",method="PATCH"}'] == "1.0"
    waits = lines['triton_operator_queue_wait_seconds_count{kind="InferenceService"}']
    assert waits == lines['triton_operator_reconcile_seconds_count{kind="InferenceService"}']
    assert float(waits) >= 1


def test_decisions_are_told_by_service() -> None:
    records = recorded((60.0, 20))
    log = DecisionLog()
    for record in records:
        log.append("shop/a", record)
    paths = ("/decisions/shop/a", "/decisions/shop/b", "/decisions/shop")

    found = answers(instruments(Shell()), log, paths)

    assert found[paths[0]] == (200, "".join(f"{line}\n" for line in log_lines(records)))
    assert found[paths[1]][0] == 404
    assert found[paths[1]][1].startswith("no decisions on shop/b are kept here: ")
    assert found[paths[2]][0] == 404
    assert answers(instruments(Shell()), None, paths)[paths[0]] == (404, "404: Not Found")


def test_traffic_knows_when_it_was_last_answered() -> None:
    now = 100.0
    traffic = Traffic(lambda: now)
    assert traffic.answer_age() is None
    traffic.ended("GET", 0, 30)
    assert traffic.answer_age() is None, "a time-out is no answer"
    traffic.ended("GET", 500, 0.1)
    now = 105.0
    traffic.ended("GET", 0, 30)
    assert traffic.answer_age() == 5, "an error is one"
