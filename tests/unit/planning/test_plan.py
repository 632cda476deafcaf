"""The plan: every part on one pool, with a reason for each."""

from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from tests.unit.planning.building import (
    DEFAULTS,
    LARGE_NODE,
    facts,
    gpu_pool,
    node,
    pool,
    resources,
    single_request_facts,
    spec,
)
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.tensors import Tensor
from triton_operator.planning.objective import (
    latency_bound_milliseconds,
    longest_request_seconds,
)
from triton_operator.planning.plan import (
    UNKNOWN_RELEASE,
    Plan,
    PoolPlan,
    plan_service,
)
from triton_operator.planning.pools import Pool, known_pools
from triton_operator.planning.refusal import Refusal
from triton_operator.triton.releases import Release


def planned(*pools: Pool, model: ModelFacts | None = None, **parts: Any) -> tuple[Plan, PoolPlan]:
    plan = plan_service(spec(**parts), model or facts(), pools or (pool("cpu"),))
    assert isinstance(plan, Plan)
    return plan, plan.pools[0]


def refused(*pools: Pool, model: ModelFacts | None = None, **parts: Any) -> Refusal:
    refusal = plan_service(spec(**parts), model or facts(), pools or (pool("cpu"),))
    assert isinstance(refusal, Refusal)
    return refusal


def test_the_happy_path_has_a_reason_for_every_choice() -> None:
    plan, row = planned()

    assert (row.max_batch_size, row.dynamic_batching, row.instances, row.threads) == (4, True, 1, 1)
    assert (row.cpu_request_millicores, row.cpu_limit_millicores) == (1000, 1000)
    assert row.release == Release(26, 9)
    assert plan.replicas.minimum == 1
    topics = ["pool cpu first", "batch size 4", "FP32", "1 instance of 1 thread", "memory"]
    assert len(row.reasons) == len(topics)
    for reason, topic in zip(row.reasons, topics, strict=True):
        assert topic in reason


def test_one_pool_is_in_use_and_the_others_stand_by() -> None:
    plan, row = planned(gpu_pool("l4"), pool("cpu"))

    assert [chosen.pool.name for chosen in plan.pools] == ["cpu"]
    assert plan.standby == ("l4",)
    assert "stands by, for replicas that find no node: l4" in row.reasons


def names(plan: Plan) -> list[str]:
    return [row.pool.name for row in plan.pools]


THREE = (gpu_pool("l4"), gpu_pool("t4"), pool("cpu"))
NAMED = {"pools": ["l4", "t4", "cpu"]}


class Used(NamedTuple):
    name: str
    in_use: tuple[str, ...]
    rows: list[str]
    standby: tuple[str, ...]
    why: str
    mode: str = "Auto"


USED = [
    Used("the first only", (), ["l4"], ("t4", "cpu"), "as long as it takes all"),
    Used("two", ("l4", "cpu"), ["l4", "cpu"], ("t4",), "spilled over"),
    Used("moved over", ("cpu",), ["l4", "cpu"], ("t4",), "the first stays, to come back to"),
    Used("all", ("cpu", "t4"), ["l4", "t4", "cpu"], (), "by preference, not as they are told"),
    Used("unknown", ("gone",), ["l4"], ("t4", "cpu"), "its ServingPool was deleted"),
    Used("fixed", ("cpu",), ["l4"], ("t4", "cpu"), "nobody spills over", "Fixed"),
    Used("external", ("cpu",), ["l4"], ("t4", "cpu"), "somebody else's", "External"),
]


@pytest.mark.parametrize("row", USED, ids=lambda row: row.name)
def test_a_pool_in_use_has_a_row(row: Used) -> None:
    made = plan_service(
        spec(hardware=NAMED, scaling={"mode": row.mode}), facts(), THREE, in_use=row.in_use
    )

    assert isinstance(made, Plan)
    assert names(made) == row.rows, row.why
    assert made.standby == row.standby
    for pool_plan in made.pools[1:]:
        assert pool_plan.reasons[0].startswith(f"pool {pool_plan.pool.name} too: for replicas that")


def test_each_row_is_planned_for_its_own_pool() -> None:
    made = plan_service(spec(hardware=NAMED), facts(), THREE, in_use=("cpu",))

    assert isinstance(made, Plan)
    first, second = made.pools
    assert (first.max_batch_size, first.threads, first.accelerators) == (16, None, 1)
    assert (second.max_batch_size, second.threads, second.accelerators) == (4, 1, 0)
    assert not any("stands by" in reason for reason in second.reasons)


UNKNOWN_IMAGE = replace(pool("cpu"), image="registry.example/own:dev")
TOO_SMALL = pool("cpu", shapes=(), nodes_by_shape=((replace(LARGE_NODE, cpu_millicores=100), 1),))


@pytest.mark.parametrize(
    ("unusable", "told"),
    [
        (UNKNOWN_IMAGE, "pool cpu cannot serve: pool cpu:"),
        (TOO_SMALL, "pool cpu is passed over"),
    ],
    ids=["unknown release", "too small"],
)
def test_a_pool_in_use_that_cannot_serve_now_is_dropped_and_said(unusable: Pool, told: str) -> None:
    made = plan_service(
        spec(hardware={"pools": ["l4", "cpu"]}),
        facts(),
        (gpu_pool("l4"), unusable),
        in_use=("cpu",),
    )

    assert isinstance(made, Plan)
    assert names(made) == ["l4"]
    assert made.standby == ()
    assert any(told in reason for reason in made.pools[0].reasons)


@pytest.mark.parametrize(
    ("scaling", "why"),
    [
        ({"mode": "Fixed"}, "in scaling mode Fixed"),
        ({"mode": "External"}, "in scaling mode External"),
        ({"minReplicas": 3, "maxReplicas": 3}, "while minReplicas is maxReplicas"),
    ],
)
def test_where_nothing_spills_over_the_reason_says_so(scaling: dict[str, Any], why: str) -> None:
    _, row = planned(gpu_pool("l4"), pool("cpu"), scaling=scaling)

    assert f"fits too, but replicas do not spill over {why}: l4" in row.reasons


def test_a_gpu_pool_takes_larger_batches_and_no_threads() -> None:
    _, row = planned(gpu_pool("l4"))

    assert (row.max_batch_size, row.threads) == (16, None)


class Delay(NamedTuple):
    name: str
    batching: dict[str, Any]
    expected: int
    model: ModelFacts = facts()


@pytest.mark.parametrize(
    "row",
    [
        Delay("batched", {}, 500),
        Delay("off", {"mode": "Off"}, 0),
        Delay("not batchable", {}, 0, single_request_facts()),
    ],
    ids=lambda row: row.name,
)
def test_only_a_batch_is_waited_for(row: Delay) -> None:
    _, chosen = planned(
        model=row.model, batching={"maxQueueDelayMicroseconds": 500, **row.batching}
    )

    assert chosen.queue_delay_microseconds == row.expected


class Rejecting(NamedTuple):
    name: str
    parts: dict[str, Any]
    timeout: int
    why: str
    pool: Pool = pool("cpu")
    model: ModelFacts = facts()


@pytest.mark.parametrize(
    "row",
    [
        Rejecting("queue", {}, 0, "the default"),
        Rejecting("reject", {}, 500_000, "half of the default objective"),
        Rejecting("odd", {"objective": {"latency": {"milliseconds": 25}}}, 12_500, "microseconds"),
        Rejecting("off", {"batching": {"mode": "Off"}}, 0, "no batcher"),
        Rejecting("not batchable", {}, 0, "no batcher", model=single_request_facts()),
        Rejecting("one GPU", {}, 500_000, "one instance", gpu_pool("l4")),
        Rejecting(
            "two GPUs",
            {"hardware": {"acceleratorsPerReplica": 2}},
            0,
            "over two instances the batcher keeps no limit",
            gpu_pool("l4"),
        ),
    ],
    ids=lambda row: row.name,
)
def test_who_waited_for_half_of_the_objective_is_rejected(row: Rejecting) -> None:
    wish = {} if row.name == "queue" else {"overload": "Reject"}
    batching = {**row.parts.get("batching", {}), **wish}

    _, chosen = planned(row.pool, model=row.model, **{**row.parts, "batching": batching})

    assert chosen.queue_timeout_microseconds == row.timeout, row.why
    said = [reason for reason in chosen.reasons if "rejected" in reason]
    assert len(said) == (1 if row.timeout else 0)
    assert all(f"{row.timeout / 1000:g} ms" in reason for reason in said)


def test_with_rejection_nobody_waits_for_others() -> None:
    """Both together make Triton lose throughput for good."""
    _, chosen = planned(batching={"overload": "Reject", "maxQueueDelayMicroseconds": 500})

    assert (chosen.queue_delay_microseconds, chosen.queue_timeout_microseconds) == (0, 500_000)


class Image(NamedTuple):
    name: str
    pool: Pool
    runtime: dict[str, Any]
    image: str
    release: Release
    why: str


OWN = replace(pool("cpu"), image="registry.example/own:dev", release="25.11")


@pytest.mark.parametrize(
    "row",
    [
        Image("pool's", OWN, {}, "registry.example/own:dev", Release(25, 11), "stated beside it"),
        Image(
            "service's",
            OWN,
            {"image": "registry.example/mine:26.08-py3"},
            "registry.example/mine:26.08-py3",
            Release(26, 8),
            "the pool's release is not about this image",
        ),
    ],
    ids=lambda row: row.name,
)
def test_image_and_its_release(row: Image) -> None:
    _, chosen = planned(row.pool, runtime=row.runtime)

    assert (chosen.image, chosen.release) == (row.image, row.release), row.why


def test_an_old_release_is_named_among_the_reasons() -> None:
    _, row = planned(replace(pool("cpu"), release="24.10"))

    assert any("Triton 24.10 has known holes" in reason for reason in row.reasons)


def test_a_pool_whose_release_is_unknown_is_refused_by_name() -> None:
    refusal = refused(replace(pool("odd"), image="registry.example/own:latest"))

    assert refusal.reason == UNKNOWN_RELEASE
    assert "pool odd" in refusal.message
    assert "in the ServingPool" in refusal.message


def test_a_service_whose_image_tells_no_release_is_told_which_field() -> None:
    """The pool's `release` says nothing about the service's image: it is not the remedy."""
    refusal = refused(OWN, runtime={"image": "registry.example/own:latest"})

    assert refusal.reason == UNKNOWN_RELEASE
    assert "spec.runtime.image" in refusal.message


def test_a_refused_batch_refuses_the_plan() -> None:
    refusal = refused(model=single_request_facts(), batching={"mode": "Fixed", "maxBatchSize": 8})

    assert refusal.reason == "BatchingNotPossible"


class Unservable(NamedTuple):
    name: str
    model: ModelFacts
    says: str
    why: str


@pytest.mark.parametrize(
    "row",
    [
        Unservable(
            "scalar",
            single_request_facts(
                inputs=[
                    Tensor(name="audio", datatype="FP32", shape=[1, 512]),
                    Tensor(name="sr", datatype="INT64", shape=[]),
                ]
            ),
            "sr",
            "real models have such an input, and Triton cannot serve it",
        ),
        Unservable(
            "batch axis of fixed length",
            facts(inputs=[Tensor(name="x", datatype="FP32", shape=[8, 3])]),
            "x",
            "a profile written by hand may contradict itself",
        ),
        Unservable(
            "empty axis",
            single_request_facts(outputs=[Tensor(name="y", datatype="FP32", shape=[1, 0])]),
            "y",
            "no request has such a tensor",
        ),
        Unservable(
            "unknown type",
            facts(inputs=[Tensor(name="x", datatype="COMPLEX64", shape=[-1, 3])]),
            "COMPLEX64",
            "Triton's protocol cannot carry it",
        ),
    ],
    ids=lambda row: row.name,
)
def test_facts_that_triton_cannot_serve_are_a_refusal_and_no_crash(row: Unservable) -> None:
    refusal = refused(model=row.model)

    assert row.says in refusal.message, row.why


def test_stated_resources_arrive_in_the_plan() -> None:
    _, row = planned(
        pool("cpu", replica_resources=resources("8", "8Gi")),
        hardware={"resources": {"cpu": "1500m"}},
    )

    assert (row.cpu_request_millicores, row.cpu_limit_millicores, row.threads) == (1500, 2000, 2)
    assert row.memory_bytes == 8 * 2**30


class Bound(NamedTuple):
    name: str
    objective: dict[str, Any]
    milliseconds: int
    longest_seconds: int


@pytest.mark.parametrize(
    "row",
    [
        Bound("nothing said", {}, 1000, 5),
        Bound("quick", {"latency": {"milliseconds": 100}}, 100, 5),
        Bound("just above", {"latency": {"milliseconds": 1001}}, 1001, 6),
        Bound("slow", {"latency": {"milliseconds": 60_000}}, 60_000, 300),
    ],
    ids=lambda row: row.name,
)
def test_how_long_a_shutdown_waits_follows_the_objective(row: Bound) -> None:
    wanted = spec(objective=row.objective)

    assert latency_bound_milliseconds(wanted) == row.milliseconds
    assert longest_request_seconds(wanted) == row.longest_seconds


def test_a_node_more_changes_no_plan() -> None:
    """Otherwise every node that joins would change the status of every service."""
    some = [node("a"), node("b")]
    three, four = (
        plan_service(spec(), facts(), known_pools({}, nodes, DEFAULTS))
        for nodes in (some, [*some, node("c")])
    )

    assert three == four
