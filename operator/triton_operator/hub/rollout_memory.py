"""The memory of a roll-out, as `status.placement.rollout`: a hub that starts goes on from it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from triton_operator.api.conditions import shortened
from triton_operator.api.placement_status import ClusterUpdate, FleetRollout
from triton_operator.controllers.times import epoch_seconds, rfc3339
from triton_operator.fleet.failing import Errors
from triton_operator.fleet.placement_findings import amount
from triton_operator.fleet.rollout import RolloutMemory, Update
from triton_operator.fleet.update_judgement import Level

logger = logging.getLogger(__name__)
MOST_FAILURE = 1024


def remembered(status: Mapping[str, Any]) -> RolloutMemory:
    """As a hub has written it down; an empty one where none has, or in words that are not known."""
    written = (status.get("placement") or {}).get("rollout")
    if written is None:
        return RolloutMemory()
    try:
        told = FleetRollout.model_validate(written)
    except ValidationError as error:
        logger.warning(
            "What is written of a roll-out cannot be read: it begins anew.",
            extra={"error": str(error)},
        )
        return RolloutMemory()
    return RolloutMemory(
        wanted=told.template,
        strategy=told.strategy,
        is_complete=told.complete,
        updates={one.name: _update(one) for one in told.clusters},
        failed=told.failed_cluster or "",
        failure=told.failure or "",
    )


def _update(told: ClusterUpdate) -> Update:
    attainment, p99 = told.attainment_percent_before, told.p99_milliseconds_before
    level = Level(
        None if attainment is None else float(attainment),
        None if p99 is None else p99 / 1000,
        errors=_errors(told),
    )
    return Update(
        before=None if level == Level() else level,
        revision=told.revision,
        started_at=None if told.started_time is None else epoch_seconds(told.started_time),
        settled_at=None if told.settled_time is None else epoch_seconds(told.settled_time),
        is_proven=told.proven,
    )


def _errors(told: ClusterUpdate) -> Errors | None:
    if told.recent_requests_before is None or told.failed_requests_before is None:
        return None
    return Errors(told.recent_requests_before, told.failed_requests_before)


def written_down(memory: RolloutMemory) -> FleetRollout:
    """As a field of the status."""
    return FleetRollout(
        template=memory.wanted,
        strategy=memory.strategy,
        complete=memory.is_complete,
        failed_cluster=memory.failed or None,
        failure=shortened(memory.failure, MOST_FAILURE) if memory.failed else None,
        clusters=[_row(name, one) for name, one in sorted(memory.updates.items())],
    )


def _row(name: str, update: Update) -> ClusterUpdate:
    before = update.before or Level()
    return ClusterUpdate(
        name=name,
        proven=update.is_proven,
        revision=update.revision,
        started_time=None if update.started_at is None else rfc3339(update.started_at),
        settled_time=None if update.settled_at is None else rfc3339(update.settled_at),
        attainment_percent_before=(
            None if before.attainment is None else amount(before.attainment)
        ),
        p99_milliseconds_before=(
            None if before.p99_seconds is None else round(1000 * before.p99_seconds)
        ),
        recent_requests_before=before.errors.requests if before.errors else None,
        failed_requests_before=before.errors.failed if before.errors else None,
    )
