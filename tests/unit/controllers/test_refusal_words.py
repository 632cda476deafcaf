"""Why an object is refused: the API server's own sentences, and whose the remedy is."""

from typing import NamedTuple

import pytest

from triton_operator.controllers.refusal_words import refusal


class Row(NamedTuple):
    name: str
    said: str
    reason: str
    advice: str


@pytest.mark.parametrize(
    "row",
    [
        Row(
            "quota",
            'pods "a-cpu-5f-x" is forbidden: exceeded quota: team, requested: limits.cpu=1, used: '
            "limits.cpu=2, limited: limits.cpu=2",
            "QuotaExceeded",
            "raise the ResourceQuota",
        ),
        Row(
            "quota without a figure",
            'pods "a" is forbidden: failed quota: team: must specify limits.memory for: fetch',
            "QuotaExceeded",
            "raise the ResourceQuota",
        ),
        Row(
            "limit range",
            'pods "a" is forbidden: maximum memory usage per Container is 1Gi, but limit is 4Gi',
            "QuotaExceeded",
            "LimitRange",
        ),
        Row(
            "policy",
            "deployments.apps \"a\" is forbidden: ValidatingAdmissionPolicy 'owners' with binding "
            "'owners' denied request: every Deployment needs the label owner",
            "PolicyRefused",
            "that policy is not the operator's",
        ),
        Row(
            "webhook",
            'admission webhook "validate.kyverno.svc" denied the request: no',
            "PolicyRefused",
            "that policy is not the operator's",
        ),
        Row(
            "pod security",
            'pods "a" is forbidden: violates PodSecurity "restricted:latest": privileged',
            "PolicyRefused",
            "that policy is not the operator's",
        ),
        Row(
            "rights",
            'deployments.apps is forbidden: User "system:serviceaccount:a:b" cannot patch resource',
            "ApplyRefused",
            "roles with those of the chart",
        ),
        Row("anything else", "spec.x: Invalid value", "ApplyRefused", "spec.x: Invalid value"),
    ],
    ids=lambda row: row.name,
)
def test_refusal(row: Row) -> None:
    reason, message = refusal(row.said, "ApplyRefused")

    assert reason == row.reason
    assert message.startswith(row.said)
    assert row.advice in message
