"""Alive means that a restart would not help; ready means that it knows the cluster."""

import asyncio

from tests.unit.controllers.clock import settle
from tests.unit.controllers.shell import FILETYPE, Shell
from tests.unit.controllers.telemetry import instruments
from triton_operator.controllers.health import (
    SILENT_SECONDS,
    STUCK_SECONDS,
    UNREACHABLE_SECONDS,
)

PODS = "/api/v1/pods"
NODES = "/api/v1/nodes"


def test_at_first_it_is_alive_and_not_ready() -> None:
    """Nothing has been answered yet; a restart would begin at the same point."""
    health = instruments(Shell(), complete=False).health

    assert health.illnesses() == []
    assert [why.split()[0] for why in health.hindrances()] == ["the", "no"]


def test_a_follower_is_ready() -> None:
    measured = instruments(Shell(), leads=False)
    measured.traffic.ended("GET", 200, 0.1)

    assert measured.health.hindrances() == []


def test_a_worker_that_never_returns_is_an_illness() -> None:
    shell = Shell()
    measured = instruments(shell)
    measured.traffic.ended("GET", 200, 0.1)

    async def scenario() -> None:
        shell.queue.add(FILETYPE)
        await shell.queue.get()
        shell.clock.advance(STUCK_SECONDS)
        assert measured.health.illnesses() == []
        shell.clock.advance(1)
        assert measured.health.illnesses() == ["a worker has been busy with one key for 601 s"]
        shell.queue.done(FILETYPE)
        assert measured.health.illnesses() == []
        await settle()

    asyncio.run(scenario())


def test_a_watch_that_is_dead_beside_others_is_an_illness() -> None:
    shell = Shell()
    measured = instruments(shell)
    measured.streams.heard(PODS)
    shell.clock.advance(SILENT_SECONDS + 1)
    measured.streams.heard(NODES)

    (why,) = measured.health.illnesses()
    assert "watch of Pod" in why
    measured.streams.heard(PODS)
    assert measured.health.illnesses() == []


def test_watches_that_are_dead_while_requests_are_answered_are_an_illness() -> None:
    """The renewals of the Lease are such requests."""
    shell = Shell()
    measured = instruments(shell)
    measured.streams.heard(PODS)
    shell.clock.advance(SILENT_SECONDS + 1)
    assert measured.health.illnesses() == [], "perhaps the API server is away"

    measured.traffic.ended("GET", 200, 0.1)

    assert len(measured.health.illnesses()) == 1


def test_an_api_server_that_is_away_is_no_illness_but_a_hindrance() -> None:
    shell = Shell()
    measured = instruments(shell)
    measured.streams.heard(PODS)
    measured.traffic.ended("GET", 200, 0.1)
    shell.clock.advance(UNREACHABLE_SECONDS)
    assert measured.health.hindrances() == []

    shell.clock.advance(3600)
    measured.traffic.ended("GET", 0, 30)

    assert measured.health.illnesses() == []
    (why,) = measured.health.hindrances()
    assert "API server" in why
    measured.traffic.ended("GET", 429, 0.1)
    assert measured.health.hindrances() == []


def test_the_last_namespace_that_is_lost_is_a_hindrance_and_no_illness() -> None:
    measured = instruments(Shell(), names=("shop", "lab"))
    measured.traffic.ended("GET", 403, 0.1)
    measured.namespaces.lose("lab")
    assert measured.health.hindrances() == [], "the other one needs this process"

    measured.namespaces.lose("shop")
    (why,) = measured.health.hindrances()
    assert "namespaces" in why
    assert measured.health.illnesses() == []
