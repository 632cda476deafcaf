"""The numbers of the status: where to send requests, what is served, how many of each."""

from typing import Any, NamedTuple

import pytest

from tests.unit.controllers.cluster import Cluster
from tests.unit.controllers.world import (
    CPU,
    DEPLOYMENT,
    L4,
    edit,
    first_sight,
    moving,
    observed,
    rolling,
    serving,
)
from tests.unit.planning.building import DIGEST
from triton_operator.api.status import InferenceServiceStatus
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.service_status import parameter_text


def status(cluster: Cluster) -> dict[str, Any]:
    outcome = reconcile(observed(cluster, pools=(CPU, L4)))
    assert outcome.status is not None
    InferenceServiceStatus.model_validate(outcome.status, extra="forbid")
    return outcome.status


def test_a_serving_service_says_where_and_what() -> None:
    told = status(serving())

    assert told["address"] == {
        "http": "http://filetype.shop.svc:8000",
        "grpc": "filetype.shop.svc:8001",
    }
    assert told["model"]["digest"] == DIGEST
    assert told["model"]["uri"] == "pvc://models/magika/model.onnx"
    assert told["model"]["batchable"] is True
    assert told["model"]["parameters"] == "3.1M"
    assert told["model"]["inputs"] == [{"name": "bytes", "datatype": "INT32", "shape": [-1, 2048]}]
    assert told["selector"] == (
        "serving.triton-operator.io/role=serve,serving.triton-operator.io/service=filetype"
    )


def test_one_row_per_pool_and_their_sums() -> None:
    told = status(serving())

    (row,) = told["pools"]
    assert row.pop("reasons")
    assert row == {
        "name": "cpu",
        "precision": "FP32",
        "maxBatchSize": 4,
        "instances": 1,
        "engine": "onnxruntime",
        "threads": 1,
        "desiredReplicas": 1,
        "readyReplicas": 1,
    }
    assert [told[key] for key in ("replicas", "readyReplicas", "desiredReplicas")] == [1, 1, 1]
    assert told["poolNames"] == "cpu"


def test_nothing_is_invented_before_anything_is_known() -> None:
    told = status(first_sight())

    assert "model" not in told
    assert told["pools"] == []
    assert [told[key] for key in ("replicas", "readyReplicas", "desiredReplicas")] == [0, 0, 0]


class Kept(NamedTuple):
    name: str
    spec: dict[str, Any]
    why: str


@pytest.mark.parametrize(
    "row",
    [
        Kept(
            "model changed",
            {"model": {"uri": "pvc://models/other.onnx"}},
            "the old model is the one in use",
        ),
        Kept("plan refused", {"hardware": {"pools": ["h100"]}}, "the old plan is the one in use"),
        Kept("invalid", {"scaling": {"minReplicas": -1}}, "nothing was changed"),
    ],
    ids=lambda row: row.name,
)
def test_what_serves_stays_in_the_status_while_the_new_spec_has_no_plan(row: Kept) -> None:
    cluster = serving()
    before = cluster.one("InferenceService")["status"]
    edit(**row.spec)(cluster)

    told = status(cluster)

    for part in ("model", "pools", "poolNames", "replicas", "readyReplicas", "desiredReplicas"):
        assert told[part] == before[part], row.why


def test_ready_replicas_of_a_kept_row_are_those_of_now() -> None:
    cluster = serving()
    edit(hardware={"pools": ["h100"]})(cluster)
    cluster.roll_out(DEPLOYMENT, ready=0)

    told = status(cluster)

    assert told["pools"][0]["readyReplicas"] == 0
    assert told["pools"][0]["desiredReplicas"] == 1


def test_an_autoscalers_number_is_the_desired_one() -> None:
    cluster = serving()
    cluster.put_autoscaler("theirs", DEPLOYMENT)
    cluster.edit("Deployment", "shop", DEPLOYMENT, replicas=5)

    told = status(cluster)

    assert told["desiredReplicas"] == 5
    assert told["pools"][0]["desiredReplicas"] == 5


def test_the_row_is_the_plans_during_a_rollout() -> None:
    assert status(rolling())["pools"][0]["maxBatchSize"] == 2


def test_the_row_is_the_new_pools_during_a_move() -> None:
    told = status(moving())

    assert told["poolNames"] == "l4"
    assert told["pools"][0]["maxBatchSize"] == 16
    assert "threads" not in told["pools"][0]


class Spelled(NamedTuple):
    count: int
    text: str


@pytest.mark.parametrize(
    "row",
    [
        Spelled(0, "0"),
        Spelled(214, "214"),
        Spelled(3_100, "3.1K"),
        Spelled(25_557_032, "25.6M"),
        Spelled(7_000_000_000, "7B"),
        Spelled(70_553_706_496, "70.6B"),
        Spelled(999_600, "1M"),
        Spelled(1_760_000_000_000, "1.76T"),
    ],
    ids=lambda row: row.text,
)
def test_parameters_as_people_say_them(row: Spelled) -> None:
    assert parameter_text(row.count) == row.text
