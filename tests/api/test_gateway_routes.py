"""Routes under the Gateway API's own definitions: what is made is valid, and follows the kinds.

The definitions are those of the release that `e2e.harness.foreign_crds` pins.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml

from e2e.harness.foreign_crds import GATEWAY_API, foreign_crd
from e2e.harness.waiting import wait_until
from tests.api.client import Api, Object, RefusedError
from tests.api.shop import Shop
from triton_operator.fleet.origin import ROUTING

SWEEP_SECONDS = 1.0
ROUTED = json.dumps(
    {
        "endpoints": [
            {"cluster": "store-1", "protocol": "HTTP", "weightPercent": 80, "local": True},
            {
                "cluster": "cloud-1",
                "protocol": "HTTP",
                "url": "https://cloud-1.example.com",
                "grpcUrl": "http://grpc.cloud-1.example.com:8001",
                "weightPercent": 20,
            },
        ],
        "localOnly": {"header": "x-data-class", "values": ["pii", "top secret"]},
    }
)
GATEWAY = {
    "parentRefs": [{"name": "public", "namespace": "gateways", "sectionName": "https"}],
    "hostnames": ["*.a.example.com"],
    "grpcHostnames": ["grpc.example.com"],
    "toOtherClusters": "ExternalName",
}


def is_served(api: Api, plural: str) -> bool:
    try:
        api.request("GET", f"/apis/{GATEWAY_API.group}/v1/{plural}")
    except RefusedError as refusal:
        if refusal.code in (404, 429, 503):
            return False
        raise
    return True


def wait_for(api: Api, known: bool) -> None:
    """All of the kinds are known, or none is."""
    wait_until(
        "the kinds to be known" if known else "the kinds to be forgotten",
        lambda: {is_served(api, plural) for plural in GATEWAY_API.digests} == {known},
        timeout_seconds=60,
    )


@pytest.fixture
def gateway_kinds(stage_api: Api) -> Iterator[None]:
    """They are installed, and gone afterwards."""
    definitions: list[Object] = [
        yaml.safe_load(foreign_crd(GATEWAY_API, plural).read_text(encoding="utf-8"))
        for plural in GATEWAY_API.digests
    ]
    for one in definitions:
        stage_api.create(one)
    wait_for(stage_api, True)
    yield
    for one in definitions:
        stage_api.delete(one)
    wait_for(stage_api, False)


def test_routes_are_what_the_gateway_api_takes(shop: Shop, gateway_kinds: None) -> None:
    shop.operator.ensure(sweep_seconds=SWEEP_SECONDS)
    shop.add_running("a")
    shop.change("a", ingress={"gateway": GATEWAY})
    shop.until("a GRPCRoute", lambda: shop.find("GRPCRoute", "a") is not None)
    plain = shop.get("HTTPRoute", "a")["spec"]
    assert plain["hostnames"] == GATEWAY["hostnames"]
    assert [one["name"] for one in plain["rules"][0]["backendRefs"]] == ["a"]

    shop.merge("InferenceService", "a", {"metadata": {"annotations": {ROUTING: ROUTED}}})
    for kind in ("HTTPRoute", "GRPCRoute"):
        shop.until(
            f"a share in the {kind}",
            lambda kind=kind: len(shop.get(kind, "a")["spec"]["rules"]) == 2,
        )

    assert shop.await_("BackendTLSPolicy", "a-to-cloud-1")["spec"]["validation"]["hostname"]
    assert shop.await_("Service", "a-to-cloud-1")["spec"]["type"] == "ExternalName"
    (port,) = shop.await_("Service", "a-grpc-to-cloud-1-618040")["spec"]["ports"]
    assert (port["port"], port["appProtocol"]) == (8001, "kubernetes.io/h2c")
    listed = shop.await_("ConfigMap", "a-endpoints")["data"]["endpoints.json"]
    assert [one["cluster"] for one in json.loads(listed)["endpoints"]] == ["store-1", "cloud-1"]
    shop.until_condition("a", "Routed", "True", "RoutedAsAsked")

    shop.serve("a")
    shop.delete("HTTPRoute", "a")
    shop.until("another one", lambda: shop.find("HTTPRoute", "a") is not None)
    shop.change("a", ingress=None)
    shop.until("no routes", lambda: shop.find("HTTPRoute", "a") is None)
    shop.until("no policy", lambda: shop.find("BackendTLSPolicy", "a-to-cloud-1") is None)
    for name in ("a-to-cloud-1", "a-grpc-to-cloud-1-618040"):
        shop.until(f"no Service {name}", lambda name=name: shop.find("Service", name) is None)


def test_without_the_kinds_a_condition_says_so(shop: Shop) -> None:
    shop.operator.ensure(sweep_seconds=SWEEP_SECONDS)
    shop.add_running("a")
    shop.change("a", ingress={"gateway": GATEWAY})

    shop.until_condition("a", "Routed", "False", "RoutesNotInstalled")
    shop.serve("a")
