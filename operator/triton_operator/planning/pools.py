"""The pools of a cluster: those that somebody described, or two inferred from the nodes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from triton_operator.api.enums import AcceleratorKind, Engine, Precision
from triton_operator.api.inference_service import Resources
from triton_operator.api.serving_pool import ServingPoolSpec, Toleration
from triton_operator.planning.node_summary import NodeSummary, summarise
from triton_operator.planning.nodes import GPU_RESOURCE, NodeFacts
from triton_operator.planning.products import product_label
from triton_operator.planning.quantities import millicores, size_bytes
from triton_operator.planning.shapes import NodeShape, largest

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
class Bounds:
    """The most that one replica may ask for; None: as much as a node has."""

    cpu_millicores: int | None = None
    memory_bytes: int | None = None
    accelerators: int | None = None


@dataclass(frozen=True)
class Pool:
    """A kind of node that can serve: where its pods may run, what a replica takes, what it costs.

    `release` is the Triton release of `image` (`YY.MM`); None: to be read from the image's tag.
    `avoid_labels` are labels whose nodes are left alone (a CPU pool without a selector must not
    fill GPU nodes).

    `start_seconds` is what somebody expects of a cold start, `product` the accelerator's,
    `precisions` what somebody says that the hardware runs well, `engines` what may run ONNX models
    there (None: nobody does).

    `shapes` are the largest kinds of node in it, cordoned or not, since draining a node for an hour
    must not move every service to another pool. `nodes_by_shape` counts them for messages, and is
    no part of what makes two pools equal: a plan must not change with every node that comes or
    goes. `nodes_known` is False where nobody looked, as on a command line.
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
    accelerators_per_replica: int = 0
    replica_resources: Resources = field(default_factory=Resources)
    max_per_replica: Bounds = field(default_factory=Bounds)
    cost_per_replica_hour: Decimal | None = None
    currency: str | None = None
    watts_per_replica: int | None = None
    start_seconds: int | None = None
    product: str | None = None
    precisions: tuple[Precision, ...] | None = None
    engines: tuple[Engine, ...] | None = None
    has_nodes: bool = False
    nodes_known: bool = True
    shapes: tuple[NodeShape, ...] = ()
    nodes_by_shape: tuple[tuple[NodeShape, int], ...] = field(default=(), compare=False)

    @property
    def is_gpu(self) -> bool:
        """Whether replicas take an accelerator."""
        return self.kind is AcceleratorKind.GPU


@dataclass(frozen=True)
class _Nodes:
    """The nodes of one pool, as the fields of `Pool` say."""

    has_nodes: bool = False
    nodes_known: bool = True
    shapes: tuple[NodeShape, ...] = ()
    nodes_by_shape: tuple[tuple[NodeShape, int], ...] = ()


def label_keys(specs: Iterable[ServingPoolSpec]) -> frozenset[str]:
    """The labels of nodes that these pools look at; all others mean nothing to a plan."""
    selected = (key for spec in specs for key in selector_of(spec))
    return frozenset((*GPU_NODE_LABELS, *selected))


def selector_of(spec: ServingPoolSpec) -> dict[str, str]:
    """The labels that a node of the pool must have, the product of its accelerator among them."""
    selector = dict(spec.node_selector or {})
    product = spec.accelerator.product if spec.accelerator else None
    if spec.accelerator and product and (key := product_label(spec.accelerator.resource)):
        selector[key] = product
    return selector


def declared_pool(
    name: str, spec: ServingPoolSpec, summary: NodeSummary | None, defaults: PoolDefaults
) -> Pool:
    """The pool that a ServingPool describes. Without a summary, nobody looked at the nodes."""
    accelerator = spec.accelerator
    image = spec.image or (defaults.gpu_image if accelerator else defaults.cpu_image)
    release = spec.release
    if release is None and spec.image is None:
        release = defaults.gpu_release if accelerator else defaults.cpu_release
    nodes = _nodes(summary, spec)
    return Pool(
        name=name,
        kind=AcceleratorKind.GPU if accelerator else AcceleratorKind.CPU,
        image=image,
        release=release,
        node_selector=selector_of(spec),
        avoid_labels=() if accelerator or spec.node_selector else GPU_NODE_LABELS,
        tolerations=tuple(spec.tolerations or ()),
        accelerator_resource=accelerator.resource if accelerator else None,
        accelerators_per_replica=accelerator.count_per_replica if accelerator else 0,
        replica_resources=spec.replica_resources or Resources(),
        max_per_replica=_bounds(spec),
        cost_per_replica_hour=Decimal(spec.cost.per_replica_hour) if spec.cost else None,
        currency=spec.cost.currency if spec.cost else None,
        watts_per_replica=spec.energy.watts_per_replica if spec.energy else None,
        start_seconds=spec.start_seconds,
        product=accelerator.product if accelerator else None,
        precisions=None if spec.precisions is None else tuple(spec.precisions),
        engines=None if spec.engines is None else tuple(spec.engines),
        has_nodes=nodes.has_nodes,
        nodes_known=nodes.nodes_known,
        shapes=nodes.shapes,
        nodes_by_shape=nodes.nodes_by_shape,
    )


def _bounds(spec: ServingPoolSpec) -> Bounds:
    most = spec.max_per_replica
    if most is None:
        return Bounds()
    return Bounds(
        millicores(most.cpu) if most.cpu else None,
        size_bytes(most.memory) if most.memory else None,
        most.accelerators,
    )


def nodes_of_pool(spec: ServingPoolSpec, nodes: Sequence[NodeFacts]) -> list[NodeFacts]:
    """The nodes that a ServingPool selects, those that cannot be scheduled to right now too."""
    selector = selector_of(spec).items()
    resource = spec.accelerator.resource if spec.accelerator else None
    return [
        node
        for node in nodes
        if all(node.labels.get(key) == value for key, value in selector)
        and (node.offers(resource) if resource else selector or not node.offers(GPU_RESOURCE))
    ]


def _nodes(summary: NodeSummary | None, spec: ServingPoolSpec) -> _Nodes:
    """The nodes that a ServingPool's pods could go to by their labels.

    With a selector, nodes without the accelerator are among them: that they lack it is what a
    refusal has to say. Without one, every other node of the cluster would be.
    """
    selector = selector_of(spec).items()
    resource = spec.accelerator.resource if spec.accelerator else None
    if selector:
        return _of(
            summary,
            lambda shape: all(shape.label(key) == value for key, value in selector),
            resource,
        )
    if resource:
        return _of(summary, lambda shape: shape.count(resource) > 0, resource)
    return _of(summary, _is_plain)


def _is_plain(shape: NodeShape) -> bool:
    return not shape.count(GPU_RESOURCE) and not any(
        shape.label(key) is not None for key in GPU_NODE_LABELS
    )


def _of(
    summary: NodeSummary | None,
    belongs: Callable[[NodeShape], bool],
    resource: str | None = None,
) -> _Nodes:
    if summary is None:
        return _Nodes(nodes_known=False)
    counts = summary.counts_where(belongs, resource)
    return _Nodes(
        has_nodes=bool(counts),
        shapes=largest(shape for shape in summary.last_seen if belongs(shape)),
        nodes_by_shape=counts,
    )


def inferred_pools(summary: NodeSummary | None, defaults: PoolDefaults) -> list[Pool]:
    """`gpu` where any node offers a GPU, and `cpu` for the others.

    `cpu` exists even without such a node: an autoscaled node pool may be empty right now.
    """
    plain = _of(summary, _is_plain)
    cpu = Pool(
        name="cpu",
        kind=AcceleratorKind.CPU,
        image=defaults.cpu_image,
        release=defaults.cpu_release,
        inferred=True,
        avoid_labels=GPU_NODE_LABELS,
        has_nodes=plain.has_nodes,
        nodes_known=plain.nodes_known,
        shapes=plain.shapes,
        nodes_by_shape=plain.nodes_by_shape,
    )
    with_gpu = _of(summary, lambda shape: shape.count(GPU_RESOURCE) > 0)
    if not with_gpu.shapes:
        return [cpu]
    gpu = Pool(
        name="gpu",
        kind=AcceleratorKind.GPU,
        image=defaults.gpu_image,
        release=defaults.gpu_release,
        inferred=True,
        tolerations=(Toleration(key=GPU_RESOURCE, operator="Exists"),),
        accelerator_resource=GPU_RESOURCE,
        accelerators_per_replica=1,
        has_nodes=with_gpu.has_nodes,
        shapes=with_gpu.shapes,
        nodes_by_shape=with_gpu.nodes_by_shape,
    )
    return [cpu, gpu]


def pools_on(
    declared: Mapping[str, ServingPoolSpec], summary: NodeSummary | None, defaults: PoolDefaults
) -> tuple[Pool, ...]:
    """Every pool of the cluster, by name; nothing is inferred once somebody described one.

    `summary` has to know the labels of `label_keys`; None: nobody looked at the nodes.
    """
    if not declared:
        return tuple(inferred_pools(summary, defaults))
    return tuple(
        declared_pool(name, spec, summary, defaults) for name, spec in sorted(declared.items())
    )


def known_pools(
    declared: Mapping[str, ServingPoolSpec],
    nodes: Iterable[NodeFacts] | None,
    defaults: PoolDefaults,
) -> tuple[Pool, ...]:
    """`pools_on` these nodes, without a memory of others; None: nobody looked at the nodes."""
    summary = None if nodes is None else summarise(nodes, label_keys(declared.values()))
    return pools_on(declared, summary, defaults)
