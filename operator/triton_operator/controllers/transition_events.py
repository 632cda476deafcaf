"""Events on transitions only: what changed between the status that was and the one that is."""

from collections.abc import Iterable, Sequence

from triton_operator.api import reasons
from triton_operator.api.conditions import Condition, ConditionStatus
from triton_operator.controllers.observed import EventDraft

ANNOUNCED = (
    reasons.READY,
    reasons.MODEL_READY,
    reasons.PLANNED,
    reasons.AVAILABLE,
    reasons.PROGRESSING,
    reasons.AUTOSCALER_CONFLICT,
)
HALTED = frozenset({reasons.NOT_OWNED, reasons.APPLY_REFUSED, reasons.ROLLOUT_STUCK})
"""Reasons for which a service does not progress, though it should."""
QUIET = frozenset({reasons.REPLICAS_NOT_READY, reasons.PREDECESSOR_LEAVING})
"""Steps on the way to a service that serves: no news, unless it had been serving."""
BAD_WHEN_TRUE = frozenset({reasons.AUTOSCALER_CONFLICT})


def transition_events(
    before: Iterable[Condition], after: Sequence[Condition]
) -> tuple[EventDraft, ...]:
    """One event per announced condition that turned good, turned bad, or is bad for a new reason.

    A first status is compared with nothing, and only what is bad in it is news. `Ready` repeats
    what the others say, so only its good news is announced.
    """
    old = {condition.type: condition for condition in before}
    drafts = []
    for condition in after:
        if condition.type not in ANNOUNCED:
            continue
        previous = old.get(condition.type)
        bad = _is_bad(condition)
        if bad and condition.type != reasons.READY:
            if _is_news(previous, condition):
                drafts.append(_draft("Warning", condition))
        elif (
            condition.type == reasons.READY
            and condition.status is ConditionStatus.TRUE
            and (previous is None or previous.status is not ConditionStatus.TRUE)
        ):
            drafts.append(_draft("Normal", condition))
    # One cause may show in two conditions; it is told once.
    return tuple({draft.reason: draft for draft in reversed(drafts)}.values())


def _is_bad(condition: Condition) -> bool:
    if condition.type in BAD_WHEN_TRUE:
        return condition.status is ConditionStatus.TRUE
    if condition.type == reasons.PROGRESSING:
        return condition.status is ConditionStatus.FALSE and condition.reason in HALTED
    return condition.status is ConditionStatus.FALSE


def _is_news(previous: Condition | None, condition: Condition) -> bool:
    if condition.reason in QUIET:
        return previous is not None and previous.status is ConditionStatus.TRUE
    return previous is None or not _is_bad(previous) or previous.reason != condition.reason


def _draft(kind: str, condition: Condition) -> EventDraft:
    return EventDraft(
        type=kind,
        reason=condition.reason,
        action=f"Set{condition.type}",
        message=condition.message,
    )
