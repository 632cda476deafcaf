"""`helm test` says whether the operator works, and leaves nothing."""

from __future__ import annotations

import json
import subprocess

import pytest

from e2e.harness.binaries import ensure
from e2e.harness.cluster import Cluster
from e2e.harness.errors import CommandFailedError
from e2e.harness.kubectl import Kubectl
from e2e.harness.waiting import wait_until
from e2e.installation import NAMESPACE, RELEASE
from e2e.services import API_VERSION, SERVICE_LABEL, Services

OF_THE_TEST = "pods,services,secrets,serviceaccounts,roles,rolebindings"


def test_helm_test_serves_a_model_and_leaves_nothing(cluster: Cluster, kubectl: Kubectl) -> None:
    done = subprocess.run(
        [
            *(ensure("helm"), "--kubeconfig", cluster.kubeconfig),
            *("test", RELEASE, "--namespace", NAMESPACE, "--timeout", "4m"),
        ],
        capture_output=True,
        text=True,
        timeout=260,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    # The pod is gone already: helm has put its log there.
    assert "Ready=True" in done.stderr
    assert "OK: the model was fetched, inspected, planned, served and asked" in done.stderr
    component = ("-l", "app.kubernetes.io/component=test")
    assert not kubectl("-n", NAMESPACE, "get", OF_THE_TEST, *component, "-o", "name").strip()
    assert not kubectl("-n", NAMESPACE, "get", "tisvc,modelprofiles", "-o", "name").strip()
    children = ("deployments,services,configmaps,jobs,pods", "-l", SERVICE_LABEL)
    wait_until(
        "waiting for the model's pods and their objects to go",
        lambda: not kubectl("-n", NAMESPACE, "get", *children, "-o", "name").strip(),
        timeout_seconds=90,
    )


def test_kubernetes_own_role_edit_may_change_services(services: Services, kubectl: Kubectl) -> None:
    services.kubectl("create", "rolebinding", "developer", "--clusterrole=edit", "--user=developer")
    service = {
        "apiVersion": API_VERSION,
        "kind": "InferenceService",
        "metadata": {"name": "mine", "namespace": services.namespace},
        "spec": {"model": {"uri": "https://models.example.com/model.onnx"}},
    }
    create = ("create", "--dry-run=server", "-o", "name", "-f", "-")
    text = json.dumps(service)

    assert "mine" in kubectl(*create, "--as=developer", stdin=text)
    with pytest.raises(CommandFailedError, match="forbidden"):
        kubectl(*create, "--as=stranger", stdin=text)
