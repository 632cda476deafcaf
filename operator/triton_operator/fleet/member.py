"""A cluster as a placement of one service sees it: what the hub says, and what the member tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from triton_operator.api.enums import ConnectionState, ScalingMode
from triton_operator.api.fields import MOST_REPLICAS
from triton_operator.api.inference_cluster import InferenceClusterSpec
from triton_operator.api.inference_cluster_status import ClusterNetwork
from triton_operator.api.inference_service import DEFAULT_MAX_REPLICAS, Scaling
from triton_operator.fleet.facts import ClusterFacts
from triton_operator.fleet.placement_memory import SiteMemory
from triton_operator.fleet.reference import speed_of
from triton_operator.fleet.reports import Report
from triton_operator.fleet.work import most_replicas
from triton_operator.planning.service_curve import ServiceCurve


@dataclass(frozen=True)
class Member:
    """One cluster that a service may be placed on. `data_plane`: whether its endpoint answers;
    `curve`: of a replica there; `work_spec`: of the work that it has, None: none. `stays`: why it
    is one although its labels do not select it; empty: they do."""

    name: str
    spec: InferenceClusterSpec
    state: ConnectionState
    network: ClusterNetwork | None
    report: Report
    data_plane: bool | None = None
    curve: ServiceCurve | None = None
    work_spec: Mapping[str, Any] | None = None
    stays: str = ""


def facts_of(
    member: Member, scaling: Scaling, memory: SiteMemory, reference: float | None
) -> ClusterFacts:
    """Of one member; `reference`: requests/s of the reference replica, None: nobody knows.

    A cluster that has not told how many replicas it could run may get as many as the service asks
    for: it will tell once it has its first work. One that told goes by the smaller of the two.

    Raises:
        AbsurdFact: a number is out of its range.
    """
    report, spec = member.report, member.spec
    asked = scaling.max_replicas or max(DEFAULT_MAX_REPLICAS, scaling.min_replicas)
    if scaling.mode is ScalingMode.FIXED:
        asked = max(1, scaling.min_replicas)
    told = memory.ceiling or asked if report.capacity is None else report.capacity
    speed = speed_of(report.safe_rate, reference)
    network = member.network
    return ClusterFacts(
        name=member.name,
        tier=spec.tier,
        state=member.state,
        capacity=min(asked, told),
        ready=report.ready,
        need=_need(report, speed, reference),
        order=spec.tier_order,
        zones=tuple(spec.residency_zones),
        speed=speed,
        rtt_seconds=(
            None
            if network is None or network.rtt_milliseconds is None
            else network.rtt_milliseconds / 1000
        ),
        peer_rtt=(
            {}
            if network is None
            else {peer.cluster: peer.rtt_milliseconds / 1000 for peer in network.peers}
        ),
        curve=member.curve,
        safe_rate=report.safe_rate,
        p95_seconds=report.p99_seconds,
        cost=0.0 if spec.cost is None else float(spec.cost.per_replica_hour),
        joules=0.0 if spec.energy is None else float(spec.energy.grams_co2_per_kwh),
        taints=tuple(taint.effect for taint in spec.taints),
        data_plane=member.data_plane,
        ceiling=_in_force(member, memory),
        paused=spec.paused,
        addressed=spec.data_plane is not None,
        suffix=spec.target_name_suffix,
    )


def _need(report: Report, speed: float, reference: float | None) -> float | None:
    """In reference replicas. A cluster that does not know what its own replicas do, as they had too
    few requests to tell, has demand all the same."""
    if report.need is not None:
        return min(MOST_REPLICAS, report.need * speed)
    if report.arrivals is None or not reference:
        return None
    return min(MOST_REPLICAS, report.arrivals / reference)


def _in_force(member: Member, memory: SiteMemory) -> int | None:
    """Whoever could name any number would take the others' part of a maximum over clusters: only
    those that the hub wrote count, each until the member says that a later work is in force."""
    spec, report = member.work_spec, member.report
    if spec is None:
        return None
    written = most_replicas(spec["template"]) or 0
    is_replaced = report.revision == spec["revision"] and (report.maximum or 0) <= written
    return written if is_replaced else max(written, memory.ceiling, memory.most_written)
