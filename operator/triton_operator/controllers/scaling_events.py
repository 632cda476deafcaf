"""One event for each change of replicas by the autoscaler, with its reason. Pure."""

from collections.abc import Mapping
from typing import Any

from triton_operator.controllers.observed import EventDraft, Observed

SCALED = "Scaled"


def scaling_events(observed: Observed, status: Mapping[str, Any]) -> tuple[EventDraft, ...]:
    """The event of a decision that the status has and the one before it had not.

    What a status showed before the operator started is no news.
    """
    decision = _decision(status)
    if decision is None or observed.scaling is None or observed.scaling.change is None:
        return ()
    if decision == _decision(observed.service.status):
        return ()
    return (
        EventDraft(
            type="Normal",
            reason=SCALED,
            action="Scale",
            message=f"{decision['from']} to {decision['to']} replicas: {decision['reason']}",
        ),
    )


def _decision(status: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found = (status.get("autoscaling") or {}).get("lastDecision")
    return dict(found) if found else None
