"""What the autoscaler says becomes replicas within the bounds, and Ready stays what it is."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import pytest

from tests.unit.controllers.answers import answer, changed
from tests.unit.controllers.cluster import Cluster
from tests.unit.controllers.shell import FILETYPE, Shell, serving_shell
from tests.unit.controllers.world import CPU, DEPLOYMENT, L4, edit, moving, observed, serving, step
from triton_operator.controllers.errors import ApiRefused
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.scaling_answer import ScalingAnswer


def as_it_is(_: Cluster) -> None:
    """Nobody edits anything."""


@dataclass(frozen=True)
class Row:
    name: str
    why: str
    said: ScalingAnswer | None = field(default_factory=lambda: answer(3))
    change: Callable[[Cluster], object] = as_it_is
    replicas: Mapping[str, int] = field(default_factory=dict)
    start: Callable[[], Cluster] = serving


@pytest.mark.parametrize(
    "row",
    [
        Row("within the bounds", "as decided", replicas={DEPLOYMENT: 3}),
        Row("nothing said yet", "the number stays", None, replicas={DEPLOYMENT: 1}),
        Row("above", "the default is ten at most", answer(20), replicas={DEPLOYMENT: 10}),
        Row(
            "above maxReplicas",
            "the user's bound holds whatever was decided before it came",
            change=edit(scaling={"maxReplicas": 2}),
            replicas={DEPLOYMENT: 2},
        ),
        Row(
            "below minReplicas",
            "so does the other",
            change=edit(scaling={"minReplicas": 5}),
            replicas={DEPLOYMENT: 5},
        ),
        Row(
            "fixed",
            "the spec says how many",
            change=edit(scaling={"mode": "Fixed", "minReplicas": 2}),
            replicas={DEPLOYMENT: 2},
        ),
        Row(
            "none",
            "nothing would tell of the first request",
            change=edit(scaling={"minReplicas": 0}),
            replicas={DEPLOYMENT: 0},
        ),
        Row("external", "others write them", change=edit(scaling={"mode": "External"})),
        Row(
            "somebody's autoscaler",
            "two would fight",
            change=lambda cluster: cluster.put_autoscaler("theirs", DEPLOYMENT),
        ),
        Row("paused", "nothing is changed", change=edit(paused=True)),
        Row(
            "another pool",
            "the new Deployment begins with as many replicas as the old one has",
            change=lambda cluster: cluster.edit("Deployment", "shop", DEPLOYMENT, replicas=4),
            replicas={"filetype-l4": 4},
            start=moving,
        ),
    ],
    ids=lambda row: row.name,
)
def test_replicas_are_what_was_decided_within_the_bounds(row: Row) -> None:
    cluster = row.start()
    row.change(cluster)

    outcome = reconcile(observed(cluster, scaling=row.said, pools=(CPU, L4)))

    assert outcome.replicas == row.replicas, row.why


def test_what_was_decided_stands_in_the_status() -> None:
    outcome = reconcile(observed(serving(), scaling=changed(1, 3)))

    assert outcome.status is not None
    assert outcome.status["desiredReplicas"] == 3
    assert outcome.status["autoscaling"]["recommendedReplicas"] == 3
    (pool,) = outcome.status["pools"]
    assert (pool["desiredReplicas"], pool["capacityPerReplica"]) == (3, "118/s")
    assert [(one.type, one.reason) for one in outcome.events] == [("Normal", "Scaled")]


def test_pods_with_the_least_to_do_are_named_to_go_first() -> None:
    first = {DEPLOYMENT: ("filetype-cpu-2", "filetype-cpu-1")}

    outcome = reconcile(observed(serving(), scaling=answer(1, removable=first)))

    assert outcome.removable == first


def test_a_pool_that_takes_over_follows_its_own_answer_afterwards() -> None:
    cluster = moving()
    step(cluster, pools=(CPU, L4))

    said = replace(answer(), replicas={"filetype-l4": 6})
    outcome = reconcile(observed(cluster, pools=(CPU, L4), scaling=said))

    assert outcome.replicas == {"filetype-l4": 6}


def test_what_is_seen_of_a_part_of_the_load_removes_nobody() -> None:
    """The old pool's pods get most requests, and nobody counts those for the new one."""
    cluster = moving()
    cluster.edit("Deployment", "shop", DEPLOYMENT, replicas=12)
    step(cluster, pools=(CPU, L4))

    said = replace(answer(), replicas={"filetype-l4": 2})
    edit(scaling={"maxReplicas": 20})(cluster)
    outcome = reconcile(observed(cluster, pools=(CPU, L4), scaling=said))

    assert outcome.replicas == {"filetype-l4": 12}


@pytest.mark.parametrize(
    ("scaling", "replicas"),
    [({}, {DEPLOYMENT: 4}), ({"mode": "External"}, {}), ({"mode": "Fixed"}, {})],
    ids=["auto", "external", "fixed"],
)
def test_without_a_plan_only_what_the_operator_scales_follows_the_load(
    scaling: dict[str, object], replicas: dict[str, int]
) -> None:
    cluster = serving()
    edit(model={"uri": "https://models.example/other.onnx"}, scaling=scaling)(cluster)

    outcome = reconcile(observed(cluster, scaling=answer(4)))

    assert outcome.replicas == replicas


def test_an_object_that_is_refused_does_not_stop_scaling_up() -> None:
    watcher = Watcher()
    refusal = ApiRefused(403, "Forbidden", "not by this policy")
    watcher.shell.cluster.failures["apply", "Deployment"] = [refusal] * 4

    async def scenario() -> None:
        edit(batching={"maxBatchSize": 2})(watcher.shell.cluster)
        await watcher.say(changed(1, 3))

    asyncio.run(scenario())

    assert watcher.shell.cluster.one("Deployment")["spec"]["replicas"] == 3
    assert watcher.readies[-1].startswith("False")


class Watcher:
    """A serving operator, and every Ready that its status has had."""

    def __init__(self) -> None:
        self.shell = serving_shell()
        self.shell.cluster.events.clear()
        self.readies = [self.shell.condition("Ready")]

    async def rest(self) -> None:
        await self.shell.run()
        self.readies.append(self.shell.condition("Ready"))

    async def say(self, said: ScalingAnswer) -> None:
        self.shell.autoscaler.say(FILETYPE, said)
        await self.rest()


@pytest.mark.parametrize("ready_at_first", [1, 3], ids=["pods start", "pods are quick"])
def test_ready_stays_true_while_replicas_come_and_go(ready_at_first: int) -> None:
    """Also between the new number and the moment in which Kubernetes takes note of it."""
    watcher = Watcher()

    async def scenario() -> None:
        await watcher.say(changed(1, 3))
        assert watcher.shell.cluster.one("Deployment")["spec"]["replicas"] == 3
        watcher.shell.cluster.roll_out(DEPLOYMENT, ready=ready_at_first)
        await watcher.rest()
        watcher.shell.cluster.roll_out(DEPLOYMENT)
        await watcher.rest()
        await watcher.say(changed(3, 2))
        watcher.shell.cluster.roll_out(DEPLOYMENT)
        await watcher.rest()

    asyncio.run(scenario())

    assert set(watcher.readies) == {"True Serving"}
    assert watcher.shell.events() == ["Normal Scaled", "Normal Scaled"]
    assert watcher.shell.condition("Progressing") == "False RolledOut"


def test_a_new_template_is_no_change_of_replicas() -> None:
    watcher = Watcher()

    async def scenario() -> None:
        edit(batching={"maxBatchSize": 2})(watcher.shell.cluster)
        await watcher.say(changed(1, 3))

    asyncio.run(scenario())

    assert watcher.readies[-1] == "Unknown RollingOut"


def test_a_restarted_operator_does_not_claim_what_it_has_not_seen() -> None:
    """It begins between a write and the moment in which Kubernetes takes note of it."""
    shell = serving_shell()
    shell.cluster.edit("Deployment", "shop", DEPLOYMENT, replicas=3)
    again = Shell(shell.cluster)

    asyncio.run(again.run())

    assert again.condition("Ready") == "Unknown RollingOut"


def test_a_decision_is_written_through_the_scale_subresource() -> None:
    watcher = Watcher()

    async def scenario() -> list[str]:
        watcher.shell.autoscaler.say(FILETYPE, changed(1, 3))
        return await watcher.shell.run()

    requests = asyncio.run(scenario())

    assert requests == [
        f"scale Deployment/{DEPLOYMENT}",
        "status InferenceService/filetype",
        "create Event/Scaled",
    ]


def test_a_decision_outlives_the_operator() -> None:
    """A new one knows nothing of the load: the number stays, and what was shown."""
    watcher = Watcher()

    async def scenario() -> Shell:
        await watcher.say(changed(1, 3))
        watcher.shell.cluster.roll_out(DEPLOYMENT)
        await watcher.rest()
        again = Shell(watcher.shell.cluster)
        assert not [line for line in await again.run() if line.startswith(("scale", "apply"))]
        return again

    again = asyncio.run(scenario())

    assert again.cluster.one("Deployment")["spec"]["replicas"] == 3
    assert again.status()["autoscaling"]["lastDecision"]["to"] == 3
