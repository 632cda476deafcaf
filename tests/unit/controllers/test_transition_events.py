"""Events: one per transition that somebody should know of, and none for anything else."""

from typing import NamedTuple

import pytest

from triton_operator.api.conditions import Condition, ConditionStatus
from triton_operator.controllers.transition_events import transition_events


def condition(text: str) -> Condition:
    """A condition written as `Type Status Reason`."""
    name, status, reason = text.split()
    return Condition(
        type=name,
        status=ConditionStatus(status),
        last_transition_time="2026-11-20T10:00:00Z",
        reason=reason,
        message=f"about {name}",
    )


class Row(NamedTuple):
    name: str
    before: str | None
    after: str
    expected: tuple[str, ...]
    why: str


@pytest.mark.parametrize(
    "row",
    [
        Row("serves", None, "Ready True Serving", ("Normal Serving",), "good news"),
        Row(
            "serves again",
            "Ready False Unschedulable",
            "Ready True Serving",
            ("Normal Serving",),
            "good news",
        ),
        Row("still serves", "Ready True Serving", "Ready True Serving", (), "no transition"),
        Row(
            "scaled to none",
            "Ready True Serving",
            "Ready True ScaledToZero",
            ("Normal ScaledToZero",),
            "as asked for, but nothing answers any more",
        ),
        Row(
            "not ready",
            "Ready True Serving",
            "Ready False Unschedulable",
            ("Warning Unschedulable",),
            "no other condition tells it, as where the previous plan serves meanwhile",
        ),
        Row(
            "bad from the start",
            None,
            "ModelReady False NotAModel",
            ("Warning NotAModel",),
            "news at first sight",
        ),
        Row(
            "turned bad",
            "Planned True PlanMade",
            "Planned False PoolNotFound",
            ("Warning PoolNotFound",),
            "a transition",
        ),
        Row(
            "bad for another reason",
            "Available False Unschedulable",
            "Available False ImagePullFailed",
            ("Warning ImagePullFailed",),
            "another remedy",
        ),
        Row(
            "bad for the same reason",
            "Available False Unschedulable",
            "Available False Unschedulable",
            (),
            "its message may change with every pod",
        ),
        Row("good", "ModelReady False NotAModel", "ModelReady True Inspected", (), "Ready tells"),
        Row("unknown", "Planned True PlanMade", "Planned Unknown WaitingForModel", (), "not bad"),
        Row(
            "starting",
            "Available Unknown WaitingForPlan",
            "Available False ReplicasNotReady",
            (),
            "pods that merely start are no news",
        ),
        Row(
            "starting still",
            "Available False Unschedulable",
            "Available False ReplicasNotReady",
            (),
            "better than before",
        ),
        Row(
            "replicas lost",
            "Available True ReplicasReady",
            "Available False ReplicasNotReady",
            ("Warning ReplicasNotReady",),
            "they were there",
        ),
        Row(
            "conflict",
            "AutoscalerConflict False NoConflict",
            "AutoscalerConflict True ScaledByOthers",
            ("Warning ScaledByOthers",),
            "the one that is bad when true",
        ),
        Row(
            "conflict over",
            "AutoscalerConflict True ScaledByOthers",
            "AutoscalerConflict False NoConflict",
            (),
            "nothing to do",
        ),
        Row(
            "not announced",
            None,
            "SpecHonored False FieldsWithoutEffect",
            (),
            "a property of the spec, not an incident",
        ),
    ],
    ids=lambda row: row.name,
)
def test_events(row: Row) -> None:
    before = [condition(row.before)] if row.before else []

    drafts = transition_events(before, [condition(row.after)])

    assert tuple(f"{draft.type} {draft.reason}" for draft in drafts) == row.expected, row.why


def test_an_event_says_what_the_condition_says() -> None:
    (draft,) = transition_events([], [condition("Planned False PoolNotFound")])

    assert draft.message == "about Planned"
    assert draft.action == "SetPlanned"
