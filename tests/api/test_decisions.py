"""`triton-operator decisions` at a real API server: who is asked, and what if nobody can be.

The log itself arrives in tests/unit/cli/test_operator_pods.py: here no pod runs that could answer.
"""

import os
import subprocess
import sys
from pathlib import Path

from e2e.harness.controlplane import ControlPlane
from tests.api.client import Api
from tests.api.operator_process import REPOSITORY
from triton_operator.cli.exit_codes import NO_CLUSTER

LABELS = {
    "app.kubernetes.io/part-of": "triton-operator",
    "app.kubernetes.io/component": "operator",
}


def decisions(kubeconfig: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "triton_operator.cli.main", "decisions", "a", "-n", "shop", *words],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPOSITORY / "operator"),
            "KUBECONFIG": str(kubeconfig),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_where_no_operator_runs(control_plane: ControlPlane, namespace: str) -> None:
    answer = decisions(control_plane.kubeconfig, "--operator-namespace", namespace)

    assert answer.returncode == NO_CLUSTER
    assert answer.stderr.startswith(f"no operator runs in namespace {namespace}: no running pod ")


def test_without_the_right_to_look(control_plane: ControlPlane) -> None:
    kubeconfig = control_plane.client_kubeconfig("stranger", "/CN=stranger")

    answer = decisions(kubeconfig)

    assert answer.returncode == NO_CLUSTER
    assert answer.stderr.startswith("may not look for the operator in all namespaces: pods is forb")
    assert "--operator-namespace" in answer.stderr


def add_operator_pod(api: Api, namespace: str) -> None:
    """As far as the API server knows, it runs: nobody gave it an address."""
    core = f"/api/v1/namespaces/{namespace}"
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    container = {"name": "operator", "image": "a", "ports": [{"name": "http", "containerPort": 9}]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "op-a", "labels": LABELS},
        "spec": {"containers": [container], "automountServiceAccountToken": False},
    }
    api.request("POST", f"{core}/serviceaccounts", account)
    api.request("POST", f"{core}/pods", pod)
    api.request(
        "PATCH",
        f"{core}/pods/op-a/status",
        {"status": {"phase": "Running"}},
        content_type="application/merge-patch+json",
    )


def test_a_pod_that_cannot_be_reached(
    control_plane: ControlPlane, api: Api, namespace: str
) -> None:
    """The API server's own words, from behind its proxy."""
    add_operator_pod(api, namespace)

    answer = decisions(control_plane.kubeconfig, "--operator-namespace", namespace)

    assert answer.returncode == NO_CLUSTER
    said = f"the operator's pod {namespace}/op-a does not answer: "
    assert answer.stderr.startswith(said)
    assert answer.stderr.removeprefix(said).strip()


def test_without_the_right_to_read_through(
    control_plane: ControlPlane, api: Api, namespace: str
) -> None:
    add_operator_pod(api, namespace)
    group = "rbac.authorization.k8s.io"
    metadata = {"name": "looker", "namespace": namespace}
    rules = [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["list"]},
    ]
    role = {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": rules}
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "looker"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "looker"}],
    }
    api.request("POST", f"/apis/{group}/v1/namespaces/{namespace}/roles", role)
    api.request("POST", f"/apis/{group}/v1/namespaces/{namespace}/rolebindings", binding)
    kubeconfig = control_plane.client_kubeconfig("looker", "/CN=looker")

    answer = decisions(kubeconfig, "--operator-namespace", namespace)

    assert answer.returncode == NO_CLUSTER
    assert "may not read through the API server from the operator's pod" in answer.stderr
    assert f"`get` of pods/proxy in namespace {namespace} is needed" in answer.stderr
