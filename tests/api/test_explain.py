"""`triton-operator explain` at a real API server, with the rights of whoever asks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.harness.controlplane import ControlPlane
from tests.api import model_facts
from tests.api.client import Api
from tests.api.operator_process import REPOSITORY
from tests.api.shop import Shop
from triton_operator.cli.exit_codes import FAILED, INVALID, NO_CLUSTER, OK
from triton_operator.model.reasons import NOT_A_MODEL

Answer = subprocess.CompletedProcess[str]


def explain(kubeconfig: Path, *words: str) -> Answer:
    return subprocess.run(
        [sys.executable, "-m", "triton_operator.cli.main", "explain", *words],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPOSITORY / "operator"),
            "KUBECONFIG": str(kubeconfig),
            "COLUMNS": "200",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_service_that_serves(shop: Shop, stage: ControlPlane) -> None:
    shop.add_running("a")
    shop.serve("a")

    answer = explain(stage.kubeconfig, "a", "-n", shop.namespace)

    assert answer.returncode == OK, answer.stderr
    assert f"{shop.namespace}/a: Ready=True Serving since " in answer.stdout
    assert "plan for pool cpu: FP32" in answer.stdout
    assert "port-forward service/a" in answer.stdout


def test_a_service_whose_model_is_refused(shop: Shop, stage: ControlPlane) -> None:
    shop.add_service("a")
    shop.answer_inspection("a", model_facts.failed(NOT_A_MODEL, "no model"), exit_code=2)
    shop.until_condition("a", "ModelReady", "False", NOT_A_MODEL)

    answer = explain(stage.kubeconfig, "a", "-n", shop.namespace, "-o", "json")

    assert answer.returncode == FAILED, answer.stderr
    found = json.loads(answer.stdout)
    assert (found["isReady"], found["ready"], found["reason"]) == (False, "False", NOT_A_MODEL)
    assert found["troubles"][0]["conditions"] == ["Ready", "ModelReady"]
    assert "no model" in found["troubles"][0]["message"]
    assert [row["role"] for row in found["pods"]] == ["inspect"]


def test_all_that_are_not_ready(shop: Shop, stage: ControlPlane) -> None:
    shop.add_running("good")
    shop.serve("good")
    shop.add_service("bad", hardware={"pools": ["nowhere"]}, model=1)
    shop.until_condition("bad", "Ready", "False", "PoolNotFound")

    for words in (["-A"], ["-n", shop.namespace]):
        answer = explain(stage.kubeconfig, *words)

        assert answer.returncode == FAILED, answer.stderr
        assert "not ready: 1 of 2 services" in answer.stdout
        (row,) = (line for line in answer.stdout.splitlines() if "PoolNotFound" in line)
        assert row.split()[:3] == [shop.namespace, "bad", "False"]

    shop.delete("InferenceService", "bad")
    shop.until_gone("InferenceService", "bad")
    answer = explain(stage.kubeconfig, "-n", shop.namespace)
    assert (answer.returncode, answer.stdout) == (OK, "1 service is ready\n")


def test_a_name_that_is_not_there(shop: Shop, stage: ControlPlane) -> None:
    shop.add_service("filetype", 1)

    near = explain(stage.kubeconfig, "filetyp", "-n", shop.namespace)
    far = explain(stage.kubeconfig, "x", "-n", shop.namespace)

    assert (near.returncode, far.returncode) == (INVALID, INVALID)
    assert near.stderr == (
        f"no InferenceService filetyp in namespace {shop.namespace}; did you mean filetype?\n"
    )
    assert "there is filetype" in far.stderr


def test_without_the_right_to_look(shop: Shop, stage: ControlPlane) -> None:
    kubeconfig = stage.client_kubeconfig("nobody", "/CN=nobody")

    answer = explain(kubeconfig, "a", "-n", shop.namespace)

    assert answer.returncode == NO_CLUSTER
    assert answer.stderr.startswith(
        f"may not list InferenceServices in namespace {shop.namespace}: "
    )


def test_with_the_right_to_look_at_services_only(
    shop: Shop, stage: ControlPlane, stage_api: Api
) -> None:
    """What can be read is told, and what cannot be read is named."""
    shop.add_running("a")
    kubeconfig = stage.client_kubeconfig("reader", "/CN=reader")
    group = "rbac.authorization.k8s.io"
    metadata = {"name": "reader", "namespace": shop.namespace}
    rule = {
        "apiGroups": ["serving.triton-operator.io"],
        "resources": ["inferenceservices"],
        "verbs": ["list"],
    }
    role = {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": [rule]}
    path = f"/apis/{group}/v1/namespaces/{shop.namespace}"
    stage_api.request("POST", f"{path}/roles", role)
    stage_api.request(
        "POST",
        f"{path}/rolebindings",
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "reader"},
            "subjects": [{"apiGroup": group, "kind": "User", "name": "reader"}],
        },
    )

    answer = explain(kubeconfig, "a", "-n", shop.namespace)

    assert answer.returncode == FAILED, answer.stderr
    assert "Available, Ready: False" in answer.stdout or "Ready, Available: False" in answer.stdout
    assert "could not be read:" in answer.stdout
    assert "pods is forbidden" in answer.stdout


@pytest.mark.parametrize("there", [False, True], ids=["no file", "nobody listens"])
def test_without_a_cluster(tmp_path: Path, there: bool) -> None:
    kubeconfig = tmp_path / "config"
    if there:
        kubeconfig.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [
                        {"name": "c", "cluster": {"server": "http://127.0.0.1:1"}},
                    ],
                    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                    "users": [{"name": "u", "user": {}}],
                    "current-context": "x",
                }
            )
        )

    answer = explain(kubeconfig, "a")

    assert answer.returncode == NO_CLUSTER
    expected = "the cluster does not answer" if there else "no cluster: "
    assert answer.stderr.startswith(expected), answer.stderr
