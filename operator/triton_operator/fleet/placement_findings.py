"""What a placement means for its service: rows of `status.placement`, and conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from triton_operator.api import reasons as conditions
from triton_operator.api.conditions import ConditionStatus, Finding, finding, shortened
from triton_operator.api.placement_status import PlacedCluster
from triton_operator.api.routing import RoutedEndpoint
from triton_operator.fleet import status_reasons as reasons
from triton_operator.fleet.facts import ClusterFacts
from triton_operator.fleet.placement import Placed, SitePlacement
from triton_operator.fleet.placement_memory import PlacementMemory
from triton_operator.fleet.site import NOTHING

MOST_REASON = 1024
LEAST_REASON = 120
MOST_REASONS = 200_000
"""Characters of reasons in one row, and in all rows together: a status of hundreds of clusters is
written every half a minute, and an object has 1.5 MiB at most."""
MOST_NAMED = 5
"""Clusters that a message names."""


@dataclass(frozen=True)
class WorkState:
    """A cluster's work after a decision. `revision` is the hub's; `problem`: why it is not written,
    or why its agent does not apply it; empty: nothing is known to be wrong."""

    revision: int
    applied_revision: int | None
    applied: bool
    problem: str = ""

    @property
    def is_synced(self) -> bool:
        """Whether the member has what the hub wants."""
        return self.applied and self.applied_revision == self.revision and not self.problem


def amount(value: float) -> str:
    """A number for the API: a hundredth of a replica means nothing any more."""
    return f"{max(0.0, value):.2f}".rstrip("0").rstrip(".")


def rows(
    placed: Placed,
    facts: Mapping[str, ClusterFacts],
    memory: PlacementMemory,
    remarks: Mapping[str, str] | None = None,
) -> list[PlacedCluster]:
    """One per cluster, in the order of filling; `remarks` come before the reasons of a decision."""
    each = max(LEAST_REASON, min(MOST_REASON, MOST_REASONS // max(1, len(placed.sites))))
    first = remarks or {}
    return [
        _row(name, one, facts[name], memory, each, first.get(name, ""))
        for name, one in placed.sites.items()
    ]


def _row(
    name: str,
    placed: SitePlacement,
    facts: ClusterFacts,
    memory: PlacementMemory,
    most: int,
    remark: str,
) -> PlacedCluster:
    site = memory.site(name)
    said = [*([remark] if remark else []), *(one.sentence for one in placed.reasons)]
    return PlacedCluster(
        name=name,
        state=facts.state,
        floor=placed.floor,
        ceiling=placed.ceiling,
        ceiling_in_force=site.most_written if site.most_written > placed.ceiling else None,
        ready=facts.ready,
        need=None if site.held is None else amount(site.held),
        granted=amount(site.granted) if site.granted > NOTHING else None,
        last_spill=amount(site.last_spill) if site.last_spill > NOTHING else None,
        weight_percent=placed.weights.get(name, 0) if placed.weights else None,
        reason=shortened("; ".join(said), most),
    )


def placement_findings(
    placed: Placed, works: Mapping[str, WorkState], refused: Mapping[str, str]
) -> Iterator[Finding]:
    """Placed, Synced, CapacityExceeded, ResidencyConstrained.

    `works`: of those clusters that have one. `refused`: what was not taken of members' reports, by
    cluster.
    """
    yield _placed(placed, works)
    yield _synced(works, refused)
    constrained = sum(one.constrained for one in placed.sites.values())
    yield _without_place(
        conditions.CAPACITY_EXCEEDED,
        placed.unplaced - constrained,
        "more than the clusters can serve: add capacity, or raise spec.placement.replicas.max, "
        "the tier's, or spec.scaling.maxReplicas",
    )
    yield _without_place(
        conditions.RESIDENCY_CONSTRAINED,
        constrained,
        "that must not leave its cluster, or the zones of spec.placement.residency, where there is "
        "no room for it: add capacity there",
    )


def endpoints_finding(endpoints: Sequence[RoutedEndpoint], unlisted: str) -> Finding:
    """EndpointsListed. `unlisted`: why the ConfigMap is not written; empty: it is."""
    if unlisted:
        return finding(
            conditions.ENDPOINTS_LISTED, ConditionStatus.FALSE, reasons.LIST_NOT_WRITTEN, unlisted
        )
    if not endpoints:
        return finding(
            conditions.ENDPOINTS_LISTED,
            ConditionStatus.FALSE,
            reasons.NO_ADDRESSES,
            "no cluster with a part has an address for others and the service under its own name: "
            "set spec.dataPlane.url of its InferenceCluster",
        )
    return finding(
        conditions.ENDPOINTS_LISTED,
        ConditionStatus.TRUE,
        reasons.LISTED,
        f"{len(endpoints)} endpoints are in status.endpoints and in the ConfigMap",
    )


def _placed(placed: Placed, works: Mapping[str, WorkState]) -> Finding:
    if not placed.sites:
        return finding(
            conditions.PLACED,
            ConditionStatus.FALSE,
            reasons.NO_CLUSTERS,
            "no InferenceCluster is selected: look at spec.placement.clusterNames and "
            "clusterSelector, and at `kubectl get inferenceclusters`",
        )
    if not works:
        why = "; ".join(
            f"{name}: {one.reasons[0].sentence if one.reasons else 'not heard of yet'}"
            for name, one in list(placed.sites.items())[:MOST_NAMED]
        )
        return finding(
            conditions.PLACED,
            ConditionStatus.FALSE,
            reasons.NONE_FITS,
            f"none of {len(placed.sites)} clusters may serve it now: {why}",
        )
    failed = {name: one.problem for name, one in works.items() if one.revision == 0}
    if failed:
        return finding(
            conditions.PLACED, ConditionStatus.FALSE, reasons.NOT_WRITTEN, _named(failed)
        )
    if placed.left_out or placed.excess:
        return finding(
            conditions.PLACED,
            ConditionStatus.FALSE,
            reasons.MAXIMUM_TOO_LOW,
            _beyond_maximum(placed),
        )
    return finding(
        conditions.PLACED,
        ConditionStatus.TRUE,
        reasons.ON_CLUSTERS,
        f"has a part in {len(works)} of {len(placed.sites)} clusters",
    )


def _beyond_maximum(placed: Placed) -> str:
    words = []
    if placed.left_out:
        named = ", ".join(placed.left_out[:MOST_NAMED])
        more = len(placed.left_out) - MOST_NAMED
        words.append(
            f"no replica is left for {named}{f' and {more} more' if more > 0 else ''}, and each "
            "cluster needs one at least"
        )
    if placed.excess:
        words.append(
            f"what may run is {placed.excess} above it, as a cluster that has a part keeps one "
            "replica, and one that cannot be changed now keeps what it has"
        )
    return (
        f"spec.placement.replicas.max, or a tier's maxReplicas, is too low: {'; '.join(words)}. "
        "Raise it, or select fewer clusters"
    )


def _synced(works: Mapping[str, WorkState], refused: Mapping[str, str]) -> Finding:
    waiting = {
        name: one.problem or f"has applied revision {one.applied_revision or 0} of {one.revision}"
        for name, one in works.items()
        if not one.is_synced
    }
    told = {name: f"not taken from its agent: {words}" for name, words in refused.items()}
    if waiting or told:
        return finding(
            conditions.SYNCED,
            ConditionStatus.FALSE,
            reasons.WAITS_FOR_CLUSTERS if waiting else reasons.ABSURD_REPORT,
            _named({**waiting, **told}),
        )
    return finding(
        conditions.SYNCED,
        ConditionStatus.TRUE,
        reasons.IN_FORCE,
        "every cluster with a part has applied it",
    )


def _without_place(type_: str, load: float, what: str) -> Finding:
    # As it is shown: a rounding error must not be an alarm.
    if load < 0.005:
        return finding(type_, ConditionStatus.FALSE, reasons.ENOUGH, "all demand has a place")
    return finding(
        type_,
        ConditionStatus.TRUE,
        reasons.UNPLACED,
        f"demand of {amount(load)} replicas of the reference has no place, {what}",
    )


def _named(words: Mapping[str, str]) -> str:
    """Some clusters with their words, and how many more there are."""
    shown: Sequence[str] = [f"{name}: {words[name]}" for name in sorted(words)[:MOST_NAMED]]
    more = len(words) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")
