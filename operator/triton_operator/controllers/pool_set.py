"""The pools that services may run on: declared ones and those inferred from nodes, kept current."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pydantic import ValidationError

from triton_operator.api.serving_pool import ServingPoolSpec
from triton_operator.controllers.kinds import SERVING_POOL
from triton_operator.controllers.store import Store
from triton_operator.controllers.views import DeploymentView, ObjectView, SpecView
from triton_operator.planning.node_summary import NodeSummary, summarise
from triton_operator.planning.pools import Pool, PoolDefaults, label_keys, pools_on
from triton_operator.planning.surge import largest_free_block

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Look:
    """What a look at all nodes found.

    `again_seconds`: when time alone can change the pools; None: never.
    """

    changed: bool
    again_seconds: float | None


class PoolSet:
    """The pools of a store as of the last `look`. `now` gives seconds since the epoch."""

    def __init__(self, store: Store, defaults: PoolDefaults, now: Callable[[], float]) -> None:
        self._store = store
        self._defaults = defaults
        self._now = now
        self._version = -1
        self._nodes: NodeSummary | None = None
        self.pools: tuple[Pool, ...] = ()

    @property
    def is_old(self) -> bool:
        """Whether something has changed since the last look that can change the pools."""
        return self._store.pools_version != self._version

    def look(self) -> Look:
        """Make the pools anew from what the store has now."""
        self._version = self._store.pools_version
        declared = self._declared()
        now = self._now()
        self._nodes = summarise(
            self._store.nodes(), label_keys(declared.values()), now=now, before=self._nodes
        )
        before, self.pools = self.pools, pools_on(declared, self._nodes, self._defaults)
        due = self._nodes.next_change
        return Look(before != self.pools, due - now if due is not None else None)

    def free_accelerators(self, children: Iterable[ObjectView]) -> dict[str, int]:
        """Of the pools on which a service has Deployments and that have accelerators."""
        used = {child.pool for child in children if isinstance(child, DeploymentView)}
        return {
            pool.name: largest_free_block(pool, self._store.nodes(), self._store.devices_taken())
            for pool in self.pools
            if pool.is_gpu and pool.has_nodes and pool.name in used
        }

    def _declared(self) -> dict[str, ServingPoolSpec]:
        declared: dict[str, ServingPoolSpec] = {}
        for view in self._store.every(SERVING_POOL.kind):
            try:
                spec = view.spec if isinstance(view, SpecView) else {}
                declared[view.name] = ServingPoolSpec.model_validate(spec)
            except ValidationError as error:
                # Its own status says so; the other pools go on.
                logger.warning(
                    "A ServingPool is not valid.", extra={"pool": view.name, "error": str(error)}
                )
        return declared
