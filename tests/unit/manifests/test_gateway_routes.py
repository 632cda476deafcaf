"""Routes: who gets which requests, by the rules of the Gateway API."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from triton_operator.api.enums import Protocol
from triton_operator.api.ingress import GatewayIngress
from triton_operator.api.routing import LocalOnly, WorkRouting
from triton_operator.manifests.gateway_routes import FORWARDED, grpc_route, http_route
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.remote_backends import (
    MOST_REMOTES,
    Remote,
    remote_service,
    remote_tls,
    remotes,
)

OWNER = Owner("vision", "shop", "uid-1")
PLAIN = GatewayIngress.model_validate({"parentRefs": [{"name": "public"}]})
NAMED = GatewayIngress.model_validate(
    {
        "parentRefs": [{"name": "public", "namespace": "gateways", "sectionName": "https"}],
        "hostnames": ["vision.example.com"],
        "grpcHostnames": ["grpc.vision.example.com"],
    }
)
CLOUD = Remote("cloud-1", "cloud-1.example.com", 443, tls=True, percent=20)
PII = LocalOnly(header="X-Data-Class", values=["pii", "secret"])


def served_by(route: dict[str, Any], path: str, **headers: str) -> dict[str, int]:
    """Backends with their weights for a request, by the precedence of the rules of an HTTPRoute, or
    a GRPCRoute: the longest path, then the most headers."""
    found: list[tuple[int, int, dict[str, Any]]] = []
    for rule in route["spec"]["rules"]:
        for match in rule["matches"]:
            # Of a method, the path is what gRPC makes of it.
            prefix = match["path"]["value"] if "path" in match else f"/{match['method']['service']}"
            asked = {one["name"].lower(): one["value"] for one in match.get("headers", ())}
            # A prefix is of whole elements of the path.
            if f"{path}/".startswith(f"{prefix}/") and asked.items() <= headers.items():
                found.append((len(prefix), len(asked), rule))
    if not found:
        return {}
    rule = max(found, key=lambda one: one[:2])[2]
    return {one["name"]: one.get("weight", 1) for one in rule["backendRefs"]}


INFER = "/v2/models/vision/infer"


def test_alone_everything_is_served_here() -> None:
    route = http_route(OWNER, PLAIN, "vision")

    assert served_by(route, INFER) == {"vision": 1}
    assert served_by(route, "/v2/models/vision2/infer") == {}, "of another service"
    assert route["spec"]["parentRefs"] == [{"name": "public"}]
    assert "hostnames" not in route["spec"]
    assert "filters" not in route["spec"]["rules"][0]


def test_names_of_its_own_have_everything_below_v2() -> None:
    route = http_route(OWNER, NAMED, "vision")

    assert route["spec"]["hostnames"] == ["vision.example.com"]
    assert served_by(route, "/v2/health/ready") == {"vision": 1}
    assert served_by(route, "/metrics") == {}


def test_a_share_goes_elsewhere_and_what_must_stay_does_not() -> None:
    route = http_route(OWNER, PLAIN, "vision", 80, [CLOUD], PII)

    assert served_by(route, INFER) == {"vision": 80, "vision-to-cloud-1": 20}
    for value in PII.values:
        assert served_by(route, INFER, **{"x-data-class": value}) == {"vision": 1}
    assert served_by(route, INFER, **{"x-data-class": "public"}) == served_by(route, INFER)


@pytest.mark.parametrize("local_only", [None, PII])
def test_a_request_is_sent_on_once(local_only: LocalOnly | None) -> None:
    """Two clusters that share with each other would send it to and fro."""
    route = http_route(OWNER, PLAIN, "vision", 0, [CLOUD], local_only)
    assert served_by(route, INFER) == {"vision": 0, "vision-to-cloud-1": 20}

    (sharing,) = [one for one in route["spec"]["rules"] if "filters" in one]
    (set_there,) = sharing["filters"][0]["requestHeaderModifier"]["set"]

    assert served_by(route, INFER, **{set_there["name"]: set_there["value"]}) == {"vision": 1}
    assert set_there["name"] == FORWARDED


def test_grpc_stays_under_names_of_its_own() -> None:
    route = grpc_route(OWNER, NAMED)

    assert route["spec"]["hostnames"] == ["grpc.vision.example.com"]
    (rule,) = route["spec"]["rules"]
    assert rule["backendRefs"] == [{"name": "vision", "port": 8001}]
    assert rule["matches"][0]["method"]["service"] == "inference.GRPCInferenceService"


CALL = "/inference.GRPCInferenceService/ModelInfer"
CLOUD_GRPC = Remote("cloud-1", "grpc.example", 8001, False, 20, Protocol.GRPC)


def test_a_share_of_grpc_goes_elsewhere_once_and_what_must_stay_does_not() -> None:
    route = grpc_route(OWNER, NAMED, 80, [CLOUD_GRPC], PII)

    assert served_by(route, CALL) == {"vision": 80, "vision-grpc-to-cloud-1-f1b806": 20}
    assert served_by(route, "/grpc.health.v1.Health/Check") == {}
    for headers in ({"x-data-class": "pii"}, {"x-data-class": "secret"}, {FORWARDED: "1"}):
        assert served_by(route, CALL, **headers) == {"vision": 1}
    (sharing,) = [one for one in route["spec"]["rules"] if "filters" in one]
    assert sharing["filters"][0]["requestHeaderModifier"]["set"] == [
        {"name": FORWARDED, "value": "1"}
    ]
    ports = {one["name"]: one["port"] for one in sharing["backendRefs"]}
    assert ports == {"vision": 8001, "vision-grpc-to-cloud-1-f1b806": 8001}


@pytest.mark.parametrize(("tls", "spoken"), [(False, "kubernetes.io/h2c"), (True, None)])
def test_a_gateway_is_told_to_speak_http_2_where_tls_does_not_settle_it(
    tls: bool, spoken: str | None
) -> None:
    (port,) = remote_service(OWNER, replace(CLOUD_GRPC, tls=tls))["spec"]["ports"]
    (other,) = remote_service(OWNER, replace(CLOUD, tls=tls))["spec"]["ports"]

    assert port.get("appProtocol") == spoken
    assert "appProtocol" not in other


def test_grpc_goes_to_addresses_of_its_own() -> None:
    given = routing("https://a.example", grpcUrl="https://grpc.example")

    assert remotes(given, knows_tls=True, protocol=Protocol.GRPC) == (
        [Remote("c0", "grpc.example", 443, True, 5, Protocol.GRPC)],
        95,
        {},
    )
    found, here, refused = remotes(
        routing("https://a.example"), knows_tls=True, protocol=Protocol.GRPC
    )
    assert (found, here) == ([], 100)
    assert "spec.dataPlane.grpcUrl" in refused["c0"]


def routing(*urls: str, percent: int = 5, **more: Any) -> WorkRouting:
    rows = [
        {
            "cluster": f"c{place}",
            "protocol": "HTTP",
            "url": url,
            "weightPercent": percent,
            **more,
        }
        for place, url in enumerate(urls)
    ]
    return WorkRouting.model_validate({"endpoints": rows})


def test_who_has_a_share_is_a_backend() -> None:
    given = routing("https://a.example", "http://b.example:8080/")

    assert remotes(given, knows_tls=True) == (
        [Remote("c0", "a.example", 443, True, 5), Remote("c1", "b.example", 8080, False, 5)],
        90,
        {},
    )


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(routing("https://a.example", percent=0), id="asked if others do not answer"),
        pytest.param(routing("https://a.example", local=True), id="the cluster itself"),
    ],
)
def test_who_is_no_backend(given: WorkRouting) -> None:
    assert remotes(given, knows_tls=True) == ([], 100, {})


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://192.0.2.1:8000", "no host name"),
        ("http://[2001:db8::1]:8000", "no host name"),
        ("http://a_b.example", "no host name"),
        ("https://a.example/triton", "has a path"),
        ("https://a.example:99999", "no address"),
    ],
)
def test_a_share_that_cannot_be_sent_stays_with_its_reason(url: str, why: str) -> None:
    found, here, refused = remotes(routing(url, "http://b.example"), knows_tls=True)

    assert [one.cluster for one in found] == ["c1"]
    assert here == 95
    assert why in refused["c0"]


def test_tls_without_its_policy_stays() -> None:
    """Plain requests to a port that speaks TLS would be lost."""
    found, here, refused = remotes(
        routing("https://a.example", "http://b.example"), knows_tls=False
    )

    assert [one.cluster for one in found] == ["c1"]
    assert (here, list(refused)) == (95, ["c0"])
    assert "BackendTLSPolicy" in refused["c0"]


def test_a_route_has_so_many_backends() -> None:
    given = routing(*(f"http://c{one}.example" for one in range(18)))

    found, here, refused = remotes(given, knows_tls=True)

    assert len(found) == MOST_REMOTES
    assert here == 100 - 5 * MOST_REMOTES
    assert list(refused) == ["c15", "c16", "c17"]


def test_the_service_and_the_policy_of_a_cluster() -> None:
    service, policy = remote_service(OWNER, CLOUD), remote_tls(OWNER, CLOUD)

    assert service["spec"]["externalName"] == policy["spec"]["validation"]["hostname"]
    assert policy["spec"]["targetRefs"][0]["name"] == service["metadata"]["name"]
    (port,) = service["spec"]["ports"]
    (rule,) = [one for one in http_route(OWNER, PLAIN, "m", 80, [CLOUD])["spec"]["rules"]
               if len(one["backendRefs"]) == 2]  # fmt: skip
    assert rule["backendRefs"][1]["port"] == port["port"] == 443
