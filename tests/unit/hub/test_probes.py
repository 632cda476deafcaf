"""Rounds of probes against endpoints on loopback: what is told to whom, and what is said."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

import pytest

from tests.fleet_hub.endpoint import endpoint
from triton_operator.hub.cluster_specs import ClusterSpecs
from triton_operator.hub.known import Known
from triton_operator.hub.probes import Probes

NOBODY = "http://127.0.0.1:1"


class Clusters:
    """The part of `Known` that is read."""

    def __init__(self, **urls: str) -> None:
        self.clusters = self
        self.specs = ClusterSpecs()
        self.objects: dict[tuple[str, str], Any] = {}
        self.generation = 0
        self.move(**urls)

    def move(self, **urls: str) -> None:
        """Endpoints are there from now on."""
        self.generation += 1
        for name, url in urls.items():
            self.objects["", name] = {
                "metadata": {"name": name, "uid": name, "generation": self.generation},
                "spec": {"tier": "Cloud", "dataPlane": {"url": url}},
            }


def probes(clusters: Clusters) -> tuple[Probes, list[str]]:
    """And whose turns were heard."""
    heard: list[str] = []
    return Probes(cast(Known, clusters), heard.append), heard


def look(made: Probes, times: int = 1) -> None:
    async def check() -> None:
        for _ in range(times):
            await made.look()

    asyncio.run(check())


def test_the_hubs_own_network_moves_nothing_and_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    with endpoint() as one, endpoint() as other:
        clusters = Clusters(a=one.url, b=other.url)
        made, heard = probes(clusters)
        look(made)
        assert (made.get("a").answers, made.get("b").answers) == (True, True)
        assert heard == ["a", "b"]
    # Nothing listens there any more.
    look(made, 5)

    assert (made.get("a").answers, made.get("b").answers) == (True, True)
    assert heard == ["a", "b"] * 2
    assert caplog.text.count("No endpoint of any cluster answers the hub") == 1


def test_an_error_from_all_is_theirs() -> None:
    with endpoint() as one, endpoint() as other:
        made, _ = probes(Clusters(a=one.url, b=other.url))
        look(made)
        one.status = other.status = 503
        look(made, 3)

        assert (made.get("a").answers, made.get("b").answers) == (False, False)


def test_one_that_is_silent_while_another_one_answers_counts() -> None:
    with endpoint() as one:
        made, heard = probes(Clusters(a=one.url, b=NOBODY))
        look(made, 3)

        assert (made.get("a").answers, made.get("b").answers) == (True, False)
        assert heard == ["a", "b", "b"]


def test_another_address_is_another_endpoint() -> None:
    with endpoint() as one:
        clusters = Clusters(a=one.url, b=NOBODY)
        made, _ = probes(clusters)
        look(made, 3)
        clusters.move(b="http://127.0.0.1:2")
        look(made)

        assert made.get("b").answers is None
