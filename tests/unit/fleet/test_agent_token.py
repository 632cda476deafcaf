"""An agent's token: how long it holds, and the kubeconfig that it is in."""

import base64
import json
from typing import Any

import pytest
import yaml

from triton_operator.api.conditions import ConditionStatus
from triton_operator.fleet.agent_token import Life, account_of, life_of, token_in, with_token
from triton_operator.fleet.credentials import credentials_valid


def jwt(claims: Any) -> str:
    text = claims if isinstance(claims, str) else json.dumps(claims)
    return f"e30.{base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}.c2ln"


def kubeconfig(**user: str) -> dict[str, Any]:
    return {
        "clusters": [{"name": "hub", "cluster": {"server": "https://hub.example"}}],
        "users": [{"name": "other", "user": {"token": "o"}}, {"name": "agent", "user": user}],
        "contexts": [{"name": "hub", "context": {"cluster": "hub", "user": "agent"}}],
        "current-context": "hub",
    }


def test_its_life_is_in_it() -> None:
    life = life_of(jwt({"iat": 1000, "exp": 1900, "sub": "ü"}))

    assert life == Life(1000.0, 1900.0)
    assert (life.renewed_at, life.near_end_at) == (1600.0, 1750.0)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "opaque",
        "a.b.c",
        jwt("no JSON"),
        jwt([]),
        jwt({"exp": 1}),
        jwt({"iat": 2, "exp": 1}),
        jwt({"iat": 1, "exp": "later"}),
        jwt({"iat": 1, "exp": None}),
        jwt('{"iat": 1, "exp": NaN}'),
        jwt('{"iat": 1, "exp": 1e300}'),
        jwt("[" * 5000),
        jwt('{"iat": 1, "exp": ' + "9" * 400 + "}"),
        jwt('{"iat": 1, "exp": ' + "9" * 5000 + "}"),
    ],
)
def test_a_token_that_does_not_say(token: str) -> None:
    assert life_of(token) is None


@pytest.mark.parametrize(
    ("subject", "account"),
    [
        ("system:serviceaccount:fleet:push", ("fleet", "push")),
        ("system:serviceaccount:fleet:a.b-c", ("fleet", "a.b-c")),
        ("system:serviceaccount:fleet:a/../b", None),
        ("system:serviceaccount:fleet:a?b", None),
        ("system:serviceaccount:fleet:a\n", None),
        ("system:serviceaccount:fleet", None),
        ("system:serviceaccount::a", None),
        ("system:node:a", None),
        (["system:serviceaccount:fleet:push"], None),
        (None, None),
    ],
)
def test_whose_it_is(subject: Any, account: tuple[str, str] | None) -> None:
    """A request's path is made of it: what is no name of Kubernetes' is no account."""
    assert account_of(jwt({"sub": subject})) == account
    assert account_of(f"{jwt({'sub': subject})}.more") is None
    assert account_of(jwt([subject])) is None


def test_the_token_of_the_current_context_is_replaced_and_nothing_else() -> None:
    before = kubeconfig(token="old")
    after = yaml.safe_load(with_token(yaml.safe_dump(before), "new"))

    assert token_in(yaml.safe_dump(after)) == "new"
    assert after == kubeconfig(token="new")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "{}",
        "a",
        "a: !!bool s3cret",
        'a: !!int ""',
        "a: !!timestamp x",
        yaml.safe_dump(kubeconfig()),
        yaml.safe_dump(kubeconfig(tokenFile="/a")),
        yaml.safe_dump({**kubeconfig(token="a"), "current-context": "b"}),
    ],
)
def test_credentials_of_another_kind_stay(text: str) -> None:
    assert token_in(text) is None
    with pytest.raises(ValueError, match="no token"):
        with_token(text, "new")


@pytest.mark.parametrize(
    ("now", "status", "reason"),
    [
        (1000.0, ConditionStatus.TRUE, "TokenHolds"),
        (1749.0, ConditionStatus.TRUE, "TokenHolds"),
        (1750.0, ConditionStatus.FALSE, "TokenNearItsEnd"),
        (1900.0, ConditionStatus.FALSE, "TokenIsOver"),
    ],
)
def test_whether_it_holds(now: float, status: ConditionStatus, reason: str) -> None:
    found = credentials_valid(Life(1000.0, 1900.0), now)

    assert (found.status, found.reason) == (status, reason)
    assert "1970-01-01T00:31:40Z" in found.message


def test_nobody_told() -> None:
    assert credentials_valid(None, 0.0).status is ConditionStatus.UNKNOWN
