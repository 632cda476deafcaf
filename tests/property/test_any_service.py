"""Whatever a user may write: objects that Kubernetes takes, and a second look changes nothing."""

import asyncio
import json
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import kubernetes_validate
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.worlds import World, worlds
from tests.unit.controllers.cluster import Body
from tests.unit.controllers.shell import Shell
from triton_operator.api import labels
from triton_operator.api.crd.kinds import KINDS
from triton_operator.api.enums import ScalingMode
from triton_operator.api.reasons import (
    CONDITION_TYPES,
    HUB_REACHABLE,
    MODEL_MEASURED,
    ROUTED,
    VARIANT_CHOSEN,
)
from triton_operator.api.status import InferenceServiceStatus
from triton_operator.controllers.keys import Key
from triton_operator.manifests.desired_hash import content_hash
from triton_operator.triton.model_config import parse_config

KUBERNETES = kubernetes_validate.latest_version()
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
CHILDREN = ("ConfigMap", "Deployment", "Job", "Service")


async def lived(world: World) -> Shell:
    """The operator after the model's inspection, if there is one, at rest."""
    shell = Shell(world.cluster)
    await shell.run()
    if list(shell.cluster.of_kind("Job")):
        end_job(shell, world.report)
        await shell.run()
    for body in list(shell.cluster.of_kind("Deployment")):
        shell.cluster.roll_out(body["metadata"]["name"])
    await shell.run()
    return shell


def end_job(shell: Shell, report: str) -> None:
    job = shell.cluster.one("Job")
    pod_labels = {
        **job["metadata"]["labels"],
        "batch.kubernetes.io/job-name": job["metadata"]["name"],
    }
    shell.cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "inspect",
                "namespace": "shop",
                "labels": pod_labels,
                "owner": f"Job/{job['metadata']['name']}",
            },
            "status": {
                "containerStatuses": [
                    {"name": "inspect", "state": {"terminated": {"exitCode": 0, "message": report}}}
                ]
            },
        }
    )
    end = {"type": "Complete", "status": "True", "lastTransitionTime": "2026-11-20T12:00:00Z"}
    shell.cluster.observe("Job", "shop", job["metadata"]["name"], conditions=[end])


def children(shell: Shell) -> Iterator[Body]:
    for kind in CHILDREN:
        yield from shell.cluster.of_kind(kind)


@settings(max_examples=40)
@given(worlds())
def test_it_comes_to_rest_without_a_bug_and_a_second_look_changes_nothing(world: World) -> None:
    async def scenario() -> None:
        shell = await lived(world)
        assert shell.controller.counts.reconciles.keys() <= {"ok"}
        before = deepcopy(shell.cluster.objects)

        shell.queue.add(Key("InferenceService", "shop", world.name))
        shell.controller.sweep()
        assert await shell.run() == []

        restarted = Shell(shell.cluster)
        assert await restarted.run() == []
        assert shell.cluster.objects == before

    asyncio.run(scenario())


@settings(max_examples=40)
@given(worlds())
def test_what_comes_of_it_is_sound(world: World) -> None:
    """All at once, since making a world takes longer than looking at it."""
    spec = world.cluster.one("InferenceService")["spec"]

    shell = asyncio.run(lived(world))

    # No agent says anything of a hub here.
    unasked = {HUB_REACHABLE}
    if spec.get("measurement", {}).get("mode", "Never") == "Never":
        unasked.add(MODEL_MEASURED)
    if not spec.get("variants"):
        unasked.add(VARIANT_CHOSEN)
    if not spec.get("ingress"):
        unasked.add(ROUTED)
    check_that_the_status_speaks_of_everything(shell.status(world.name), unasked)
    for body in children(shell):
        check_that_kubernetes_knows(body)
        check_that_the_hash_is_of_what_was_wanted(body)
    for body in shell.cluster.of_kind("ModelProfile"):
        kind = next(kind for kind in KINDS if kind.name == body["kind"])
        kind.spec.model_validate(body["spec"], extra="forbid")
    for body in shell.cluster.of_kind("ConfigMap"):
        check_that_the_config_has_the_models_tensors(body, world)
    for body in shell.cluster.of_kind("Deployment"):
        check_that_pods_are_where_they_may(body, spec.get("hardware", {}))
    if (wanted := spec.get("hardware", {}).get("pools")) and shell.status(world.name)["pools"]:
        check_that_it_is_the_first_named_that_can(shell.status(world.name)["pools"], wanted)


def check_that_the_status_speaks_of_everything(status: Body, unasked: set[str]) -> None:
    InferenceServiceStatus.model_validate(status, extra="forbid")
    types = [condition["type"] for condition in status["conditions"]]
    assert types[0] == "Ready"
    assert len(types) == len(set(types))
    assert set(types) == CONDITION_TYPES - unasked
    assert all(condition["message"] for condition in status["conditions"])
    said = {condition["type"]: condition["status"] for condition in status["conditions"]}
    if said["Ready"] == "True":
        assert [said[name] for name in ("ModelReady", "Planned", "Available")] == ["True"] * 3


def check_that_kubernetes_knows(body: Body) -> None:
    metadata = body["metadata"]
    assert json.loads(json.dumps(body)) == body
    assert DNS_LABEL.fullmatch(metadata["name"])
    for value in metadata["labels"].values():
        assert LABEL_VALUE.fullmatch(value)
    manifest = {key: value for key, value in body.items() if key != "status"}
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def check_that_the_hash_is_of_what_was_wanted(body: Body) -> None:
    metadata = body["metadata"]
    wanted = {
        **{key: value for key, value in body.items() if key != "status"},
        "metadata": {
            key: metadata[key] for key in ("name", "namespace", "labels", "ownerReferences")
        },
    }
    ours = {k: v for k, v in metadata["annotations"].items() if k != labels.DESIRED_HASH}
    if ours:
        wanted["metadata"]["annotations"] = ours
    if body["kind"] == "Deployment":
        spec = {key: value for key, value in body["spec"].items() if key != "replicas"}
        wanted["spec"] = spec
    assert content_hash(wanted) == metadata["annotations"][labels.DESIRED_HASH]


def check_that_the_config_has_the_models_tensors(body: Body, world: World) -> None:
    config: Any = parse_config(body["data"]["config.pbtxt"])
    assert config.name == world.name
    assert [row.name for row in config.input] == [row.name for row in world.facts.inputs]
    assert [row.name for row in config.output] == [row.name for row in world.facts.outputs]
    assert (config.max_batch_size > 0) is world.facts.batchable
    assert config.HasField("dynamic_batching") <= (config.max_batch_size > 1)


def check_that_pods_are_where_they_may(body: Body, hardware: Body) -> None:
    limits = body["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    on_gpu = any("/" in resource for resource in limits)
    if hardware.get("accelerator", "Any") != "Any":
        assert on_gpu is (hardware["accelerator"] == "GPU")


def check_that_it_is_the_first_named_that_can(rows: list[Body], wanted: list[str]) -> None:
    """Of the pools that the user named, in that order; each one before it says why it cannot."""
    [row] = rows
    before = wanted[: wanted.index(row["name"])]
    passed = [reason for reason in row["reasons"] if "is passed over: " in reason]
    assert [reason.split()[1] for reason in passed][: len(before)] == before


@settings(max_examples=15)
@given(worlds(), st.sampled_from(ScalingMode))
def test_replicas_have_one_owner(world: World, mode: ScalingMode) -> None:
    service = world.cluster.one("InferenceService")
    scaling = {"mode": str(mode), "minReplicas": 3}
    world.cluster.put({**service, "spec": {**service["spec"], "scaling": scaling, "paused": False}})

    shell = asyncio.run(lived(world))

    for body in shell.cluster.of_kind("Deployment"):
        assert body["spec"]["replicas"] == (1 if mode is ScalingMode.EXTERNAL else 3)
