"""`cluster join --push`: an account in the cluster, its kubeconfig at the hub."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.cli.test_main import Call
from tests.unit.controllers.test_connection import kubeconfig
from triton_operator.api.group import FIELD_MANAGER
from triton_operator.api.inference_cluster import InferenceClusterSpec
from triton_operator.cli.exit_codes import INVALID, OK
from triton_operator.cli.joining import NoUrl, apply_cluster, refuse_grpc_alone
from triton_operator.cli.live import CannotAsk
from triton_operator.cli.pushing import hand_over, let_in
from triton_operator.controllers.errors import ApiRefused
from triton_operator.fleet.member_kubeconfig import member_kubeconfig
from triton_operator.fleet.push_account import ACCOUNT, NAMESPACE, RULES, push_account
from triton_operator.hub.kinds import INFERENCE_CLUSTER


class Server:
    """An API server that takes everything, or refuses one kind."""

    def __init__(self, refuses: str = "", cluster: dict[str, Any] | None = None) -> None:
        self.refuses = refuses
        self.cluster = cluster
        self.applied: list[dict[str, Any]] = []

    async def apply(self, kind: Any, manifest: dict[str, Any], *, force: bool) -> dict[str, Any]:
        assert kind.kind == manifest["kind"]
        assert not force, "nothing of somebody else's is taken over"
        if kind.kind == self.refuses:
            raise ApiRefused(403, "Forbidden", "you may not")
        self.applied.append(manifest)
        return manifest

    async def get(self, kind: Any, namespace: str, name: str) -> dict[str, Any] | None:
        assert (kind, namespace, name) == (INFERENCE_CLUSTER, "", "shop")
        return self.cluster

    async def token(self, namespace: str, account: str, seconds: int) -> dict[str, Any]:
        assert (namespace, account, seconds) == (NAMESPACE, ACCOUNT, 60)
        return {"status": {"token": "granted", "expirationTimestamp": "2030-01-01T00:00:00Z"}}


def test_what_the_account_needs_is_printed_without_asking_anybody(call: Call) -> None:
    result = call("cluster", "join", "shop", "--push")

    assert result.exit_code == OK
    assert list(yaml.safe_load_all(result.stdout)) == list(push_account())
    assert "Secret triton-system/push-shop, key kubeconfig" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    "arguments", [("agent.kubeconfig", "--push"), ("--member-kubeconfig=member.kubeconfig",)]
)
def test_options_that_contradict_each_other(call: Call, arguments: tuple[str, ...]) -> None:
    assert call("cluster", "join", "shop", *arguments).exit_code == INVALID


def test_the_account_has_an_agents_rights_and_can_take_no_others() -> None:
    kinds = [one["kind"] for one in push_account()]
    assert kinds == [
        *("Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding"),
        *("Role", "RoleBinding"),
    ]
    resources = {resource for rule in RULES for resource in rule["resources"]}
    assert resources == {"inferenceservices", "namespaces", "nodes", "pods", "deployments"}
    assert not any("*" in values for rule in RULES for values in rule.values())
    (own,) = next(one for one in push_account() if one["kind"] == "Role")["rules"]
    assert own["resources"] == ["serviceaccounts/token"]
    assert own["resourceNames"] == [ACCOUNT], "of nobody else"


def test_the_hub_gets_a_kubeconfig_that_it_takes(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "https://member.example:6443", token="mine")
    member, hub = Server(), Server()
    source = {"secretName": "push-shop", "key": "kubeconfig"}
    cluster = {
        "kind": "InferenceCluster",
        "metadata": {"name": "shop"},
        "spec": {"clusterSource": {"kubeConfig": source}},
    }

    text, until = asyncio.run(let_in(member, 60, "", path))  # type: ignore[arg-type]
    asyncio.run(hand_over(hub, cluster, "Edge", "hub", text))  # type: ignore[arg-type]

    assert until == "2030-01-01T00:00:00Z"
    assert member.applied == list(push_account())
    found = member_kubeconfig(text)
    assert (found.server, found.token) == ("https://member.example:6443", "granted")
    secret, applied = hub.applied
    assert secret["metadata"] == {"name": "push-shop", "namespace": "hub"}
    assert base64.b64decode(secret["data"]["kubeconfig"]).decode() == text
    spec = InferenceClusterSpec.model_validate(applied["spec"])
    assert (spec.tier.value, spec.cluster_source.kube_config is not None) == ("Edge", True)
    assert "mine" not in text, "the administrator's own credentials stay with them"


def test_an_address_that_the_hub_would_refuse_is_refused_first(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "http://127.0.0.1:8001")

    with pytest.raises(CannotAsk, match=r"cluster\.server: https.*--server"):
        asyncio.run(let_in(Server(), 60, "", path))  # type: ignore[arg-type]
    text, _ = asyncio.run(
        let_in(Server(), 60, "https://member.example", path)  # type: ignore[arg-type]
    )
    assert member_kubeconfig(text).server == "https://member.example"


@pytest.mark.parametrize("kind", ["Namespace", "ClusterRole"])
def test_a_cluster_that_refuses_the_account_is_said_to(kind: str, tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "https://member.example")
    with pytest.raises(CannotAsk, match="in the cluster: you may not"):
        asyncio.run(let_in(Server(kind), 60, "", path))  # type: ignore[arg-type]


def test_a_hub_that_refuses_the_secret_gets_no_cluster_that_names_it() -> None:
    hub = Server("Secret")
    cluster = {"kind": "InferenceCluster", "metadata": {"name": "shop"}, "spec": {}}
    with pytest.raises(CannotAsk, match="shop cannot join: you may not"):
        asyncio.run(hand_over(hub, cluster, "Edge", "hub", ""))  # type: ignore[arg-type]
    assert hub.applied == []


THERE = {
    "metadata": {
        "name": "shop",
        "managedFields": [
            {
                "manager": FIELD_MANAGER,
                "operation": "Apply",
                "subresource": "status",
                "fieldsV1": {"f:spec": {"f:paused": {}}},
            },
            {
                "manager": "somebody",
                "operation": "Apply",
                "fieldsV1": {"f:spec": {"f:tier": {}, "f:paused": {}}},
            },
            {
                "manager": FIELD_MANAGER,
                "operation": "Apply",
                "fieldsV1": {
                    "f:spec": {
                        "f:residencyZones": {'v:"eu"': {}},
                        "f:dataPlane": {"f:url": {}},
                        "f:clusterSource": {"f:kubeConfig": {"f:secretName": {}}},
                    }
                },
            },
        ],
    },
    "spec": {
        "tier": "Cloud",
        "paused": True,
        "residencyZones": ["eu", "theirs"],
        "dataPlane": {"url": "https://shop.example", "probePath": "/theirs"},
        "clusterSource": {"kubeConfig": {"secretName": "push-shop", "key": "kubeconfig"}},
    },
}


@pytest.mark.parametrize(
    ("asked", "applied"),
    [
        ({}, {"residencyZones": ["eu"], "dataPlane": {"url": "https://shop.example"}}),
        (
            {"tier": "OnPrem", "residencyZones": ["us"], "clusterSource": {"kubeConfig": {}}},
            {
                "tier": "OnPrem",
                "residencyZones": ["us"],
                "dataPlane": {"url": "https://shop.example"},
                "clusterSource": {"kubeConfig": {}},
            },
        ),
        (
            {"dataPlane": {"grpcUrl": "https://grpc.example"}},
            {
                "residencyZones": ["eu"],
                "dataPlane": {"url": "https://shop.example", "grpcUrl": "https://grpc.example"},
            },
        ),
    ],
)
def test_of_a_cluster_that_is_there_only_what_is_asked_for_changes(
    asked: dict[str, Any], applied: dict[str, Any]
) -> None:
    """What this command has applied would be removed if it were left out; what others have
    written would be theirs and ours."""
    hub = Server(cluster=THERE)
    manifest = {"kind": "InferenceCluster", "metadata": {"name": "shop"}, "spec": asked}

    asyncio.run(apply_cluster(hub, manifest, "Edge"))  # type: ignore[arg-type]

    assert [one["spec"] for one in hub.applied] == [applied]


def grpc_alone(**addresses: str) -> dict[str, Any]:
    """What `--grpc-url` without `--url` makes, with more where there is more."""
    spec = {"dataPlane": {"grpcUrl": "https://grpc.example", **addresses}}
    return {"kind": "InferenceCluster", "metadata": {"name": "shop"}, "spec": spec}


@pytest.mark.parametrize("there", [None, {"spec": {"tier": "Edge"}}])
def test_an_address_for_grpc_alone_is_refused_where_there_is_no_url(
    there: dict[str, Any] | None,
) -> None:
    hub = Server(cluster=there)

    with pytest.raises(NoUrl, match="--grpc-url needs --url: shop has none"):
        asyncio.run(refuse_grpc_alone(hub, grpc_alone()))  # type: ignore[arg-type]
    asyncio.run(
        refuse_grpc_alone(hub, grpc_alone(url="https://a.example"))  # type: ignore[arg-type]
    )
    asyncio.run(refuse_grpc_alone(Server(cluster=THERE), grpc_alone()))  # type: ignore[arg-type]


def test_nothing_is_made_in_a_cluster_that_is_refused(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kubeconfig(tmp_path, "https://member.example:6443", token="mine")
    server = Server()

    @asynccontextmanager
    async def asked(_: Path | None) -> AsyncIterator[Server]:
        yield server

    monkeypatch.setattr("triton_operator.cli.live.cluster", asked)
    arguments = ("--push", f"--member-kubeconfig={path}", "--grpc-url=https://grpc.example")

    result = call("cluster", "join", "shop", *arguments)

    assert (result.exit_code, server.applied) == (INVALID, [])
    assert "--grpc-url needs --url" in result.stderr


def test_an_address_that_is_too_long_is_refused_before_anybody_is_asked(
    call: Call, tmp_path: Path
) -> None:
    address = f"https://{'a' * 512}"
    result = call("cluster", "join", "shop", str(tmp_path / "agent"), f"--grpc-url={address}")

    assert result.exit_code == INVALID
    assert "dataPlane.grpcUrl" in result.stderr
