"""Conditions: the time moves with the status and with nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from triton_operator.api.conditions import (
    MESSAGE_LIMIT,
    Condition,
    ConditionStatus,
    Finding,
    merge_conditions,
    shortened,
)
from triton_operator.api.visible_text import visible

BEFORE, NOW = "2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z"
TYPES = ("Ready", "ModelReady", "Planned", "Available")

findings = st.lists(
    st.builds(
        Finding,
        type=st.sampled_from(TYPES),
        status=st.sampled_from(ConditionStatus),
        reason=st.sampled_from(["AsExpected", "Waiting"]),
        message=st.text(max_size=2 * MESSAGE_LIMIT),
    ),
    unique_by=lambda finding: finding.type,
)


@given(findings, findings, st.integers(0, 9))
def test_one_condition_per_finding_in_its_order(
    earlier: list[Finding], later: list[Finding], generation: int
) -> None:
    previous = merge_conditions(earlier, [], 1, BEFORE)

    merged = merge_conditions(later, previous, generation, NOW)

    assert [(c.type, c.status, c.reason) for c in merged] == [
        (f.type, f.status, f.reason) for f in later
    ]
    assert all(condition.observed_generation == generation for condition in merged)


@given(findings, findings)
def test_time_moves_exactly_where_the_status_changed(
    earlier: list[Finding], later: list[Finding]
) -> None:
    previous = merge_conditions(earlier, [], 1, BEFORE)
    before = {finding.type: finding.status for finding in earlier}

    for condition in merge_conditions(later, previous, 2, NOW):
        unchanged = before.get(condition.type) == condition.status
        assert condition.last_transition_time == (BEFORE if unchanged else NOW)


@given(findings)
def test_merging_again_later_changes_nothing(found: list[Finding]) -> None:
    once = merge_conditions(found, [], 1, BEFORE)

    assert merge_conditions(found, once, 1, NOW) == once


@given(findings)
def test_every_merged_condition_is_one_that_the_api_takes(found: list[Finding]) -> None:
    for condition in merge_conditions(found, [], 1, BEFORE):
        assert Condition.model_validate(condition.wire()) == condition
        assert len(condition.message) <= MESSAGE_LIMIT


def test_a_condition_nobody_finds_any_more_is_gone() -> None:
    old = merge_conditions(
        [Finding(type="Ready", status=ConditionStatus.TRUE, reason="AsExpected")], [], 1, BEFORE
    )

    assert merge_conditions([], old, 2, NOW) == []


def test_a_long_message_keeps_both_ends() -> None:
    message = "what happened" + "." * 5000 + "what to do next"

    short = shortened(message)

    assert len(short) <= MESSAGE_LIMIT
    assert short.startswith("what happened")
    assert short.endswith("what to do next")


@given(st.text(max_size=300), st.integers(10, 300))
def test_shortened_is_never_longer_and_leaves_short_texts_alone(text: str, limit: int) -> None:
    assert len(shortened(text, limit)) <= limit
    assert len(text) > limit or shortened(text, limit) == visible(text)


def test_what_a_terminal_would_obey_is_in_no_condition() -> None:
    """In the part that a long message keeps, too."""
    for said in ("\x1b[2Jgone\u202e", "\x1b]0;title\x07" * MESSAGE_LIMIT):
        told = Finding(
            type="Ready", status=ConditionStatus.FALSE, reason="ModelRefused", message=said
        )
        (condition,) = merge_conditions([told], [], 1, NOW)

        assert condition.message == visible(condition.message)
        assert condition.message.startswith("\ufffd")
