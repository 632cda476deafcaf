"""What is measured on a pool: what the plan runs, with larger batches where their size is free."""

from typing import Any

import pytest

from tests.unit.planning.building import facts, gpu_pool, pool, spec
from triton_operator.planning.candidate import candidate
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
