"""What an InferenceCluster says of the kubeconfig by which the hub reaches it."""

import pytest

from triton_operator.fleet.agent_token import Life
from triton_operator.fleet.push_credentials import PushCredentials

LIFE = Life(0.0, 600.0)


@pytest.mark.parametrize(
    ("credentials", "now", "status", "reason", "words"),
    [
        ({}, 0.0, "Unknown", "KubeconfigNotRead", "not looked at yet"),
        ({"is_read": True}, 0.0, "True", "KubeconfigHolds", "tells no end"),
        ({"is_read": True, "life": LIFE}, 1.0, "True", "KubeconfigHolds", "1970-01-01T00:10:00Z"),
        (
            {"is_read": True, "life": LIFE},
            510.0,
            "False",
            "TokenNearItsEnd",
            "join NAME --push --member-kubeconfig",
        ),
        (
            {"is_read": True, "life": LIFE, "not_renewed": "no right"},
            510.0,
            "False",
            "TokenNearItsEnd",
            "; no right",
        ),
        ({"is_read": True, "life": LIFE, "not_renewed": "x"}, 499.0, "True", "KubeconfigHolds", ""),
        (
            {"is_read": True, "life": LIFE},
            600.0,
            "False",
            "TokenIsOver",
            "join NAME --push --member-kubeconfig",
        ),
        (
            {"is_read": True, "life": LIFE, "refusal": "401"},
            600.0,
            "False",
            "TokenIsOver",
            "has ended",
        ),
        ({"is_read": True, "refusal": "401"}, 0.0, "False", "MemberRefuses", "(401)"),
        ({"is_read": True, "problem": "no key"}, 0.0, "False", "KubeconfigUnusable", "no key"),
    ],
)
def test_what_is_said(
    credentials: dict[str, object], now: float, status: str, reason: str, words: str
) -> None:
    found = PushCredentials("ns/push, key k", **credentials).finding(now)  # type: ignore[arg-type]

    assert (found.status.value, found.reason) == (status, reason)
    assert "Secret ns/push, key k" in found.message
    assert words in found.message
