"""How works are written: some at once, and whatever becomes of one, the others are."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from triton_operator.api.enums import ConnectionState, ManagedBy
from triton_operator.api.inference_cluster import InferenceClusterSpec
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.controllers.errors import ApiError, api_error
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import Kind
from triton_operator.fleet.mailbox import mailbox_namespace
from triton_operator.fleet.member import Member, facts_of
from triton_operator.fleet.placement import place
from triton_operator.fleet.placement_memory import PlacementMemory, SiteMemory
from triton_operator.fleet.placement_wish import settings_of
from triton_operator.fleet.reports import Report
from triton_operator.hub.endpoint_lists import fleet_of
from triton_operator.hub.rollouts import Templates
from triton_operator.hub.scene import Scene
from triton_operator.hub.work_writer import AT_ONCE, WorkWriter, Written

MAILBOX = mailbox_namespace("{}")
SPEC = {
    "model": {"uri": "https://models.example/m.onnx"},
    "managedBy": ManagedBy.FLEET.value,
    "placement": {"residency": {"zones": ["eu"]}},
}
WITHIN, OUTSIDE = ({"tier": "Edge", "residencyZones": [zone]} for zone in ("eu", "us"))
AWAY = api_error(503, "ServiceUnavailable", "not now")


class ApiServer:
    """Answers a request about a mailbox once that is `free`; `errors` by mailbox."""

    def __init__(self) -> None:
        self.under_way: list[str] = []
        self.answered: list[str] = []
        self.deleted: list[str] = []
        self.errors: dict[str, ApiError] = {}
        self.held: dict[str, asyncio.Event] = {}

    async def apply(self, kind: Kind, manifest: Mapping[str, Any], *, force: bool) -> Any:
        await self._answer(manifest["metadata"]["namespace"])
        return copy.deepcopy(manifest)

    async def merge(self, kind: Kind, namespace: str, name: str, change: Any) -> Any:
        await self._answer(namespace)
        return {}

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        await self._answer(namespace)
        self.deleted.append(namespace)

    async def _answer(self, namespace: str) -> None:
        self.under_way.append(namespace)
        await self.held.get(namespace, _FREE).wait()
        self.under_way.remove(namespace)
        if error := self.errors.get(namespace):
            raise error
        self.answered.append(namespace)


NO_STRATEGY = Templates("")
_FREE = asyncio.Event()
_FREE.set()


def scene(names: list[str], works: dict[str, Any] | None = None, **specs: Any) -> Scene:
    """A service on connected clusters, each with its own small demand."""
    body = {"metadata": {"namespace": "shop", "name": "vision", "uid": "s"}, "spec": SPEC}
    spec = InferenceServiceSpec.model_validate(SPEC)
    members = {
        name: Member(
            name=name,
            spec=InferenceClusterSpec.model_validate(specs.get(name, WITHIN)),
            state=ConnectionState.CONNECTED,
            network=None,
            report=Report(need=1.0, capacity=4),
            work_spec=(works or {}).get(name, {}).get("spec"),
        )
        for name in names
    }
    made = Scene(
        Key("InferenceService", "shop", "vision"),
        body,
        spec,
        settings_of(spec),
        members,
        works or {},
        PlacementMemory(),
    )
    made.revision = max([0, *(one["spec"]["revision"] for one in made.works.values())])
    made.facts = {
        name: facts_of(one, spec.scaling, SiteMemory(), None) for name, one in members.items()
    }
    return made


async def written(
    server: ApiServer, made: Scene, times: int = 1, its_templates: Templates = NO_STRATEGY
) -> Written:
    """What comes of the last of some decisions; only that one is written."""
    memory = made.memory
    for time in range(times):
        memory, placed = place(tuple(made.facts.values()), made.settings, memory, 600.0 * time)
    known: Any = SimpleNamespace(hub_id="hub", works=SimpleNamespace(put=lambda body: None))
    writer = WorkWriter(server, known)  # type: ignore[arg-type]
    return await writer.write(made, placed, fleet_of(made, placed), "1-1", its_templates)


async def stand_still() -> None:
    """Until nothing happens any more."""
    for _ in range(50):
        await asyncio.sleep(0)


NAMES = [f"site-{number:02}" for number in range(3 * AT_ONCE)]


def test_some_are_under_way_at_once_and_never_more() -> None:
    async def check() -> None:
        server = ApiServer()
        server.held = {MAILBOX.format(name): asyncio.Event() for name in NAMES}
        writing = asyncio.create_task(written(server, scene(NAMES)))
        for _ in NAMES:
            await stand_still()
            assert len(server.under_way) == min(AT_ONCE, len(NAMES) - len(server.answered))
            server.held[server.under_way[0]].set()
        found = await writing

        assert sorted(found.changed) == NAMES
        assert found.revision == 1

    asyncio.run(check())


def test_one_that_is_not_answered_holds_up_no_other() -> None:
    async def check() -> None:
        server = ApiServer()
        silent = MAILBOX.format(NAMES[0])
        server.held = {silent: asyncio.Event()}
        writing = asyncio.create_task(written(server, scene(NAMES)))
        await stand_still()

        assert server.under_way == [silent]
        assert len(server.answered) == len(NAMES) - 1
        assert not writing.done()
        server.held[silent].set()
        assert sorted((await writing).changed) == NAMES

    asyncio.run(check())


def test_one_that_is_refused_is_told_and_the_others_are_written() -> None:
    async def check() -> None:
        server = ApiServer()
        server.errors = {MAILBOX.format(NAMES[0]): AWAY}
        found = await written(server, scene(NAMES))

        assert sorted(found.changed) == NAMES[1:]
        assert found.problems.keys() == {NAMES[0]}
        assert found.failure is AWAY

    asyncio.run(check())


def test_a_work_that_cannot_be_deleted_keeps_no_other_from_being_written() -> None:
    async def check() -> None:
        server = ApiServer()
        server.errors = {MAILBOX.format(NAMES[0]): AWAY}
        work = {
            "metadata": {"namespace": MAILBOX.format(NAMES[0]), "name": "shop.vision", "uid": "w"},
            "spec": {"revision": 4, "template": {"scaling": {"maxReplicas": 4}}},
        }
        found = await written(server, scene(NAMES, {NAMES[0]: work}, **{NAMES[0]: OUTSIDE}))

        assert sorted(found.changed) == NAMES[1:]
        assert found.problems == {}
        assert found.failure is AWAY
        assert found.revision == 5

    asyncio.run(check())


DRAINED = {**WITHIN, "taints": [{"key": "drain", "effect": "NoSelect"}]}
REACHED = {**WITHIN, "tier": "Cloud", "dataPlane": {"url": "https://cloud.example"}}


@pytest.mark.parametrize(
    ("cloud", "kept"),
    [
        pytest.param(REACHED, False, id="its requests went elsewhere"),
        pytest.param({**WITHIN, "tier": "Cloud"}, True, id="the other has no address"),
        pytest.param({**REACHED, "targetNameSuffix": "-b"}, True, id="the other has another name"),
    ],
)
def test_the_work_of_a_drained_cluster_goes_once_its_requests_can(
    cloud: dict[str, Any], kept: bool
) -> None:
    server = ApiServer()
    work = {
        "metadata": {"namespace": MAILBOX.format("edge"), "name": "shop.vision", "uid": "w"},
        "spec": {"revision": 4, "template": {"scaling": {"maxReplicas": 4}}},
    }
    made = scene(["cloud", "edge"], {"edge": work}, edge=DRAINED, cloud=cloud)
    made.facts["cloud"] = replace(made.facts["cloud"], ready=4)

    found = asyncio.run(written(server, made, times=3))

    assert server.deleted == ([] if kept else [MAILBOX.format("edge")])
    if kept:
        assert "cloud, where they should go, has no address" in found.kept["edge"]
        assert found.problems == {}
        assert made.works["edge"]["spec"]["template"]["scaling"]["maxReplicas"] == 4


@pytest.mark.parametrize("taken", ["localOnly", "url"])
def test_what_is_taken_out_of_a_routing_reaches_a_work_whose_template_waits(taken: str) -> None:
    """By the hash of before, and a look at what is wanted only, it would be as it was."""
    server = ApiServer()
    made = scene(["edge"], edge={**WITHIN, "dataPlane": {"url": "https://edge.example"}})
    residency = {"zones": ["eu"], "localOnly": {"header": "x-data-class", "values": ["pii"]}}
    untagged = made.spec
    made.spec = InferenceServiceSpec.model_validate({**SPEC, "placement": {"residency": residency}})
    assert asyncio.run(written(server, made)).changed == ["edge"]
    live = made.works["edge"]
    live["metadata"] |= {"uid": "w"}
    waits = Templates("new", held={"edge": live})
    # As an API server shows it, with its defaults.
    live["spec"]["routing"]["endpoints"][0] |= {"priority": 0, "weightPercent": 100}
    assert taken in live["spec"]["routing"] | live["spec"]["routing"]["endpoints"][0]

    assert asyncio.run(written(server, made, its_templates=waits)).changed == []

    if taken == "localOnly":
        made.spec = untagged
    else:
        spec = InferenceClusterSpec.model_validate(WITHIN)
        made.members["edge"] = replace(made.members["edge"], spec=spec)
    assert asyncio.run(written(server, made, its_templates=waits)).changed == ["edge"]
    routing = made.works["edge"]["spec"]["routing"]
    assert taken not in routing | routing["endpoints"][0]
