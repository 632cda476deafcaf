"""Proxy, authorities, pull secrets and resources: in every pod that fetches, and only there."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.manifests.building import FETCH, OWNER, plan
from tests.unit.planning.building import DIGEST, facts, spec
from triton_operator.manifests.children import children_of_fetching, desired_children
from triton_operator.manifests.container_resources import parse_resources
from triton_operator.manifests.fetching import FetchSettings
from triton_operator.manifests.inspection_job import inspection_job
from triton_operator.manifests.proxy import Proxy, proxy_environment

URI = "https://models.example.com/a.onnx"
PROXY = Proxy(https="http://proxy:3128", http="http://proxy:3129", no=("10.0.0.0/8", ".svc"))


def pods(settings: FetchSettings, uri: str = URI) -> list[dict[str, Any]]:
    """The specs of the inspection's pod and of the model's, in this order."""
    wanted = spec(model={"uri": uri})
    job = inspection_job(OWNER, wanted.model, wanted.runtime, settings)
    children = desired_children(OWNER, wanted, DIGEST, facts(), plan(), settings)
    (deployment,) = [one for one in children if one["kind"] == "Deployment"]
    return [one["spec"]["template"]["spec"] for one in (job, deployment)]


def fetching(settings: FetchSettings, uri: str = URI) -> list[dict[str, Any]]:
    job, model = pods(settings, uri)
    return [job["containers"][0], model["initContainers"][0]]


def test_every_library_finds_its_proxy() -> None:
    values = {one["name"]: one["value"] for one in proxy_environment(PROXY, URI)}

    assert values["HTTPS_PROXY"] == values["https_proxy"] == "http://proxy:3128"
    assert values["HTTP_PROXY"] == values["http_proxy"] == "http://proxy:3129"
    assert values["NO_PROXY"] == values["no_proxy"]
    assert values["NO_PROXY"] == "localhost,127.0.0.1,::1,.svc,.cluster.local,10.0.0.0/8"


def test_only_what_fetches_over_a_network_gets_the_proxy() -> None:
    settings = replace(FETCH, proxy=PROXY)

    assert all(container["env"] for container in fetching(settings))
    assert [c for c in fetching(settings, "pvc://models/a.onnx") if "env" in c] == []
    (triton,) = pods(settings)[1]["containers"]
    assert {one["name"] for one in triton["env"]} == {"TRITON_OPERATOR_POD_UID"}


def chosen(container: dict[str, Any]) -> dict[str, Any]:
    """What the environment has from Secrets."""
    return {
        one["name"]: one["valueFrom"]["secretKeyRef"]
        for one in container["env"]
        if "valueFrom" in one
    }


def test_user_and_password_for_an_address_come_from_the_secret() -> None:
    for container in fetching(replace(FETCH, proxy=replace(PROXY, secret="proxy-user"))):
        assert chosen(container) == {
            "TRITON_OPERATOR_PROXY_USERNAME": {"name": "proxy-user", "key": "username"},
            "TRITON_OPERATOR_PROXY_PASSWORD": {"name": "proxy-user", "key": "password"},
        }
        values = {one["name"]: one.get("value") for one in container["env"]}
        assert values["HTTPS_PROXY"] == "http://proxy:3128"


def test_a_whole_address_comes_from_the_secret() -> None:
    settings = replace(FETCH, proxy=Proxy(secret="proxy-user", no=("10.0.0.0/8",)))

    for container in fetching(settings):
        https = {"name": "proxy-user", "key": "HTTPS_PROXY"}
        http = {"name": "proxy-user", "key": "HTTP_PROXY", "optional": True}
        assert chosen(container) == {
            "HTTPS_PROXY": https,
            "https_proxy": https,
            "HTTP_PROXY": http,
            "http_proxy": http,
        }
        values = {one["name"]: one.get("value") for one in container["env"]}
        assert str(values["NO_PROXY"]).endswith(",10.0.0.0/8")


def test_the_names_of_both_sides_are_the_same() -> None:
    """The room of manifests must not import the one that runs in the container."""
    from triton_operator.manifests import proxy
    from triton_operator.model import proxies

    assert (proxy.USERNAME, proxy.PASSWORD) == (proxies.USERNAME, proxies.PASSWORD)


def test_without_a_proxy_nothing_is_direct_either() -> None:
    assert proxy_environment(Proxy(no=("example.com",)), URI) == []


def test_authorities_are_mounted_as_a_folder_and_named() -> None:
    settings = replace(FETCH, ca_bundle="PEM")
    (config_map,) = children_of_fetching(OWNER, spec(model={"uri": URI}).model, settings)

    assert config_map["data"] == {"ca.crt": "PEM"}
    for pod, container in zip(pods(settings), fetching(settings), strict=True):
        assert {"name": "ca", "configMap": {"name": config_map["metadata"]["name"]}} in pod[
            "volumes"
        ]
        (mount,) = [one for one in container["volumeMounts"] if one["name"] == "ca"]
        assert mount == {"name": "ca", "mountPath": "/ca", "readOnly": True}
        assert "--ca-file=/ca/ca.crt" in container["args"]


def test_new_authorities_change_no_pod() -> None:
    old, new = (replace(FETCH, ca_bundle=bundle) for bundle in ("old", "new"))

    assert pods(old) == pods(new)
    assert pods(old) != pods(FETCH), "the test would prove nothing"


def test_a_claim_needs_no_authorities() -> None:
    settings, uri = replace(FETCH, ca_bundle="PEM"), "pvc://models/a.onnx"

    assert children_of_fetching(OWNER, spec(model={"uri": uri}).model, settings) == []
    assert pods(settings, uri) == pods(FETCH, uri)


def test_pull_secrets_are_in_every_pod() -> None:
    named = [{"name": "registry"}, {"name": "other"}]

    for pod in pods(replace(FETCH, pull_secrets=("registry", "other"))):
        assert pod["imagePullSecrets"] == named
    for pod in pods(FETCH):
        assert "imagePullSecrets" not in pod


def test_resources_are_each_containers_own() -> None:
    settings = replace(
        FETCH,
        inspection_resources=parse_resources('{"limits": {"memory": "8Gi"}}'),
        fetch_resources=parse_resources('{"requests": {"cpu": 1, "memory": "1Gi"}}'),
    )

    inspect, fetch = fetching(settings)
    assert inspect["resources"] == {"limits": {"memory": "8Gi"}}
    assert fetch["resources"] == {"requests": {"cpu": "1", "memory": "1Gi"}}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "no JSON"),
        ("[]", "an object"),
        ('{"limit": {}}', "nothing else"),
        ('{"limits": "1Gi"}', "limits: has to be"),
        ('{"limits": {"memory": "1GB"}}', "limits.memory: '1GB' is not a quantity"),
        ('{"limits": {"memory": "0"}}', "limits.memory: has to be more than 0"),
        ('{"limits": {"nvidia.com/gpu": "1"}}', "limits.nvidia.com/gpu: is none of"),
        (
            '{"requests": {"memory": "2Gi"}, "limits": {"memory": "1500Mi"}}',
            "requests.memory: 2Gi is more than limits.memory, 1500Mi",
        ),
    ],
)
def test_wrong_resources_are_refused_by_their_path(text: str, complaint: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_resources(text)

    assert complaint in str(caught.value)
