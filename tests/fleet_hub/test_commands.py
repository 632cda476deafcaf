"""The hub as a process with no more rights than it needs, and the commands that people use."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml

from e2e.harness import processes
from e2e.harness.controlplane import ControlPlane
from e2e.harness.ports import free_ports
from e2e.harness.processes import Running
from e2e.harness.waiting import wait_until
from tests.api.client import Api, Object, RefusedError
from triton_operator.api.enums import ManagedBy
from triton_operator.api.group import API_VERSION, GROUP
from triton_operator.fleet.mailbox import AGENT
from triton_operator.hub.kinds import MULTICLUSTER

REPOSITORY = Path(__file__).parents[2]
TIMEOUT_SECONDS = 60
COORDINATION = "coordination.k8s.io"
RIGHTS = [
    (GROUP, ["inferenceclusters", "inferenceservices"], ["get", "list", "watch"], ""),
    (GROUP, ["inferenceclusters/status", "inferenceservices/status"], ["patch"], ""),
    (GROUP, ["inferenceworks"], ["get", "list", "watch", "create", "patch", "delete"], ""),
    # The hub must hold what it grants to agents.
    (GROUP, ["inferenceworks/status"], ["patch"], ""),
    (COORDINATION, ["leases"], ["get", "list", "watch", "create", "patch"], AGENT),
    ("", ["configmaps"], ["get", "create", "patch"], ""),
    ("", ["namespaces"], ["get", "create", "patch", "delete"], ""),
    ("", ["serviceaccounts"], ["create", "patch"], AGENT),
    ("", ["serviceaccounts/token"], ["create"], AGENT),
    ("rbac.authorization.k8s.io", ["roles", "rolebindings"], ["create", "patch"], AGENT),
    (MULTICLUSTER, ["clusterprofiles"], ["get"], ""),
    (MULTICLUSTER, ["placementdecisions"], ["get", "create", "patch", "delete"], ""),
]
"""What a hub's account needs without domains: the hub of these tests has no more. Group, resources,
verbs, and the only name of objects; empty: any."""
OWN_RIGHTS = [
    (COORDINATION, ["leases"], ["create"], ""),
    (COORDINATION, ["leases"], ["get", "update"], "triton-operator-hub"),
]
"""The same, in its own namespace."""
_ROW = re.compile(r"^\| ((?:`[a-z/]+`(?:, )?)+) \| ([a-z, ]+) \| (?:`([-a-z]+)`)?")


@pytest.fixture
def hub_port() -> int:
    (port,) = free_ports(1)
    return port


@pytest.fixture
def process(
    hub_plane: ControlPlane, hub_api: Api, tmp_path: Path, hub_port: int
) -> Iterator[Running]:
    """With leader election."""
    rbac = "rbac.authorization.k8s.io"
    made = []
    for kind, metadata, rows in (
        ("ClusterRole", {"name": "hub-rights"}, RIGHTS),
        ("Role", {"name": "hub-rights", "namespace": "default"}, OWN_RIGHTS),
    ):
        role = {"apiVersion": f"{rbac}/v1", "kind": kind, "metadata": metadata}
        binding = {
            **role,
            "kind": f"{kind}Binding",
            "roleRef": {"apiGroup": rbac, "kind": kind, "name": "hub-rights"},
            "subjects": [{"apiGroup": rbac, "kind": "User", "name": "hub-with-rights"}],
        }
        hub_api.create({**role, "rules": [rule(*row) for row in rows]})
        hub_api.create(binding)
        made += [role, binding]
    kubeconfig = hub_plane.client_kubeconfig("hub-with-rights", "/CN=hub-with-rights")
    running = processes.start(
        "hub",
        [
            *(sys.executable, "-m", "triton_operator.cli.main", "hub"),
            *(f"--kubeconfig={kubeconfig}", "--place-seconds=1", "--log-format=json"),
            *(f"--http-port={hub_port}", "--lease-namespace=default"),
        ],
        tmp_path / "hub.log",
        env={"PYTHONPATH": str(REPOSITORY / "operator")},
        ends_with_us=True,
    )
    yield running
    running.stop()
    for document in made:
        hub_api.delete(document)


def asked(port: int, path: str) -> str:
    """What the hub's own endpoints answer."""
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(f"http://127.0.0.1:{port}/{path}", timeout=TIMEOUT_SECONDS)
    answer.raise_for_status()
    return answer.text


def command(kubeconfig: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`triton-operator cluster`, to its end."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "triton_operator.cli.main", "cluster"),
            *arguments,
            f"--kubeconfig={kubeconfig}",
        ],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "operator")},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def test_a_cluster_joins_and_gets_its_work(
    process: Running, hub_plane: ControlPlane, hub_api: Api, tmp_path: Path, hub_port: int
) -> None:
    """As people do it: the hub has the rights that the documentation names, and no others."""
    target = tmp_path / "agent.kubeconfig"
    done = command(hub_plane.kubeconfig, "join", "shop", str(target), "--zone=eu")
    assert done.returncode == 0, done.stderr
    assert "its agent's token holds until" in done.stderr
    assert target.stat().st_mode & 0o777 == 0o600
    agent = yaml.safe_load(target.read_text())
    assert agent["contexts"][0]["context"]["namespace"] == "fleet-shop"

    cluster = _named(API_VERSION, "InferenceCluster", "shop")
    before = hub_api.merge(cluster, {"spec": {"tierOrder": 7}})["spec"]
    grpc = "https://grpc.example"
    for name, code, options in (
        ("shop", 2, [f"--grpc-url={grpc}"]),
        ("other", 2, [f"--grpc-url={grpc}"]),
        ("shop", 0, ["--url=https://a.example"]),
        ("shop", 0, [f"--grpc-url={grpc}"]),
        ("shop", 0, ["--url=https://b.example"]),
        ("shop", 0, []),
    ):
        done = command(hub_plane.kubeconfig, "join", name, str(target), *options)
        assert done.returncode == code, done.stderr
        assert ("--grpc-url needs --url" in done.stderr) == (code == 2)
    there = {"probePath": "/v2/health/ready", "url": "https://b.example", "grpcUrl": grpc}
    with pytest.raises(RefusedError):
        hub_api.get(_named(API_VERSION, "InferenceCluster", "other"))
    assert hub_api.get(cluster)["spec"] == {**before, "dataPlane": there}
    assert before["residencyZones"] == ["eu"], "another token is no other cluster"

    hub_api.merge(cluster, {"spec": {"dataPlane": {"url": "https://theirs.example"}}})
    done = command(hub_plane.kubeconfig, "join", "shop", str(target), "--grpc-url=https://g.other")
    assert done.returncode == 0, done.stderr
    there |= {"url": "https://theirs.example", "grpcUrl": "https://g.other"}
    assert hub_api.get(cluster)["spec"]["dataPlane"] == there
    hub_api.merge(cluster, {"spec": {"tierOrder": None, "dataPlane": None}})

    hub_api.create(_named("v1", "Namespace", "joined"))
    document = {
        **_named(API_VERSION, "InferenceService", "vision", "joined"),
        "spec": {
            "managedBy": ManagedBy.FLEET.value,
            "model": {"uri": "https://models.example/m.onnx"},
            "placement": {"clusterNames": ["shop"]},
        },
    }
    hub_api.create(document)
    wait_until(
        "waiting for the decision",
        lambda: "placement" in hub_api.get(document).get("status", {}),
        timeout_seconds=TIMEOUT_SECONDS,
        needs=[process],
    )
    assert hub_api.get(document)["status"]["conditions"][0]["reason"] == "NoneFits"

    assert asked(hub_port, "readyz") == "ready\n"
    assert asked(hub_port, "healthz") == "alive\n"
    assert 'triton_operator_fleet_clusters{state="Lost"} 1.0' in asked(hub_port, "metrics")

    listed = command(hub_plane.kubeconfig, "list")
    assert listed.returncode == 0, listed.stderr
    (row,) = (line.split() for line in listed.stdout.splitlines() if line.startswith("shop"))
    assert row[:4] == ["shop", "Edge", "Lost", "never"]
    (told,) = json.loads(command(hub_plane.kubeconfig, "list", "-ojson").stdout)
    assert (told["name"], told["state"], told["works"]) == ("shop", "Lost", "0")

    hub_api.delete(document)
    hub_api.delete(cluster)
    namespace = _named("v1", "Namespace", "fleet-shop")
    wait_until(
        "waiting for the end of the mailbox",
        lambda: "deletionTimestamp" in hub_api.get(namespace)["metadata"],
        timeout_seconds=TIMEOUT_SECONDS,
        needs=[process],
    )
    log = process.log.read_text()
    assert "Forbidden" not in log, log
    assert "Traceback" not in log, log


def test_the_documentation_names_these_rights() -> None:
    page = (REPOSITORY / "docs" / "fleet-hub.md").read_text(encoding="utf-8")
    rows = [found for line in page.splitlines() if (found := _ROW.match(line))]
    told = {
        (resource, verb, row[3] or "")
        for row in rows
        for resource in re.findall(r"`([a-z/]+)`", row[1])
        for verb in row[2].strip().split(", ")
    }

    assert told == {
        (resource, verb, name)
        for _, resources, verbs, name in [*RIGHTS, *OWN_RIGHTS]
        for resource in resources
        for verb in verbs
    }


def test_without_a_file_nothing_is_asked(tmp_path: Path) -> None:
    urls = ("--url=https://a.example", "--grpc-url=http://a.example:8001")
    alone = command(tmp_path / "nothing", "join", "shop", urls[1])
    done = command(tmp_path / "nothing", "join", "shop", "--tier=Cloud", *urls)

    assert (alone.returncode, alone.stderr.strip()) == (2, "--grpc-url needs --url")
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout) == {
        "apiVersion": API_VERSION,
        "kind": "InferenceCluster",
        "metadata": {"name": "shop"},
        "spec": {
            "tier": "Cloud",
            "dataPlane": {"url": "https://a.example", "grpcUrl": "http://a.example:8001"},
        },
    }


def test_a_hub_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = command(tmp_path / "nothing", "list")

    assert done.returncode == 4
    assert "no cluster" in done.stderr


def test_names_that_do_not_fit_are_refused(
    hub_plane: ControlPlane, hub_api: Api, tmp_path: Path
) -> None:
    with pytest.raises(RefusedError):
        hub_api.create(
            {**_named(API_VERSION, "InferenceCluster", "x" * 58), "spec": {"tier": "Edge"}}
        )
    done = command(hub_plane.kubeconfig, "join", "x" * 58, str(tmp_path / "agent"))

    assert done.returncode == 4
    assert "cannot join" in done.stderr


def rule(group: str, resources: list[str], verbs: list[str], name: str) -> Object:
    """Of a role; `name`: the only one that it is about, empty: any."""
    found = {"apiGroups": [group], "resources": resources, "verbs": verbs}
    return {**found, "resourceNames": [name]} if name else found


def _named(version: str, kind: str, name: str, namespace: str = "") -> Object:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata}
