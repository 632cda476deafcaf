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
    reasons.RELEASE_SECURE,
    reasons.DEVICE_AS_PLANNED,
    reasons.MODEL_MEASURED,
    reasons.VARIANT_CHOSEN,
    reasons.HUB_REACHABLE,
)
HALTED = frozenset({reasons.NOT_OWNED, reasons.APPLY_REFUSED, reasons.ROLLOUT_STUCK})
"""Reasons for which a service does not progress, though it should."""
QUIET = frozenset({reasons.REPLICAS_NOT_READY, reasons.PREDECESSOR_LEAVING})
"""Steps on the way to a service that serves: no news, unless it had been serving."""
_SUMMARY = f"Set{reasons.READY}"
BAD_WHEN_TRUE = frozenset(
    {
        reasons.AUTOSCALER_CONFLICT,
        reasons.SCALING_LIMITED,
        reasons.CAPACITY_EXCEEDED,
        reasons.RESIDENCY_CONSTRAINED,
    }
)


def transition_events(
    before: Iterable[Condition], after: Sequence[Condition]
) -> tuple[EventDraft, ...]:
    """One event per announced condition that turned good, turned bad, or is bad for a new reason.

    A first status is compared with nothing, and only what is bad in it is news. `Ready` mostly
    repeats what the others say: its bad news is told unless another condition tells the same.
    """
    old = {condition.type: condition for condition in before}
    drafts = []
    for condition in after:
        if condition.type not in ANNOUNCED:
            continue
        previous = old.get(condition.type)
        bad = is_bad(condition)
        if bad:
            if _is_news(previous, condition):
                drafts.append(_draft("Warning", condition))
        elif (
            condition.type == reasons.READY
            and condition.status is ConditionStatus.TRUE
            and not _same(previous, condition)
        ):
            drafts.append(_draft("Normal", condition))
    # One cause may show in two conditions; it is told once, by the one that found it.
    found = {condition.reason for condition in after if _finds(condition)}
    drafts = [row for row in drafts if row.action != _SUMMARY or row.reason not in found]
    return tuple({draft.reason: draft for draft in reversed(drafts)}.values())


def _same(previous: Condition | None, condition: Condition) -> bool:
    """Whether it was as good before; serving and being scaled to none are both good."""
    return previous is not None and (
        (previous.status, previous.reason) == (condition.status, condition.reason)
    )


def _finds(condition: Condition) -> bool:
    """Whether it is another announced condition than `Ready`, and bad."""
    announced = condition.type in ANNOUNCED and condition.type != reasons.READY
    return announced and is_bad(condition)


def is_bad(condition: Condition) -> bool:
    """Whether somebody should look; a rollout that has arrived is not bad, one that halts is."""
    if condition.type in BAD_WHEN_TRUE:
        return condition.status is ConditionStatus.TRUE
    if condition.type == reasons.PROGRESSING:
        return condition.status is ConditionStatus.FALSE and condition.reason in HALTED
    return condition.status is ConditionStatus.FALSE


def _is_news(previous: Condition | None, condition: Condition) -> bool:
    if condition.reason in QUIET:
        return previous is not None and previous.status is ConditionStatus.TRUE
    return previous is None or not is_bad(previous) or previous.reason != condition.reason


def _draft(kind: str, condition: Condition) -> EventDraft:
    return EventDraft(
        type=kind,
        reason=condition.reason,
        action=f"Set{condition.type}",
        message=condition.message,
    )
