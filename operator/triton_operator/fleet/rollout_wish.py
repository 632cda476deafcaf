"""What a service asks of a roll-out: `spec.placement.strategy`, and what it promises."""

from __future__ import annotations

from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.fleet.rollout import RolloutSettings
from triton_operator.fleet.update_judgement import Expected
from triton_operator.planning.objective import (
    SHARES,
    latency_bound_milliseconds,
    latency_percentile,
)


def rollout_settings(spec: InferenceServiceSpec) -> RolloutSettings | None:
    """None: a change reaches all clusters at once."""
    strategy = None if spec.placement is None else spec.placement.strategy
    if strategy is None:
        return None
    promised = min(SHARES[latency_percentile(spec)], spec.objective.min_attainment_percent / 100)
    return RolloutSettings(
        canaries=tuple(strategy.canary_clusters),
        most=strategy.max_clusters_updating_per_step,
        observe_seconds=float(strategy.observe_seconds),
        deadline_seconds=float(strategy.deadline_seconds),
        expected=Expected(100 * promised, latency_bound_milliseconds(spec) / 1000),
    )
