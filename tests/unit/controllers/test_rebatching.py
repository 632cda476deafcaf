"""A model whose batch is fixed at 1, from its first pod to pods that batch: Job by Job."""

from typing import Any

from tests.unit.controllers import test_converting as copies
from tests.unit.controllers import test_measuring as speed
from tests.unit.controllers.cluster import Body, Cluster
from tests.unit.controllers.world import (
    DEPLOYMENT,
    NOW,
    ago,
    first_sight,
    found,
    observed,
    step,
)
from tests.unit.planning.building import single_request_facts
from triton_operator.api.tensors import Tensor
from triton_operator.controllers.inference_service import reconcile
from triton_operator.triton.model_config import parse_config

STORED = single_request_facts(
    inputs=[Tensor(name="image", datatype="FP32", shape=[1, 64])],
    outputs=[Tensor(name="boxes", datatype="FP32", shape=[1, 8])],
)
REFUSAL = "the batch stays fixed at 1: node 'it' (Flatten) does not keep the batch"
COPY: dict[str, Any] = {
    "precision": "FP32",
    "method": "DynamicBatch",
    "agreement": "1",
    "rows": 64,
    "batchSize": 16,
    "samplesDigest": copies.ROWS,
}
ONE = [{"batchSize": 1, "milliseconds": "30"}]
MANY = [{"batchSize": size, "milliseconds": str(24 + 6 * size)} for size in (1, 2, 4, 8, 16)]


def serving() -> Cluster:
    cluster = first_sight(
        model=copies.SAMPLES,
        measurement={"mode": "IfUnknown", "budgetSeconds": 60},
        precision={"mode": "FP32"},
        objective={"latency": {"milliseconds": 250}},
    )
    step(cluster)
    cluster.end_job(found(model=STORED), at=ago(3600))
    step(cluster)
    step(cluster)
    roll_out(cluster)
    return cluster


def roll_out(cluster: Cluster) -> None:
    cluster.roll_out(DEPLOYMENT)
    cluster.put_pod("filetype-cpu-1", containers=[{"name": "triton", "state": {"running": {}}}])
    step(cluster, now=NOW)


def until_nothing_runs(cluster: Cluster, copy: dict[str, Any]) -> list[str]:
    """What each Job was for; `copy` is what the converting one finds."""
    done: list[str] = []
    idle = 0
    for _ in range(20):
        step(cluster, now=NOW)
        running = [one for one in cluster.of_kind("Job") if not one.get("status")]
        idle = 0 if running else idle + 1
        if idle == 3:
            # What has ended is written first, then the next one begins.
            return done
        if not running:
            continue
        (job,) = running
        container = job["spec"]["template"]["spec"]["containers"][0]
        done.append(container["name"])
        if container["name"] == "convert":
            copies.end(cluster, copies.says(**copy), at=ago(5))
            continue
        rebatched = any("DynamicBatch" in str(one) for one in pod_of(job)["initContainers"])
        done[-1] += " the copy" if rebatched else " the model"
        told = speed.numbers(
            latency=MANY if rebatched else ONE,
            throughput="150" if rebatched else "33",
            samplesDigest=copies.ROWS,
        )
        speed.end(cluster, told, at=ago(5), name=job["metadata"]["name"])
    raise AssertionError(f"no end: {done}")


def pod_of(manifest: Body) -> Body:
    spec: Body = manifest["spec"]["template"]["spec"]
    return spec


def batch(cluster: Cluster) -> tuple[int, list[str]]:
    """Triton's batch size in the pods that are wanted, and what prepares the model there."""
    deployment = cluster.one("Deployment")
    mounted = next(one for one in pod_of(deployment)["volumes"] if one["name"] == "config")
    config = cluster.one("ConfigMap", mounted["configMap"]["name"])["data"]["config.pbtxt"]
    names = [one["name"] for one in pod_of(deployment)["initContainers"]]
    return parse_config(config).max_batch_size, names


def test_it_is_converted_and_measured_beside_the_model_and_then_served() -> None:
    cluster = serving()
    before = batch(cluster)

    done = until_nothing_runs(cluster, COPY)

    assert before == (0, ["fetch"])
    assert done == ["convert", "measure the model", "measure the copy"]
    spec = copies.profile(cluster)
    assert [one.get("method") for one in spec["measurements"]] == [None, "DynamicBatch"]
    assert batch(cluster) == (16, ["fetch", "convert"])
    assert copies.condition(reconcile(observed(cluster)))[1] == "CopyRollingOut"
    roll_out(cluster)
    status, reason, message = copies.condition(reconcile(observed(cluster)))
    assert (status, reason) == ("True", "Verified")
    assert "pool cpu runs DynamicBatch: agreement 1 on 64 rows in batches of 16" in message


def test_what_cannot_be_rewritten_is_not_measured_and_says_why() -> None:
    cluster = serving()
    none = {"digest": None, "files": [], "agreement": None, "rows": None, "batchSize": None}

    done = until_nothing_runs(cluster, {**COPY, **none, "refusal": REFUSAL})

    assert done == ["convert", "measure the model"]
    assert batch(cluster) == (0, ["fetch"])
    status, reason, message = copies.condition(reconcile(observed(cluster)))
    assert (status, reason) == ("True", "AsStored")
    assert f"DynamicBatch rejected: {REFUSAL}" in message


def test_the_jobs_are_named_by_what_they_make() -> None:
    cluster = serving()
    told = copies.condition(step(cluster, now=NOW))[2]

    assert "converts the model to DynamicBatch on pool cpu" in told
    copies.end(cluster, copies.says(**COPY), at=ago(5))
    said = []
    for _ in range(3):
        outcome = step(cluster, now=NOW)
        said.append(speed.condition(outcome)[2])
        for job in speed.jobs(outcome):
            numbers = speed.numbers(latency=ONE, samplesDigest=copies.ROWS)
            speed.end(cluster, numbers, at=ago(5), name=job["metadata"]["name"])
    assert any("measures DynamicBatch with 1 instance" in one for one in said), said
