"""Level-triggered: where a service ends depends on its spec, and not on what happened before.

But for the number of replicas, which follows load within the bounds.
"""

import asyncio
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.controllers.cluster import Body, Cluster, service_object
from tests.unit.controllers.shell import Shell
from tests.unit.planning.building import DIGEST, facts, node_object
from triton_operator.api.group import API_VERSION
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.controllers.errors import (
    ApiConflict,
    ApiError,
    ApiNotFound,
    ApiRefused,
    ApiUnavailable,
)
from triton_operator.manifests.desired_hash import with_desired_hash
from triton_operator.manifests.model_profile import profile_of_facts
from triton_operator.planning.replicas import replica_bounds

MODEL = {"uri": "pvc://models/magika/model.onnx", "digest": DIGEST}
SPECS: list[dict[str, Any]] = [
    {},
    {"batching": {"maxBatchSize": 2}},
    {"batching": {"mode": "Off"}},
    {"hardware": {"pools": ["l4"]}},
    {"hardware": {"pools": ["cpu"], "resources": {"cpu": "2"}}},
    {"hardware": {"pools": ["l4"]}, "scaling": {"minReplicas": 2}},
    {"scaling": {"minReplicas": 3}},
    {"scaling": {"minReplicas": 0}},
    {"scaling": {"mode": "Fixed", "minReplicas": 2}},
    {"runtime": {"env": [{"name": "A", "value": "b"}]}},
]
DETOURS: list[dict[str, Any]] = [
    {"hardware": {"pools": ["h100"]}},
    {"model": {**MODEL, "uri": "ftp://models/a"}},
    {"paused": True, "batching": {"maxBatchSize": 3}},
    {"scaling": {"mode": "External"}},
]
ERRORS: list[ApiError] = [
    ApiUnavailable(503, "ServiceUnavailable", "busy"),
    ApiUnavailable(429, "TooManyRequests", "busy", retry_after=3.0),
    ApiConflict(409, "Conflict", "changed"),
    ApiNotFound(404, "NotFound", "namespace"),
    ApiRefused(403, "Forbidden", "quota"),
]
CHILDREN = ("ConfigMap", "Deployment", "Service")
Step = Callable[["History"], None]


def fresh(spec: dict[str, Any]) -> Cluster:
    """A cluster with two described pools, a known model and this spec."""
    cluster = Cluster()
    cluster.put(node_object("cpu-1"))
    cluster.put(node_object("gpu-1", gpus=1))
    for name, pool in {"cpu": {}, "l4": {"accelerator": {}}}.items():
        cluster.put(
            {
                "apiVersion": API_VERSION,
                "kind": "ServingPool",
                "metadata": {"name": name},
                "spec": pool,
            }
        )
    cluster.put(with_desired_hash(profile_of_facts("shop", DIGEST, facts())))
    cluster.put(service_object(**{"model": MODEL, **spec}))
    return cluster


class History:
    """One service, and what happens to it."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.shell = Shell(fresh(spec))

    @property
    def cluster(self) -> Cluster:
        return self.shell.cluster

    def wish(self, spec: dict[str, Any]) -> None:
        service = self.cluster.one("InferenceService")
        self.cluster.put({**service, "spec": {"model": MODEL, **spec}})

    def roll_out(self) -> None:
        for body in list(self.cluster.of_kind("Deployment")):
            self.cluster.roll_out(body["metadata"]["name"])

    def restart(self) -> None:
        self.shell = Shell(self.cluster)

    async def come_to_rest(self) -> None:
        """Every retry is due, every pod gets ready, and a sweep has verified everything."""
        self.cluster.failures.clear()
        for _ in range(4):
            await self.shell.run()
            self.shell.clock.advance(600)
            self.roll_out()
            self.shell.controller.sweep()
        assert await self.shell.run() == []


def run(history: History) -> None:
    asyncio.run(_run(history))


async def _run(history: History) -> None:
    await history.shell.run()


def wished(spec: dict[str, Any]) -> Step:
    return lambda history: history.wish(spec)


def failing(verb: str, kind: str, error: ApiError) -> Step:
    return lambda history: history.cluster.failures.setdefault((verb, kind), []).append(error)


DRIFT: dict[str, dict[str, Any]] = {
    "Deployment": {"revisionHistoryLimit": 9},
    "Service": {"selector": {"app": "theirs"}},
}


def drifted(kind: str) -> Step:
    """Somebody changes what the operator has written."""

    def step(history: History) -> None:
        for body in list(history.cluster.of_kind(kind)):
            history.cluster.edit(kind, "shop", body["metadata"]["name"], **DRIFT[kind])

    return step


def deleted(kind: str) -> Step:
    def step(history: History) -> None:
        for body in list(history.cluster.of_kind(kind)):
            history.cluster.remove(kind, "shop", body["metadata"]["name"])

    return step


steps: st.SearchStrategy[Step] = st.one_of(
    st.sampled_from(SPECS + DETOURS).map(wished),
    st.just(run),
    st.just(History.roll_out),
    st.just(History.restart),
    st.just(lambda history: history.shell.controller.sweep()),
    st.integers(0, 300).map(lambda seconds: lambda history: history.shell.clock.advance(seconds)),
    st.builds(
        failing,
        st.sampled_from(["apply", "scale", "delete", "status"]),
        st.sampled_from([*CHILDREN, "InferenceService"]),
        st.sampled_from(ERRORS),
    ),
    st.sampled_from(sorted(DRIFT)).map(drifted),
    st.sampled_from(CHILDREN).map(deleted),
)


def outcome(cluster: Cluster) -> tuple[dict[str, Any], dict[str, str]]:
    """The children without what each cluster has of its own, and the conditions.

    Within the bounds the number of replicas is what it was: nobody tells of load here.
    """
    spec = InferenceServiceSpec.model_validate(cluster.one("InferenceService")["spec"])
    bounds = replica_bounds(spec.scaling)
    wanted = {
        f"{kind}/{body['metadata']['name']}": _plain(body)
        for kind in CHILDREN
        for body in cluster.of_kind(kind)
    }
    for body in wanted.values():
        if bounds.moves and body["kind"] == "Deployment":
            replicas = body["spec"].pop("replicas")
            assert bounds.minimum <= replicas <= bounds.maximum
    status = cluster.one("InferenceService")["status"]
    conditions = {one["type"]: f"{one['status']} {one['reason']}" for one in status["conditions"]}
    return wanted, conditions


def _plain(body: Body) -> Body:
    metadata = body["metadata"]
    labels = {key: value for key, value in metadata["labels"].items() if "uid" not in key}
    plain = {key: value for key, value in body.items() if key not in ("metadata", "status")}
    if body["kind"] == "Deployment":
        template = deepcopy(plain["spec"]["template"])
        template["metadata"]["labels"] = labels | {"pod": "labels"}
        plain["spec"] = {**plain["spec"], "template": template}
    return {**plain, "labels": labels}


@settings(max_examples=50)
@given(st.sampled_from(SPECS), st.lists(steps, max_size=14), st.sampled_from(SPECS))
def test_what_happened_before_does_not_matter(
    first: dict[str, Any], between: list[Step], last: dict[str, Any]
) -> None:
    history, straight = History(first), History(last)
    for step in between:
        step(history)
    history.wish(last)

    asyncio.run(history.come_to_rest())
    asyncio.run(straight.come_to_rest())

    children, conditions = outcome(history.cluster)
    expected_children, expected_conditions = outcome(straight.cluster)
    assert conditions == expected_conditions
    assert children == expected_children
