"""How a rollout replaces pods that hold accelerators: the new one first, or the old one out first.

With a new pod first no request fails, but it needs a free accelerator. Where none is free it would
wait for ever for the one that the old pod holds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from triton_operator.planning.nodes import NodeFacts
from triton_operator.planning.plan import PoolPlan, surge_reason
from triton_operator.planning.pools import Pool


def draining_first(row: PoolPlan, replicas: int) -> PoolPlan:
    """The same plan, with the old pod out before the new one starts.

    `replicas` are those of the service, over all its pools: those of another pool go on serving.
    """
    resource = row.pool.accelerator_resource
    reason = f"no free {resource} was found: a rollout ends an old pod before it starts the new one"
    if replicas == 1:
        reason += ", and with one replica, requests fail meanwhile"
    kept = tuple(told for told in row.reasons if told != surge_reason(row.pool))
    return replace(row, drains_first=True, reasons=(*kept, reason))


def largest_free_block(
    pool: Pool, nodes: Iterable[NodeFacts], taken: Mapping[str, Mapping[str, int]]
) -> int:
    """The most accelerators of the pool that are free together, on one node that takes pods now.

    `taken`: node → resource → how many the operator's own pods hold. What others hold is not known,
    so this is an upper bound.
    """
    resource = pool.accelerator_resource
    if resource is None:
        return 0
    wanted = pool.node_selector.items()
    return max(
        (
            int(node.allocatable[resource]) - taken.get(node.name, {}).get(resource, 0)
            for node in nodes
            if node.schedulable
            and node.offers(resource)
            and node.allocatable[resource].isdigit()
            and all(node.labels.get(key) == value for key, value in wanted)
        ),
        default=0,
    )
