"""An address of a Service from this machine."""

from __future__ import annotations

import re
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from e2e.harness.binaries import ensure
from e2e.harness.cluster import Cluster
from e2e.harness.errors import HarnessError
from e2e.harness.kubectl import Kubectl

FORWARD_SECONDS = 30.0


@contextmanager
def reach(cluster: Cluster, namespace: str, service: str, port: int) -> Iterator[str]:
    """`host:port` that answers for a Service's port.

    On the native cluster that is the ClusterIP itself, so requests are spread over the pods; where
    nodes are containers of their own, a port-forward to one pod.
    """
    if cluster.driver == "native":
        kubectl = Kubectl(cluster.kubeconfig)
        body = kubectl.json("-n", namespace, "get", "service", service)
        yield f"{body['spec']['clusterIP']}:{port}"
        return
    process = subprocess.Popen(
        [
            *(ensure("kubectl"), "--kubeconfig", cluster.kubeconfig),
            *("-n", namespace, "port-forward", f"service/{service}", f":{port}"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield f"127.0.0.1:{_forwarded_port(process)}"
    finally:
        process.terminate()
        process.wait(10)


def _forwarded_port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    deadline = time.monotonic() + FORWARD_SECONDS
    said = ""
    while time.monotonic() < deadline and process.poll() is None:
        readable, _, _ = select.select([process.stdout], [], [], 0.5)
        if readable:
            said += process.stdout.readline()
            if found := re.search(r"127\.0\.0\.1:(\d+)", said):
                return int(found[1])
    raise HarnessError(f"kubectl port-forward gave no port: {said.strip()}")
