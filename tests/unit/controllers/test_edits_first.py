"""Who goes first: an edit before what the cluster does by itself, and that before sweeps."""

import asyncio

import pytest

from tests.unit.controllers.cluster import service_object
from tests.unit.controllers.shell import FILETYPE, Shell, serving_shell
from tests.unit.controllers.world import edit, pinned
from triton_operator.api import labels
from triton_operator.controllers.errors import ApiUnavailable
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import BY_NAME
from triton_operator.controllers.queue import Priority


async def services_in_line(shell: Shell) -> list[Key]:
    """The keys of services, in the order in which workers would get them."""
    keys = []
    while len(shell.queue):
        key = await shell.queue.get()
        keys.append(key)
        shell.queue.done(key)
    return [key for key in keys if key.kind == FILETYPE.kind]


async def storm_with_an_edit(
    shell: Shell, edited: str, priority: Priority = Priority.USER
) -> list[str]:
    """Names of services in line after a storm of pods' events and one edit, seen as `priority`."""
    for number in range(6):
        name = f"s{number}"
        service = shell.cluster.objects["InferenceService", "shop", name]
        metadata = {
            "name": f"{name}-pod",
            "namespace": "shop",
            "labels": {labels.SERVICE: name, labels.OWNER_UID: service["metadata"]["uid"]},
        }
        pod = shell.cluster.put({"apiVersion": "v1", "kind": "Pod", "metadata": metadata})
        shell.controller.concern(shell.store.put(BY_NAME["Pod"], pod), Priority.USER)
    shell.cluster.edit("InferenceService", "shop", edited, scaling={"minReplicas": 2})
    body = shell.cluster.objects["InferenceService", "shop", edited]
    shell.controller.concern(shell.store.put(BY_NAME["InferenceService"], body), priority)
    return [key.name for key in await services_in_line(shell)]


@pytest.mark.parametrize(
    ("edited", "priority"),
    [
        ("filetype", Priority.USER),
        ("s5", Priority.USER),
        ("filetype", Priority.SWEEP),
    ],
    ids=["another service", "one of those with pods", "an edit that only a new listing shows"],
)
def test_an_edit_does_not_wait_behind_the_events_of_pods(edited: str, priority: Priority) -> None:
    cluster = pinned()
    for number in range(6):
        cluster.put(service_object(f"s{number}"))
    shell = Shell(cluster)

    async def scenario() -> None:
        await shell.run()
        names = await storm_with_an_edit(shell, edited, priority)
        assert names[0] == edited
        assert sorted(names) == sorted({edited, *(f"s{number}" for number in range(6))})

    asyncio.run(scenario())


def test_an_edit_that_could_not_be_written_is_still_an_edit_when_it_is_tried_again() -> None:
    cluster = pinned()
    cluster.put(service_object("other"))
    shell = Shell(cluster)

    async def scenario() -> None:
        await shell.run()
        shell.cluster.failures["status", "InferenceService"] = [
            ApiUnavailable(503, "ServiceUnavailable", "busy")
        ]
        edit(scaling={"minReplicas": 2})(shell.cluster)
        await shell.run()
        shell.controller.concern([Key("InferenceService", "shop", "other")])
        shell.clock.advance(0.5)
        keys = await services_in_line(shell)
        assert [key.name for key in keys] == ["filetype", "other"]

    asyncio.run(scenario())


def test_a_sweep_asks_for_everything_behind_live_edits() -> None:
    shell = serving_shell()
    shell.controller.sweep()
    edited = Key("InferenceService", "shop", "edited")
    shell.controller.concern([edited])

    assert asyncio.run(services_in_line(shell)) == [edited, FILETYPE]


def test_a_new_leader_looks_first_at_what_nobody_has_answered() -> None:
    """A follower kept the store and no queue: what changed meanwhile shows in the status."""
    cluster = pinned()
    for name in ("b", "c"):
        cluster.put(service_object(name))
    shell = Shell(cluster)
    asyncio.run(shell.run())
    cluster.edit("InferenceService", "shop", "b", scaling={"minReplicas": 2})
    follower = Shell(cluster)
    for view in cluster.of_kind("InferenceService"):
        follower.store.put(BY_NAME["InferenceService"], view)

    follower.controller.take_over()

    order = [key.name for key in asyncio.run(services_in_line(follower))]
    assert order[0] == "b"
    assert sorted(order) == ["b", "c", "filetype"]


def test_the_first_listing_does_not_hold_up_a_live_edit() -> None:
    shell = Shell()
    listed = [Key("InferenceService", "shop", str(number)) for number in range(3)]
    edited = Key("InferenceService", "shop", "edited")
    shell.controller.concern(listed, Priority.SWEEP)
    shell.controller.concern([edited])

    assert asyncio.run(services_in_line(shell))[0] == edited
