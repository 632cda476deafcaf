"""Why no node takes a pod: the scheduler's words without what helps nobody."""

from typing import NamedTuple

import pytest

from triton_operator.controllers.scheduler_words import unschedulable


class Row(NamedTuple):
    name: str
    said: str
    reason: str
    begins: str


@pytest.mark.parametrize(
    "row",
    [
        Row(
            "no room",
            "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: "
            "0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
            "Unschedulable",
            "0/1 nodes are available: 1 Insufficient cpu; free or add nodes",
        ),
        Row(
            "no room, older scheduler",
            "0/2 nodes are available: 2 Insufficient nvidia.com/gpu. preemption: 0/2 nodes are "
            "available: 2 No preemption victims found for incoming pod.",
            "Unschedulable",
            "0/2 nodes are available: 2 Insufficient nvidia.com/gpu; ",
        ),
        Row(
            "no claim",
            '0/1 nodes are available: persistentvolumeclaim "nothere" not found. not found',
            "ClaimNotFound",
            'PersistentVolumeClaim "nothere" not found; create it',
        ),
        Row(
            "unbound claim",
            "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
            "ClaimNotBound",
            "its PersistentVolumeClaim is not bound",
        ),
    ],
    ids=lambda row: row.name,
)
def test_unschedulable(row: Row) -> None:
    reason, message = unschedulable(row.said)

    assert reason == row.reason
    assert message.startswith(row.begins)
    assert "preemption" not in message
