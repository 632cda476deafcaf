"""The pools of a cluster: those that somebody described, or two inferred from the nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from triton_operator.api.enums import AcceleratorKind
from triton_operator.api.inference_service import Resources
from triton_operator.api.serving_pool import ServingPoolSpec, Toleration
from triton_operator.planning.nodes import GPU_RESOURCE, NodeFacts

GPU_NODE_LABELS = ("nvidia.com/gpu.present", "cloud.google.com/gke-accelerator")
"""Labels by which clouds and NVIDIA's GPU operator mark nodes with GPUs."""


@dataclass(frozen=True)
class PoolDefaults:
    """The Triton images of pools that name none."""

    cpu_image: str
    cpu_release: str | None
    gpu_image: str
    gpu_release: str | None


@dataclass(frozen=True)
class Pool:
    """A kind of node that can serve: where its pods may run, what a replica takes, what it costs.

    `release` is the Triton release of `image` (`YY.MM`); None: to be read from the image's tag.
    `avoid_labels` are labels whose nodes are left alone (a CPU pool without a selector must not
    fill GPU nodes). `has_nodes`: at least one belongs to it, cordoned or not, since draining a node
    for an hour must not move every service to another pool. How many can be used is in the status
    of the ServingPool: a plan that held it would change with every node that comes or goes.
    """

    name: str
    kind: AcceleratorKind
    image: str
    release: str | None
    inferred: bool = False
    node_selector: Mapping[str, str] = field(default_factory=dict)
    avoid_labels: tuple[str, ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    accelerator_resource: str | None = None
    replica_resources: Resources = field(default_factory=Resources)
    cost_per_replica_hour: Decimal | None = None
    currency: str | None = None
    watts_per_replica: int | None = None
    has_nodes: bool = False

    @property
    def is_gpu(self) -> bool:
        """Whether replicas take an accelerator."""
        return self.kind is AcceleratorKind.GPU


def declared_pool(
    name: str, spec: ServingPoolSpec, nodes: Sequence[NodeFacts], defaults: PoolDefaults
) -> Pool:
    """The pool that a ServingPool describes."""
    gpu = spec.accelerator is not None
    image = spec.image or (defaults.gpu_image if gpu else defaults.cpu_image)
    release = spec.release
    if release is None and spec.image is None:
        release = defaults.gpu_release if gpu else defaults.cpu_release
    return Pool(
        name=name,
        kind=AcceleratorKind.GPU if gpu else AcceleratorKind.CPU,
        image=image,
        release=release,
        node_selector=spec.node_selector or {},
        avoid_labels=() if gpu or spec.node_selector else GPU_NODE_LABELS,
        tolerations=tuple(spec.tolerations or ()),
        accelerator_resource=spec.accelerator.resource if spec.accelerator else None,
        replica_resources=spec.replica_resources or Resources(),
        cost_per_replica_hour=Decimal(spec.cost.per_replica_hour) if spec.cost else None,
        currency=spec.cost.currency if spec.cost else None,
        watts_per_replica=spec.energy.watts_per_replica if spec.energy else None,
        has_nodes=bool(nodes_of_pool(spec, nodes)),
    )


def nodes_of_pool(spec: ServingPoolSpec, nodes: Sequence[NodeFacts]) -> list[NodeFacts]:
    """The nodes that a ServingPool selects, those that cannot be scheduled to right now too."""
    selector = (spec.node_selector or {}).items()
    resource = spec.accelerator.resource if spec.accelerator else None
    return [
        node
        for node in nodes
        if all(node.labels.get(key) == value for key, value in selector)
        and (node.offers(resource) if resource else selector or not node.offers(GPU_RESOURCE))
    ]


def inferred_pools(nodes: Sequence[NodeFacts], defaults: PoolDefaults) -> list[Pool]:
    """`gpu` where any node offers a GPU, and `cpu` for the others.

    `cpu` exists even without such a node: an autoscaled node pool may be empty right now.
    """
    with_gpu = [node for node in nodes if node.offers(GPU_RESOURCE)]
    cpu = Pool(
        name="cpu",
        kind=AcceleratorKind.CPU,
        image=defaults.cpu_image,
        release=defaults.cpu_release,
        inferred=True,
        avoid_labels=GPU_NODE_LABELS,
        has_nodes=len(nodes) > len(with_gpu),
    )
    if not with_gpu:
        return [cpu]
    gpu = Pool(
        name="gpu",
        kind=AcceleratorKind.GPU,
        image=defaults.gpu_image,
        release=defaults.gpu_release,
        inferred=True,
        tolerations=(Toleration(key=GPU_RESOURCE, operator="Exists"),),
        accelerator_resource=GPU_RESOURCE,
        has_nodes=True,
    )
    return [cpu, gpu]


def known_pools(
    declared: Mapping[str, ServingPoolSpec], nodes: Sequence[NodeFacts], defaults: PoolDefaults
) -> tuple[Pool, ...]:
    """Every pool of the cluster, by name; nothing is inferred once somebody described one."""
    if not declared:
        return tuple(inferred_pools(nodes, defaults))
    return tuple(
        declared_pool(name, spec, nodes, defaults) for name, spec in sorted(declared.items())
    )
