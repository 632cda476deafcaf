"""What is known to be free, and what a rollout without a free accelerator says."""

from tests.unit.planning.building import DEFAULTS, facts, gpu_pool, node, spec
from triton_operator.api.serving_pool import ServingPoolSpec
from triton_operator.planning.plan import Plan, plan_service
from triton_operator.planning.pools import known_pools
from triton_operator.planning.surge import draining_first, largest_free_block

GPU = "nvidia.com/gpu"
NODES = [
    node("a", labels={"k": "v"}, gpus=4),
    node("b", labels={"k": "v"}, gpus=2),
    node("cordoned", labels={"k": "v"}, gpus=8, cordoned=True),
    node("elsewhere", gpus=8),
]
(POOL,) = known_pools(
    {"p": ServingPoolSpec.model_validate({"nodeSelector": {"k": "v"}, "accelerator": {}})},
    NODES,
    DEFAULTS,
)


def test_the_largest_block_on_one_node() -> None:
    assert largest_free_block(POOL, NODES, {}) == 4
    assert largest_free_block(POOL, NODES, {"a": {GPU: 3}}) == 2
    assert largest_free_block(POOL, NODES, {"a": {GPU: 4}, "b": {GPU: 2}}) == 0
    assert largest_free_block(POOL, NODES, {"a": {"amd.com/gpu": 4}}) == 4
    assert largest_free_block(POOL, [], {}) == 0


def test_the_reason_changes_with_the_way() -> None:
    plan = plan_service(spec(), facts(), [gpu_pool("l4")])
    assert isinstance(plan, Plan)
    (row,) = plan.pools

    one, two = draining_first(row, 1), draining_first(row, 2)

    assert any("starts a new pod before it ends the old one" in why for why in row.reasons)
    assert not any("starts a new pod before" in why for why in one.reasons)
    assert any("ends an old pod before" in why for why in two.reasons)
    assert one.reasons[-1].endswith("with one replica, requests fail meanwhile")
    assert two.reasons[-1].endswith("before it starts the new one")
