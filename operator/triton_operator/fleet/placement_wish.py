"""What a service asks of its placement, as `place` takes it."""

from __future__ import annotations

from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.placement import Placement
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.planning.objective import SHARES, latency_percentile


def placement_of(spec: InferenceServiceSpec) -> Placement:
    """`spec.placement`; omitted: every cluster, with the defaults."""
    return spec.placement or Placement()


def settings_of(spec: InferenceServiceSpec) -> PlacementSettings:
    """With the service's own objective as the budget where none is named."""
    placement, latency = placement_of(spec), spec.objective.latency
    budget = placement.latency_budget_milliseconds
    if budget is None and latency is not None:
        budget = latency.milliseconds
    return PlacementSettings(
        zones=tuple(placement.residency.zones),
        local_only_share=float(placement.residency.default_local_only_share),
        budget_seconds=None if budget is None else budget / 1000,
        percentile=SHARES[latency_percentile(spec)],
        most=None if placement.replicas is None else placement.replicas.max,
        tier_most={one.name.value: one.max_replicas for one in placement.tiers},
        least=max(1, spec.scaling.min_replicas),
        spill_at=float(placement.spill_at),
        window_seconds=float(placement.return_window_seconds),
        latency_weight=float(placement.weights.latency),
        cost_weight=float(placement.weights.cost),
        energy_weight=float(placement.weights.energy),
        edge=placement.failover.edge,
        on_prem=placement.failover.on_prem,
        cloud=placement.failover.cloud,
        max_surge=placement.failover.max_surge,
    )
