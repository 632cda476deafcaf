"""The operator's own endpoints: figures for a scraper, answers for probes."""

import asyncio

import aiohttp
import pytest
from aiohttp import web

from tests.unit.controllers.shell import Shell
from tests.unit.controllers.world import pinned
from triton_operator.controllers.endpoints import OperatorCollector, endpoints


def answers(shell: Shell, *, alive: bool = True, ready: bool = True) -> dict[str, tuple[int, str]]:
    """Status and text of each endpoint."""

    async def scenario() -> dict[str, tuple[int, str]]:
        application = endpoints(
            OperatorCollector(shell.queue, shell.controller, shell.writer, lambda: True),
            is_alive=lambda: alive,
            is_ready=lambda: ready,
        )
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            found = {}
            async with aiohttp.ClientSession() as session:
                for path in ("/metrics", "/healthz", "/readyz"):
                    async with session.get(f"http://{host}:{port}{path}") as response:
                        found[path] = (response.status, await response.text())
            return found
        finally:
            await runner.cleanup()

    return asyncio.run(scenario())


@pytest.mark.parametrize("alive", [True, False])
@pytest.mark.parametrize("ready", [True, False])
def test_probes(alive: bool, ready: bool) -> None:
    found = answers(Shell(), alive=alive, ready=ready)

    assert found["/healthz"][0] == (200 if alive else 503)
    assert found["/readyz"][0] == (200 if ready else 503)


def test_metrics_count_what_was_done() -> None:
    shell = Shell(pinned())
    asyncio.run(shell.run())

    status, text = answers(shell)["/metrics"]

    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert status == 200
    assert lines['triton_operator_writes_total{kind="Deployment"}'] == "1.0"
    assert lines['triton_operator_writes_total{kind="Status"}'] >= "1.0"
    assert float(lines['triton_operator_reconciles_total{result="ok"}']) >= 1
    assert lines["triton_operator_leader"] == "1.0"
    assert lines["triton_operator_queue_depth"] == "0.0"
    assert lines["triton_operator_queue_processing"] == "0.0"
    assert float(lines["triton_operator_queue_adds_total"]) >= 1
    assert "triton_operator_writes_skipped_total" in lines
