"""One of two watched namespaces goes: the other is served on, and the lost one once it is back."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from kopf._cogs.clients.errors import APIError
from kopf._cogs.clients.watching import WatchingError

from tests.faults import models
from tests.faults.end_state import differences, end_state
from tests.faults.fake.history import Body
from tests.faults.fake.kinds import Target
from tests.faults.invariants import Bugs
from tests.faults.rights import Rights, RightsInAStorm
from tests.faults.scenarios import KNOWN, SCENARIOS, service, start_of
from tests.faults.virtual_time import run
from tests.faults.world import OPTIONS, RESTART_SECONDS, SWEEP_SECONDS, World
from triton_operator.controllers.health import SILENT_SECONDS
from triton_operator.controllers.kinds import NAMESPACE
from triton_operator.manifests.desired_hash import with_desired_hash
from triton_operator.manifests.model_profile import profile_of_facts

FOUND = 30.0
"""Seconds after which a loss that shows, or a return, has been found out."""
BOTH = replace(OPTIONS, namespaces=("shop", "lab"))
EMPTY = next(one for one in SCENARIOS if one.name == "first apply")
LOST = "A watched namespace cannot be read"
BACK = "A watched namespace is served again"


@pytest.fixture(autouse=True, scope="module")
def _start() -> None:
    """In a loop of its own, so before any other runs."""
    start_of(EMPTY)


def in_lab(body: Body) -> Body:
    return {**body, "metadata": {**body["metadata"], "namespace": "lab"}}


def make_lab(world: World) -> None:
    """The namespace with a service; its model is known."""
    world.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab"}})
    profile = profile_of_facts("lab", KNOWN["digest"], models.facts_at(models.FIRST))
    world.apply(with_desired_hash(profile))
    world.apply(in_lab(service()))


@asynccontextmanager
async def both(rights: Rights, *, denied: bool = False, starts: int = 1) -> AsyncIterator[World]:
    """Two watched namespaces with a service each, at rest."""
    if denied:
        rights.denied.add("lab")
    with Bugs() as bugs:
        async with World.open(start_of(EMPTY), rights, options=BOTH) as world:
            make_lab(world)
            world.apply(service())
            await world.rest()
            assert serves(world, "shop")
            yield world
            assert [str(crash) for crash in world.crashes] == []
            assert world.starts == starts
    assert not bugs.seen


def edit(world: World, size: int, namespace: str = "shop") -> None:
    """Another batch size for `a`."""
    world.edit("InferenceService", "a", {"batching": {"maxBatchSize": size}}, namespace)


def serves(world: World, namespace: str, name: str = "a") -> bool:
    """Whether a service's newest generation is answered, and its Deployment there."""
    body = world.history.objects.get(("InferenceService", namespace, name))
    status = (body or {}).get("status") or {}
    return (
        body is not None
        and status.get("observedGeneration") == body["metadata"]["generation"]
        and ("Deployment", namespace, f"{name}-cpu") in world.history.objects
    )


def health(world: World) -> tuple[list[str], list[str]]:
    assert world.operator is not None
    return world.operator.health.illnesses(), world.operator.health.hindrances()


def served(world: World) -> dict[str, float]:
    """The metric, by namespace."""
    assert world.operator is not None
    return {
        sample.labels["namespace"]: sample.value
        for family in world.operator.collector.collect()
        for sample in family.samples
        if sample.name == "triton_operator_namespace_served"
    }


def objects(world: World) -> int:
    """How many InferenceServices the operator knows."""
    assert world.operator is not None
    return next(
        int(sample.value)
        for family in world.operator.collector.collect()
        for sample in family.samples
        if sample.labels.get("kind") == "InferenceService"
        and sample.name == "triton_operator_objects"
    )


def lines(caplog: pytest.LogCaptureFixture, beginning: str) -> list[str]:
    return [
        record.namespace  # type: ignore[attr-defined]
        for record in caplog.records
        if record.getMessage().startswith(beginning)
    ]


def rights_go(world: World, rights: Rights) -> None:
    """The RoleBinding goes; watches go on until they are broken."""
    rights.denied.add("lab")


def watches_break(world: World, rights: Rights | RightsInAStorm) -> None:
    """The RoleBinding goes, and each watch ends, as it does by itself within an hour."""
    rights.denied.add("lab")
    world.server.drop_watches()


def namespace_goes_unseen(world: World, rights: Rights) -> None:
    """The watches are broken before the namespace ends: no event tells of what was in it."""
    rights.denied.add("lab")
    world.server.drop_watches()
    world.remove(Target(NAMESPACE, "", "lab"))


Loss = Callable[[World, Rights], None]
LOSSES = [rights_go, watches_break, namespace_goes_unseen]


@pytest.mark.parametrize("loss", LOSSES)
def test_the_other_namespace_is_served_on(loss: Loss, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def scenario() -> None:
        rights = Rights()
        async with both(rights) as world:
            loss(world, rights)
            await world.rest(1.3 * SWEEP_SECONDS)
            assert served(world) == {"shop": 1, "lab": 0}
            for size in (1, 2, 4):
                edit(world, size)
                world.delete("Deployment", "a-cpu")
                await world.rest(60)
                assert serves(world, "shop")
                await world.rest(SILENT_SECONDS)
                assert health(world) == ([], [])

    run(scenario())
    assert lines(caplog, LOST) == ["lab"], "named once"
    assert [record.name for record in caplog.records if record.levelno >= logging.WARNING] == [
        "triton_operator.controllers.namespace_rights"
    ]


@pytest.mark.parametrize("loss", LOSSES)
def test_it_is_served_again_when_it_is_back(loss: Loss, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def scenario() -> None:
        rights = Rights()
        async with both(rights) as world:
            loss(world, rights)
            await world.rest(1.3 * SWEEP_SECONDS)
            if ("Namespace", "", "lab") not in world.history.objects:
                make_lab(world)
            rights.denied.clear()
            await world.rest(FOUND)
            assert served(world) == {"shop": 1, "lab": 1}
            assert serves(world, "lab")
            edit(world, 2, "lab")
            await world.rest(FOUND)
            assert serves(world, "lab"), "its watches are back, too"
            await world.rest(2 * SILENT_SECONDS)
            assert health(world) == ([], [])

    run(scenario())
    assert (lines(caplog, LOST), lines(caplog, BACK)) == (["lab"], ["lab"])


def test_what_changed_meanwhile_is_made_up_for() -> None:
    """A service deleted and one created while nobody could look."""

    async def scenario() -> None:
        rights = Rights()
        async with both(rights) as world:
            watches_break(world, rights)
            await world.rest(FOUND)
            world.delete("InferenceService", "a", "lab")
            world.apply(in_lab(service("b")))
            await world.rest(SWEEP_SECONDS)
            assert objects(world) == 2, "nothing proves that the one in lab is gone"
            assert not serves(world, "lab", "b")
            rights.denied.clear()
            await world.rest(FOUND)
            assert serves(world, "lab", "b")
            assert objects(world) == 2, "the listing proves it"

    run(scenario())


# may the operator ask whether the namespace exists; does it; how many services are known then
EVIDENCE = [
    (True, False, 1, "404 for the namespace: nothing can be in it"),
    (False, False, 2, "403 for the namespace proves nothing"),
    (True, True, 2, "it exists: only the rights are gone"),
]


@pytest.mark.parametrize(
    ("may_look", "exists", "known"), [row[:3] for row in EVIDENCE], ids=[row[3] for row in EVIDENCE]
)
def test_what_is_known_goes_only_on_evidence(may_look: bool, exists: bool, known: int) -> None:
    async def scenario() -> None:
        rights = Rights(may_look=may_look)
        async with both(rights) as world:
            (watches_break if exists else namespace_goes_unseen)(world, rights)
            await world.rest(2 * SWEEP_SECONDS)
            assert objects(world) == known
            before = len(world.server.log)
            image = "registry.example/triton-cpu:26.07-py3"
            world.edit("ServingPool", "cpu", {"image": image})
            await world.rest(2 * SWEEP_SECONDS)
            written = {one.target.namespace for one, _ in world.server.log[before:] if one.writes}
            assert written - {""} == {"shop"}, "what concerns all services concerns those served"

    run(scenario())


def test_an_operator_that_starts_without_it_serves_the_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        rights = Rights()
        async with both(rights, denied=True, starts=2) as world:
            world.kill()
            await world.rest(RESTART_SECONDS + 5)
            assert served(world) == {"shop": 1, "lab": 0}
            assert health(world) == ([], [])
            rights.denied.clear()
            await world.rest(FOUND)
            assert serves(world, "lab")

    run(scenario())
    assert lines(caplog, LOST) == ["lab"] * 2, "once in each process"


def test_a_moment_without_rights_is_no_loss(caplog: pytest.LogCaptureFixture) -> None:
    """As of an API server that has not loaded them yet."""

    async def scenario() -> None:
        rights = Rights()
        async with both(rights) as world:
            watches_break(world, rights)
            await world.rest(5)
            rights.denied.clear()
            await world.rest(FOUND)
            edit(world, 2, "lab")
            await world.rest(FOUND)
            assert serves(world, "lab")

    run(scenario())
    assert lines(caplog, LOST) == []


def test_without_any_namespace_it_is_alive_and_not_ready() -> None:
    """A restart would not help, and nobody can rely on it."""

    async def scenario() -> None:
        rights = Rights()
        async with both(rights) as world:
            rights.denied |= {"shop", "lab"}
            world.server.drop_watches()
            await world.rest(SWEEP_SECONDS)
            assert health(world) == ([], ["none of the watched namespaces can be read"])
            rights.denied.clear()
            await world.rest(FOUND)
            assert health(world) == ([], [])
            assert serves(world, "lab")

    run(scenario())


async def _lost_and_back(faults: Rights | RightsInAStorm, seed: int) -> dict[str, Any]:
    """Work in both namespaces, before, while and after one of them is lost; the end."""
    with Bugs() as bugs:
        async with World.open(start_of(EMPTY), faults, seed=seed, options=BOTH) as world:
            make_lab(world)
            world.apply(service())
            await world.rest()
            faults.begin(world)
            watches_break(world, faults)
            for name in ("b", "c", "d"):
                for namespace in ("shop", "lab"):
                    body = service(name)
                    world.apply(in_lab(body) if namespace == "lab" else body)
                    if name == "c":
                        # Once only: how many rollouts it takes depends on who sees which edit.
                        edit(world, 2, namespace)
                await world.rest(60)
            world.delete("InferenceService", "b", "lab")
            faults.denied.clear()
            await world.rest(60)
            world.apply(in_lab(service("e")))
            await world.rest()
            faults.end()
            await world.rest(2.5 * SWEEP_SECONDS)
            assert served(world) == {"shop": 1, "lab": 1}
    assert not bugs.seen
    # Kopf gives up a watch that ends with anything but a 410 event, and the process with it.
    assert all(isinstance(crash, WatchingError | APIError) for crash in world.crashes)
    return end_state(world.history)


@pytest.mark.parametrize("seed", range(8))
def test_in_a_storm_it_ends_as_in_calm_weather(seed: int) -> None:
    """With kills, lost answers and broken watches at any moment of a loss and a return."""
    got = run(_lost_and_back(RightsInAStorm(seed), seed))

    assert differences(got, _in_calm_weather()) == []


@cache
def _in_calm_weather() -> dict[str, Any]:
    return run(_lost_and_back(Rights(), 0))
