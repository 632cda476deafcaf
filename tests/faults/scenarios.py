"""What happens in these runs: a cluster at rest, and one change to it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.faults import models
from tests.faults.fake.history import Body, History
from tests.faults.fake.kinds import Target
from tests.faults.fake.requests import Requests
from tests.faults.virtual_time import EPOCH, run
from tests.faults.world import Snapshot, World
from tests.unit.planning.building import node_object
from triton_operator.api import labels
from triton_operator.api.group import API_VERSION
from triton_operator.controllers.kinds import BY_NAME, NAMESPACE
from triton_operator.manifests.desired_hash import with_desired_hash
from triton_operator.manifests.model_profile import profile_of_facts

KNOWN = {"uri": models.FIRST, "digest": models.digest(models.FIRST)}
STRANGERS = "theirs"
Change = Callable[[World], None]


def service(name: str = "a", **spec: Any) -> Body:
    """An InferenceService of the known model, unless `spec` says otherwise."""
    return {
        "apiVersion": API_VERSION,
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"model": KNOWN, "hardware": {"pools": ["cpu"]}, **spec},
    }


@dataclass(frozen=True, eq=False)
class Scenario:
    """`before`: services at rest. `serves`: at every moment some replica is ready. `rests`: in the
    end nothing is left to do, not even to try again. `writes`: the operator has something to write.
    """

    name: str
    change: Change
    before: tuple[Body, ...] = ()
    serves: bool = False
    rests: bool = True
    writes: bool = True

    def __str__(self) -> str:
        return self.name


def edited(**spec: Any) -> Change:
    """Somebody changes the spec of `a`."""
    return lambda world: world.edit("InferenceService", "a", spec) and None


def _recreate(world: World) -> None:
    world.delete("InferenceService", "a")
    world.apply(service(batching={"maxBatchSize": 2}))


def _pause_and_go_on(world: World) -> None:
    world.edit("InferenceService", "a", {"paused": True, "batching": {"maxBatchSize": 2}})
    world.edit("InferenceService", "a", {"paused": False})


def _drift(world: World) -> None:
    """Somebody edits one child and deletes another."""
    world.edit("Deployment", "a-cpu", {"revisionHistoryLimit": 9})
    world.delete("Service", "a")


SCENARIOS = (
    Scenario("first apply", lambda world: world.apply(service()) and None),
    Scenario(
        "first apply with an inspection",
        lambda world: world.apply(service(model={"uri": models.FIRST})) and None,
    ),
    Scenario("spec change", edited(batching={"maxBatchSize": 2}), before=(service(),), serves=True),
    Scenario("pool change", edited(hardware={"pools": ["l4"]}), before=(service(),), serves=True),
    Scenario("scale up", edited(scaling={"minReplicas": 3}), before=(service(),), serves=True),
    Scenario(
        "scale and change",
        edited(scaling={"minReplicas": 2}, batching={"mode": "Off"}),
        before=(service(scaling={"minReplicas": 3}),),
        serves=True,
    ),
    Scenario(
        "model change with an inspection",
        edited(model={"uri": models.SECOND, "digest": None}),
        before=(service(),),
        serves=True,
    ),
    Scenario(
        "model change to a broken one",
        edited(model={"uri": models.BROKEN, "digest": None}),
        before=(service(),),
        serves=True,
        rests=False,
    ),
    Scenario(
        "pool's image change",
        lambda world: (
            world.edit("ServingPool", "cpu", {"image": "registry.example/triton-cpu:26.07-py3"})
            and None
        ),
        before=(service(), service("b", scaling={"minReplicas": 2})),
        serves=True,
    ),
    Scenario(
        "delete",
        lambda world: world.delete("InferenceService", "a"),
        before=(service(),),
        writes=False,
    ),
    Scenario("delete and make anew", _recreate, before=(service(),)),
    Scenario("pause and go on", _pause_and_go_on, before=(service(),), serves=True),
    Scenario("drift", _drift, before=(service(),), serves=True),
)


@cache
def start_of(scenario: Scenario) -> Snapshot:
    """The cluster at rest, before the change."""
    return run(_start(scenario.before))


async def _start(services: tuple[Body, ...]) -> Snapshot:
    async with World.open(Snapshot(_cluster()), seed=-1) as world:
        for body in services:
            world.apply(body)
        await world.rest()
        return world.snapshot()


def _cluster() -> History:
    """Nodes, two pools, a known model, and what belongs to strangers."""
    history = History()
    requests = Requests(history, lambda: EPOCH)

    def create(target: Target, body: Body) -> None:
        requests.create(target, body, "kubectl")

    create(Target(NAMESPACE, ""), {"kind": "Namespace", "metadata": {"name": "shop"}})
    create(Target(BY_NAME["Node"], ""), node_object("cpu-1"))
    create(Target(BY_NAME["Node"], ""), node_object("gpu-1", gpus=1))
    for name, spec in {"cpu": {}, "l4": {"accelerator": {}}}.items():
        pool = {"apiVersion": API_VERSION, "kind": "ServingPool", "metadata": {"name": name}}
        create(Target(BY_NAME["ServingPool"], ""), {**pool, "spec": spec})
    profile = profile_of_facts("shop", KNOWN["digest"], models.facts_at(models.FIRST))
    create(Target(BY_NAME["ModelProfile"], "shop"), with_desired_hash(profile))
    for body in _strangers():
        create(Target(BY_NAME[body["kind"]], "shop"), body)
    return history


def _strangers() -> list[Body]:
    """One of every kind of child; the ConfigMap has our labels, copied from another cluster."""
    pods = {"app": STRANGERS}
    container = {"name": "c", "image": "i", "args": [f"--uri={models.FIRST}"]}
    template = {"metadata": {"labels": pods}, "spec": {"containers": [container]}}
    copied = {
        labels.MANAGED_BY: labels.MANAGER,
        labels.SERVICE: "a",
        labels.OWNER_UID: "of-another-cluster",
    }
    deployment = {"selector": {"matchLabels": pods}, "template": template}
    return [
        _stranger("apps/v1", "Deployment", spec=deployment),
        _stranger("batch/v1", "Job", spec={"template": template}),
        _stranger("v1", "Service", spec={"selector": pods, "ports": [{"port": 80}]}),
        _stranger("v1", "ConfigMap", data={"theirs": "yes"}, labels=copied),
    ]


def _stranger(version: str, kind: str, labels: dict[str, str] | None = None, **rest: Any) -> Body:
    metadata = {"name": STRANGERS, "namespace": "shop", "labels": labels or {}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}
