"""Runs the real `kubectl` and `helm` against a control plane."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from e2e.harness.binaries import ensure
from e2e.harness.controlplane import ControlPlane
from tests.chart.rendering import helm


def kubectl(
    control_plane: ControlPlane,
    *arguments: str,
    objects: list[dict[str, Any]] | None = None,
    stdin: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run kubectl; `objects` go to its standard input. Never raises: look at `returncode`."""
    if objects is not None:
        stdin = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    return subprocess.run(
        [str(ensure("kubectl")), "--kubeconfig", str(control_plane.kubeconfig), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def kubectl_json(control_plane: ControlPlane, *arguments: str) -> dict[str, Any]:
    """What kubectl answers with `-o json`. Raises AssertionError with its message when it fails."""
    answer = kubectl(control_plane, *arguments, "-o", "json")
    assert answer.returncode == 0, answer.stderr
    return dict(json.loads(answer.stdout))


def make_namespace(control_plane: ControlPlane, name: str, **labels: str) -> str:
    """Make a namespace that can start pods, its default ServiceAccount included."""
    metadata = {"name": name, "labels": {key.replace("__", "/"): v for key, v in labels.items()}}
    account = {"name": "default", "namespace": name}
    answer = kubectl(
        control_plane,
        "create",
        "--filename=-",
        objects=[
            {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata},
            # Nobody else makes it: there is no controller manager.
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account},
        ],
    )
    assert answer.returncode == 0, answer.stderr
    return name


def helm_done(control_plane: ControlPlane, verb: str, *arguments: str) -> None:
    """Run helm against the control plane. Raises AssertionError with its message when it fails."""
    answer = helm(verb, *arguments, "--kubeconfig", str(control_plane.kubeconfig))
    assert answer.returncode == 0, answer.stderr
