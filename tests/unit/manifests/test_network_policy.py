"""Who gets in: named callers or the namespace, Prometheus to the metrics, nobody else."""

from typing import Any

from tests.unit.manifests.building import FETCH, OWNER, plan
from tests.unit.planning.building import DIGEST, facts, spec
from triton_operator.api.access import Access, Peer
from triton_operator.manifests.children import desired_children
from triton_operator.manifests.companions import Companions, Policies
from triton_operator.manifests.network_policy import network_policy
from triton_operator.manifests.selectors import service_selector

GATEWAY = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateway"}}}
PROMETHEUS = {
    "namespaceSelector": {},
    "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
}


OPERATOR = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "triton-system"}},
    "podSelector": {"matchLabels": {"app.kubernetes.io/component": "operator"}},
}


def rules(access: dict[str, Any], policies: Policies = Policies()) -> dict[int, Any]:  # noqa: B008
    """Who reaches each port."""
    made = network_policy(OWNER, Access.model_validate(access), policies)["spec"]
    assert made["policyTypes"] == ["Ingress"]
    found: dict[int, list[Any]] = {}
    for rule in made["ingress"]:
        for port in rule["ports"]:
            found.setdefault(port["port"], []).extend(rule["from"])
    return found


def test_named_callers_reach_requests_and_prometheus_metrics() -> None:
    assert rules({"callers": [GATEWAY]}) == {8000: [GATEWAY], 8001: [GATEWAY], 8002: [PROMETHEUS]}


def test_without_names_the_own_namespace_calls() -> None:
    own = [{"podSelector": {}}]

    assert rules({}) == {8000: own, 8001: own, 8002: [PROMETHEUS]}


def test_without_prometheus_nobody_reads_metrics() -> None:
    """A rule without peers would let in everybody."""
    assert 8002 not in rules({}, Policies(prometheus=()))
    named = Policies((Peer.model_validate(GATEWAY),))
    assert rules({}, named)[8002] == [GATEWAY]


def test_the_operator_reaches_http_and_metrics_beside_all_others() -> None:
    """It asks for the device and reads metrics; nothing of it speaks gRPC."""
    known = Policies(operator=Peer.model_validate(OPERATOR))

    assert rules({"callers": [GATEWAY]}, known) == {
        8000: [GATEWAY, OPERATOR],
        8001: [GATEWAY],
        8002: [PROMETHEUS, OPERATOR],
    }
    nobody_else = Policies(prometheus=(), operator=known.operator)
    assert rules({}, nobody_else)[8002] == [OPERATOR]


def test_the_pods_of_all_pools_are_guarded_before_they_exist() -> None:
    children = desired_children(
        OWNER, spec(), DIGEST, facts(), plan(), FETCH, companions=Companions(policies=Policies())
    )

    assert children[0]["kind"] == "NetworkPolicy"
    assert children[0]["spec"]["podSelector"]["matchLabels"] == service_selector("filetype")
    assert children[0]["metadata"]["name"] == "filetype"
