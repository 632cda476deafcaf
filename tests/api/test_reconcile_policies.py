"""NetworkPolicies, where the operator is told to make them. No network enforces them here: what
counts is that the API server takes them, and that they come, change and go with the wish.
"""

import json

import pytest

from tests.api.client import RefusedError
from tests.api.shop import Shop

GATEWAY = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateway"}}}

OPERATOR = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "triton-system"}},
    "podSelector": {"matchLabels": {"app.kubernetes.io/component": "operator"}},
}


@pytest.fixture
def guarded(shop: Shop) -> Shop:
    shop.operator.ensure("--network-policies")
    return shop


def callers(shop: Shop) -> object:
    """Who may send requests; None: everybody."""
    rules = shop.get("NetworkPolicy", "a")["spec"]["ingress"]
    requests = [
        rule
        for rule in rules
        if "ports" not in rule or 8001 in {port["port"] for port in rule["ports"]}
    ]
    (rule,) = requests
    return rule.get("from")


def test_callers_are_let_in_by_name(guarded: Shop) -> None:
    guarded.add_running("a", access={"callers": [GATEWAY]})
    assert callers(guarded) == [GATEWAY]

    guarded.change("a", access={"callers": [GATEWAY, {"podSelector": {}}]})

    guarded.until("the second caller", lambda: callers(guarded) == [GATEWAY, {"podSelector": {}}])
    guarded.change("a", access=None)
    guarded.until("the own namespace alone", lambda: callers(guarded) == [{"podSelector": {}}])


def test_the_operator_lets_itself_in_once_it_knows_its_pods(guarded: Shop) -> None:
    guarded.add_running("a", access={"callers": [GATEWAY]})
    before = guarded.get("NetworkPolicy", "a")["spec"]["ingress"]

    guarded.operator.ensure("--network-policies", f"--operator-peer={json.dumps(OPERATOR)}")

    ports = [{"protocol": "TCP", "port": port} for port in (8000, 8002)]
    own = {"from": [OPERATOR], "ports": ports}
    guarded.until(
        "the rule for the operator",
        lambda: guarded.get("NetworkPolicy", "a")["spec"]["ingress"] == [*before, own],
    )


def test_a_policy_opened_by_hand_is_closed_again(guarded: Shop) -> None:
    guarded.add_running("a")

    guarded.merge("NetworkPolicy", "a", {"spec": {"ingress": [{}]}})

    guarded.until("the own namespace alone", lambda: callers(guarded) == [{"podSelector": {}}])


def test_policies_go_when_they_are_switched_off(guarded: Shop) -> None:
    guarded.add_running("a", access={"callers": [GATEWAY]})
    guarded.until_condition("a", "SpecHonored", "True", "AllFieldsHonored")

    guarded.operator.ensure()

    guarded.until("no policy", lambda: guarded.find("NetworkPolicy", "a") is None)
    guarded.until_condition("a", "SpecHonored", "False", "FieldsWithoutEffect")


def test_a_strangers_policy_of_that_name_is_left_alone(guarded: Shop) -> None:
    theirs = guarded.create("NetworkPolicy", "a", spec={"podSelector": {}})

    guarded.add_profile(1)
    guarded.add_service("a", 1)

    guarded.until_condition("a", "Ready", "False", "NotOwned")
    assert guarded.get("NetworkPolicy", "a")["spec"] == theirs["spec"]


def test_a_caller_like_none_is_refused_with_its_place(shop: Shop) -> None:
    with pytest.raises(RefusedError) as refusal:
        shop.add_service("a", access={"callers": [GATEWAY, {}]})

    assert refusal.value.causes[0][0] == "spec.access.callers[1]"
