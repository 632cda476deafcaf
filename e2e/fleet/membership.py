"""Makes clusters of the harness a fleet, as their people would: Helm, the CLI, a Secret."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from e2e.harness.commands import run
from e2e.harness.kubectl import Kubectl
from e2e.harness.native import NativeCluster
from e2e.harness.progress import step
from e2e.installation import NAMESPACE, install_operator

SECRET = "way-to-the-hub"
HEARTBEAT_SECONDS = 2
"""Silence is told by heartbeats: these cases are to be over in minutes."""
SILENCE = {
    "intervalSeconds": HEARTBEAT_SECONDS,
    "suspectAfterSeconds": 8,
    "lostAfterSeconds": 24,
    "recoverForSeconds": 8,
}


def triton_operator(*words: str, kubeconfig: Path) -> str:
    """Stdout of the command line, asked of one cluster."""
    program = [sys.executable, "-m", "triton_operator.cli.main"]
    return run([*program, *words, "--kubeconfig", str(kubeconfig)], timeout_seconds=120)


def make_hub(hub: NativeCluster, *settings: str) -> None:
    """The hub runs in this cluster, beside the operator."""
    install_operator(hub, *settings, "hub.enabled=true")


def join(
    hub: NativeCluster,
    member: NativeCluster,
    name: str,
    folder: Path,
    *settings: str,
    spec: Mapping[str, Any],
    inside: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
) -> None:
    """A cluster is one of the fleet, and its agent has a way to the hub.

    `spec` is what else its InferenceCluster says, `inside` where the member is reached.
    """
    with step(f"joining {name}"):
        address = f"https://{hub.topology.node_ip}:{hub.topology.apiserver_port}"
        file = folder / f"{name}.kubeconfig"
        words = ("cluster", "join", name, str(file), "--server", address)
        triton_operator(*words, kubeconfig=hub.kubeconfig)
        Kubectl(hub.kubeconfig)(
            *("patch", "inferencecluster", name, "--type=merge"),
            *("-p", json.dumps({"spec": {"heartbeat": SILENCE, **spec}})),
        )
        with inside():
            Kubectl(member.kubeconfig)(
                *("-n", NAMESPACE, "create", "secret", "generic", SECRET),
                f"--from-file=kubeconfig={file}",
            )
            install_operator(
                member,
                *settings,
                "agent.enabled=true",
                f"agent.cluster={name}",
                f"agent.heartbeatSeconds={HEARTBEAT_SECONDS}",
                f"agent.hubSecret.name={SECRET}",
            )
