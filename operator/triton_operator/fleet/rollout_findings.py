"""How far a change is, as a condition: `Progressing`, as of a service that one cluster serves."""

from __future__ import annotations

from collections.abc import Collection

from triton_operator.api import reasons as conditions
from triton_operator.api.conditions import ConditionStatus, Finding, finding
from triton_operator.fleet import status_reasons as reasons
from triton_operator.fleet.rollout import Rollout, RolloutMemory, RolloutSettings

MOST_NAMED = 5
"""Clusters of one kind that a message names."""


def progressing(
    rollout: Rollout, memory: RolloutMemory, settings: RolloutSettings, clusters: Collection[str]
) -> Finding:
    """`clusters`: those that have a work."""
    having = f"{len(rollout.admitted)} of {len(clusters)} clusters have what the spec says"
    if memory.failed:
        is_canary = memory.failed in settings.canaries
        return finding(
            conditions.PROGRESSING,
            ConditionStatus.FALSE,
            reasons.CANARY_FAILED if is_canary else reasons.UPDATE_FAILED,
            f"{memory.failed}: {memory.failure}. {having}, the others stay as they are: put the "
            "former spec back, or change it; another spec.placement.strategy tries it again",
        )
    if memory.is_complete:
        return finding(
            conditions.PROGRESSING,
            ConditionStatus.FALSE,
            conditions.ROLLED_OUT,
            f"all {len(clusters)} clusters have what the spec says",
        )
    waits = [f"{name} {why}" for name, why in rollout.waits.items()]
    started = [f"{name} gets it now" for name in rollout.started]
    over = [f"{name} is passed over until it is back" for name in rollout.passed_over]
    parts = [having, *_some(started), *_some(waits), *_some(over)]
    return finding(
        conditions.PROGRESSING, ConditionStatus.TRUE, conditions.ROLLING_OUT, "; ".join(parts)
    )


def _some(words: list[str]) -> list[str]:
    more = len(words) - MOST_NAMED
    return [*words[:MOST_NAMED], *([f"and {more} more"] if more > 0 else [])]
