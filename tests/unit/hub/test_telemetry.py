"""Metrics of a hub: docs/fleet-hub.md names exactly those that there are, and what they say."""

import asyncio
import random
from pathlib import Path
from typing import Any, cast

from prometheus_client import CollectorRegistry

from triton_operator.controllers.connection import Connection as ApiConnection
from triton_operator.controllers.keys import Key
from triton_operator.controllers.queue import KeyQueue
from triton_operator.controllers.traffic import Traffic
from triton_operator.fleet.connection import Connection
from triton_operator.fleet.origin import ORIGIN
from triton_operator.hub.cluster_status import persisted_connection
from triton_operator.hub.contacts import Contacts
from triton_operator.hub.following import Following
from triton_operator.hub.health import HubHealth
from triton_operator.hub.kinds import INFERENCE_CLUSTER
from triton_operator.hub.known import Known
from triton_operator.hub.telemetry import HubCollector

PAGE = Path(__file__).parents[3] / "docs" / "fleet-hub.md"
NOW = 1000.0


def mirror() -> Following:
    """One that follows nothing."""
    nothing = cast(Any, None)
    return Following(
        nothing,
        cast(ApiConnection, nothing),
        INFERENCE_CLUSTER,
        lambda before, after: None,
        randomness=random.Random(1),
    )


def work(applied: int, **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "w", "labels": {ORIGIN: "hub"}, **metadata},
        "spec": {"revision": 2},
        "status": {"appliedRevision": applied},
    }


async def collector(*, leads: bool = True) -> HubCollector:
    known = Known("hub", mirror(), mirror(), mirror(), mirror())
    contacts = Contacts(lambda: NOW, lambda: NOW)
    up = {"connectionState": "Connected", "flaps": 3, "lastHeardTime": "1970-01-01T00:16:00Z"}
    for name, connection in (("a", persisted_connection(up)), ("b", Connection())):
        known.clusters.objects["", name] = {"metadata": {"name": name}}
        contacts.restore(name, connection)
    known.works.objects["fleet-a", "w"] = work(2)
    known.works.objects["fleet-b", "w"] = work(1)
    known.works.objects["fleet-b", "v"] = work(2, deletionTimestamp="now")
    known.works.objects["fleet-c", "w"] = work(1, labels={ORIGIN: "another hub"})
    loop = asyncio.get_running_loop()
    queue: KeyQueue[Key] = KeyQueue(clock=loop.time, call_later=loop.call_later)
    traffic = Traffic(loop.time)
    traffic.ended("GET", 200, 0.1)
    return HubCollector(known, contacts, queue, traffic, lambda: leads, lambda: NOW)


def values(made: HubCollector) -> dict[tuple[str, ...], float]:
    registry = CollectorRegistry()
    registry.register(made)
    return {
        (one.name, *one.labels.values()): one.value
        for family in registry.collect()
        for one in family.samples
    }


def test_what_they_say() -> None:
    found = values(asyncio.run(collector()))

    prefix = "triton_operator_fleet"
    assert found[f"{prefix}_clusters", "Connected"] == 1
    assert found[f"{prefix}_clusters", "Lost"] == 1
    assert found[f"{prefix}_clusters", "Suspect"] == 0
    assert found[f"{prefix}_heartbeat_age_seconds", "a"] == 40
    assert (f"{prefix}_heartbeat_age_seconds", "b") not in found
    assert found[f"{prefix}_flaps_total", "a"] == 3
    assert found[f"{prefix}_works",] == 3
    assert found[f"{prefix}_unapplied_works",] == 1
    assert found[f"{prefix}_pending_deletions",] == 1


def test_a_follower_knows_nothing_of_clusters() -> None:
    found = values(asyncio.run(collector(leads=False)))

    assert found["triton_operator_leader",] == 0
    assert not [key for key in found if "fleet" in key[0]]


def test_the_page_names_exactly_the_metrics_there_are() -> None:
    rows = set()
    for family in asyncio.run(collector()).collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = dict.fromkeys(label for one in family.samples for label in one.labels)
        named = ", ".join(f"`{label}`" for label in labels if label != "le")
        rows.add((f"`{name}`", family.type, named, family.documentation))
    cells = [
        tuple(cell.strip() for cell in line.split("|")[1:-1])
        for line in PAGE.read_text(encoding="utf-8").splitlines()
    ]

    assert {row for row in cells if row and row[0].startswith("`triton_operator_")} == rows


def test_a_hub_is_ready_once_it_has_listed_everything() -> None:
    async def check() -> None:
        loop = asyncio.get_running_loop()
        queue: KeyQueue[Key] = KeyQueue(clock=loop.time, call_later=loop.call_later)
        mirrors = [mirror(), mirror()]
        health = HubHealth(queue, mirrors)
        mirrors[0].synced.set()
        assert health.hindrances() == ["the first listing of inferenceclusters is not complete"]
        mirrors[1].synced.set()
        assert health.hindrances() == []
        assert health.illnesses() == []

    asyncio.run(check())
