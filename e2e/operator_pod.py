"""The operator's own pod, and its violent end."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from e2e.harness.cluster import Cluster
from e2e.harness.kubectl import Kubectl
from e2e.installation import NAMESPACE


def operator_pod(kubectl: Kubectl) -> dict[str, str]:
    """Name and uid of the operator's pod, and how often its container was restarted."""
    (pod,) = kubectl.json(
        "-n", NAMESPACE, "get", "pods", "-l", "app.kubernetes.io/name=triton-operator"
    )["items"]
    state = pod["status"]["containerStatuses"][0]
    return {
        "name": pod["metadata"]["name"],
        "uid": pod["metadata"]["uid"],
        "restarts": str(state["restartCount"]),
        "ready": str(state["ready"]),
    }


def kill_operator(cluster: Cluster, kubectl: Kubectl) -> None:
    """SIGKILL to the process itself; where it lives in another machine, its pod without grace."""
    pod = operator_pod(kubectl)
    if cluster.driver != "native":
        kubectl("-n", NAMESPACE, "delete", "pod", pod["name"], "--grace-period=0", "--force")
        return
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
            cgroup = (folder / "cgroup").read_text()
        except OSError:
            continue
        if b"run" in command and pod["uid"] in cgroup.replace("_", "-"):
            os.kill(int(folder.name), signal.SIGKILL)
            return
    raise AssertionError(f"no process of pod {pod['name']} was found")


def operator_is_back(kubectl: Kubectl, before: dict[str, str]) -> bool:
    """Whether another process than `before` is ready, in the same pod or a new one."""
    now = operator_pod(kubectl)
    return now["ready"] == "True" and (now["restarts"], now["uid"]) != (
        before["restarts"],
        before["uid"],
    )
