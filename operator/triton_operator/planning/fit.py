"""Whether a pool's nodes could take a replica, and if not, why not, on how many of them.

Asked of nodes as if they were empty: what is free changes by the second, and a plan must not.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from triton_operator.api.serving_pool import Toleration
from triton_operator.planning.nodes import Taint
from triton_operator.planning.pools import Pool
from triton_operator.planning.quantities import cpu_quantity, memory_quantity
from triton_operator.planning.shapes import NodeShape

LINUX = "linux"
MIG_PREFIX = "nvidia.com/mig-"
_OF_ONE = {"have": "has", "lack": "lacks", "are": "is", "run": "runs"}


@dataclass(frozen=True)
class ReplicaNeed:
    """What one replica asks for. `architectures` are those of its image; None: not known."""

    cpu_millicores: int
    memory_bytes: int
    accelerators: int = 0
    architectures: tuple[str, ...] | None = None


class Verdict(StrEnum):
    """Whether a pool can take a replica."""

    FITS = "fits"
    EMPTY = "has no nodes"
    MISFIT = "does not fit"


@dataclass(frozen=True)
class Fit:
    """`why` says why not, in terms that hold for any number of nodes; `counted` names numbers."""

    verdict: Verdict
    why: str = ""
    counted: str = ""


class _Lack(NamedTuple):
    """What a shape lacks: `about` is equal for shapes that lack the same, `have` is how much."""

    about: str
    have: int = 0


def fit_of(pool: Pool, need: ReplicaNeed) -> Fit:
    """Whether at least one node of the pool could take the replica, if it were empty.

    A pool without nodes may be scaled up from zero, and stays possible.
    """
    if too_much := next(_over_the_pools_bounds(pool, need), None):
        return Fit(Verdict.MISFIT, too_much, too_much)
    if any(_lack(pool, need, shape) is None for shape in pool.shapes):
        return Fit(Verdict.FITS)
    if not pool.has_nodes:
        return Fit(Verdict.EMPTY)
    lacks: dict[str, list[tuple[_Lack, int]]] = {}
    for shape, count in pool.nodes_by_shape:
        if lack := _lack(pool, need, shape):
            lacks.setdefault(lack.about, []).append((lack, count))
    groups = sorted(lacks.values(), key=lambda rows: (-_nodes(rows), rows[0][0].about))
    sentences = [_sentence(pool, need, [lack for lack, _ in rows]) for rows in groups]
    counted = [
        f"{count} {_of_one(sentence) if count == 1 else sentence}"
        for rows, sentence in zip(groups, sentences, strict=True)
        if (count := _nodes(rows))
    ]
    why = ", others ".join(sentences)
    nodes = sum(count for _, count in pool.nodes_by_shape)
    if not nodes:
        return Fit(Verdict.MISFIT, why, f"its last nodes have just gone, and they {why}")
    return Fit(
        Verdict.MISFIT, why, f"{nodes} node{'' if nodes == 1 else 's'}: {', '.join(counted)}"
    )


def _of_one(sentence: str) -> str:
    """The sentence about several nodes, about one."""
    verb, _, rest = sentence.partition(" ")
    return f"{_OF_ONE[verb]} {rest}"


def tolerates(tolerations: Iterable[Toleration], taint: Taint) -> bool:
    """Whether a pod with these tolerations may run on a node with this taint."""
    return any(
        (toleration.effect is None or toleration.effect == taint.effect)
        and (toleration.key is None or toleration.key == taint.key)
        and (toleration.operator == "Exists" or (toleration.value or "") == taint.value)
        for toleration in tolerations
    )


def _nodes(rows: Sequence[tuple[_Lack, int]]) -> int:
    return sum(count for _, count in rows)


def _over_the_pools_bounds(pool: Pool, need: ReplicaNeed) -> Iterator[str]:
    most = pool.max_per_replica
    if most.cpu_millicores is not None and need.cpu_millicores > most.cpu_millicores:
        yield (
            f"a replica asks for {cpu_quantity(need.cpu_millicores)} CPU, the pool's "
            f"spec.maxPerReplica allows {cpu_quantity(most.cpu_millicores)}"
        )
    if most.memory_bytes is not None and need.memory_bytes > most.memory_bytes:
        yield (
            f"a replica asks for {memory_quantity(need.memory_bytes)} memory, the pool's "
            f"spec.maxPerReplica allows {memory_quantity(most.memory_bytes)}"
        )
    if most.accelerators is not None and need.accelerators > most.accelerators:
        yield (
            f"a replica asks for {need.accelerators} {pool.accelerator_resource}, the pool's "
            f"spec.maxPerReplica allows {most.accelerators}"
        )
    if need.accelerators > 1 and (pool.accelerator_resource or "").startswith(MIG_PREFIX):
        yield (
            f"a replica asks for {need.accelerators} {pool.accelerator_resource}, but a process "
            "can use only one MIG device"
        )


def _lack(pool: Pool, need: ReplicaNeed, shape: NodeShape) -> _Lack | None:
    """The first thing for which a node of this shape could not take the replica."""
    if shape.operating_system not in ("", LINUX):
        return _Lack(f"run {shape.operating_system}")
    built_for = need.architectures
    if built_for and shape.architecture and shape.architecture not in built_for:
        return _Lack(f"are {shape.architecture} and the image is for {' and '.join(built_for)}")
    for taint in shape.taints:
        if not tolerates(pool.tolerations, taint):
            return _Lack(f"have the taint {taint}, which the pool does not tolerate")
    resource = pool.accelerator_resource
    if resource and (offered := shape.count(resource)) < need.accelerators:
        return _Lack("accelerators", offered) if offered else _Lack(f"lack {resource}")
    if shape.cpu_millicores < need.cpu_millicores:
        return _Lack("cpu", shape.cpu_millicores)
    if shape.memory_bytes < need.memory_bytes:
        return _Lack("memory", shape.memory_bytes)
    return None


def _sentence(pool: Pool, need: ReplicaNeed, lacks: Sequence[_Lack]) -> str:
    about = lacks[0].about
    amounts = {lack.have for lack in lacks}
    have = "have" if len(amounts) == 1 else "have at most"
    if about == "accelerators":
        return f"{have} {max(amounts)} < {need.accelerators} {pool.accelerator_resource}"
    if about == "cpu":
        return f"{have} {cpu_quantity(max(amounts))} < {cpu_quantity(need.cpu_millicores)} CPU"
    if about == "memory":
        wanted = memory_quantity(need.memory_bytes)
        return f"{have} {memory_quantity(max(amounts))} < {wanted} memory"
    return about
