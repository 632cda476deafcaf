"""What is measured on a pool: what the plan runs, with larger batches where their size is free."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.planning.building import (
    LARGE_NODE,
    facts,
    gpu_pool,
    measurement,
    pool,
    resources,
    spec,
    straight,
)
from triton_operator.planning.candidate import candidate, is_measured
from triton_operator.planning.plan import Plan, PoolPlan, plan_service
from triton_operator.planning.pools import Pool


def row(pool: Pool, model: Any = None, **parts: Any) -> tuple[PoolPlan, PoolPlan]:
    """The row of the plan, and the candidate."""
    wanted, known = spec(**parts), model or facts()
    plan = plan_service(wanted, known, [pool])
    assert isinstance(plan, Plan)
    return plan.pools[0], candidate(wanted, known, plan.pools[0])


@pytest.mark.parametrize(
    ("parts", "changes", "largest"),
    [
        ({}, {}, 16),
        ({"batching": {"maxBatchSize": 6}}, {}, 6),
        ({}, {"max_batch_size": 8}, 8),
        ({"batching": {"mode": "Fixed", "maxBatchSize": 32}}, {}, 32),
        ({"batching": {"mode": "Off"}}, {}, 1),
        ({}, {"batchable": False, "reason": "no batch axis"}, 0),
    ],
)
def test_batches_are_as_large_as_they_may_be(
    parts: dict[str, Any], changes: dict[str, Any], largest: int
) -> None:
    _, found = row(pool("cpu"), facts(**changes), **parts)

    assert found.max_batch_size == largest


def test_on_gpus_they_are_larger() -> None:
    _, found = row(gpu_pool("l4"))

    assert found.max_batch_size == 64


def test_nothing_but_batches_and_memory_is_different() -> None:
    planned, found = row(pool("cpu"))

    assert found.memory_bytes >= planned.memory_bytes
    for name in ("image", "release", "precision", "instances", "threads", "cpu_limit_millicores"):
        assert getattr(found, name) == getattr(planned, name)


def test_nothing_is_rejected_while_it_is_measured() -> None:
    planned, found = row(pool("cpu"), batching={"overload": "Reject"})

    assert planned.queue_timeout_microseconds
    assert not found.queue_timeout_microseconds


def test_pools_that_come_first_do_not_matter() -> None:
    """The pool at hand may be the one to which replicas spill over."""
    wanted = spec(hardware={"pools": ["other", "cpu"]})
    plan = plan_service(wanted, facts(), [pool("other"), pool("cpu")], {"cpu"})
    assert isinstance(plan, Plan)
    first, second = plan.pools
    found = candidate(wanted, facts(), second)

    assert (first.pool.name, second.pool.name, found.pool.name) == ("other", "cpu", "cpu")
    assert found.max_batch_size == 16


def planned(where: Pool, rows: Any, **parts: Any) -> PoolPlan:
    """The row of the plan that follows measurements."""
    plan = plan_service(spec(**parts), facts(), [where], (), rows)
    assert isinstance(plan, Plan)
    return plan.pools[0]


def test_instances_and_threads_are_those_of_the_plan() -> None:
    where = pool("cpu", replica_resources=resources("4"))
    four = measurement(straight(1, 1, (1, 2, 4)), instances=4, threads=1)
    row = planned(where, [four])
    found = candidate(spec(), facts(), row)

    assert (row.instances, row.threads) == (4, 1)
    assert (found.instances, found.threads, found.max_batch_size) == (4, 1, 16)
    alone = candidate(spec(), facts(), planned(where, []))
    assert found.memory_bytes > alone.memory_bytes, "each instance has its copy"


def test_a_pool_without_room_for_larger_batches_is_measured_as_it_is() -> None:
    one = planned(pool("cpu"), [])
    large = candidate(spec(), facts(), one)
    shape = replace(LARGE_NODE, memory_bytes=(one.memory_bytes + large.memory_bytes) // 2)
    narrow = replace(one, pool=pool("cpu", shapes=(shape,)))

    assert large.memory_bytes > one.memory_bytes
    assert candidate(spec(), facts(), narrow).max_batch_size == one.max_batch_size


@pytest.mark.parametrize(
    ("where", "changes", "known"),
    [
        (gpu_pool("g", product="L4", accelerators_per_replica=2), {"product": "L4"}, True),
        (gpu_pool("g", product="L4"), {"product": "L4", "instances": 2}, False),
        (gpu_pool("g", product="L4"), {}, False),
        (gpu_pool("g"), {}, True),
        (gpu_pool("g"), {"hardware": {"cpu": "EPYC"}}, False),
        (pool("cpu"), {"product": "L4"}, False),
        (pool("cpu"), {"hardware": {"cpu": "EPYC"}}, True),
        (pool("cpu"), {"latency": []}, False),
    ],
)
def test_what_is_known_is_what_the_plan_would_use(
    where: Pool, changes: dict[str, Any], known: bool
) -> None:
    """On such hardware, and with instances per accelerator."""
    row = measurement({1: 8.5}, **changes)

    assert is_measured(planned(where, []), facts(), row) is known
    assert (planned(where, [row]).measured is not None) is (known or row.instances == 2)
