"""A real control plane and scheduler over simulated nodes, and the operator beside them."""

from collections.abc import Callable, Mapping
from pathlib import Path

from e2e.harness import processes
from e2e.harness.binaries import ensure
from e2e.harness.controlplane import ControlPlane
from e2e.harness.node import scheduler_flags
from e2e.harness.ports import free_ports
from e2e.harness.processes import Running
from e2e.harness.waiting import wait_until
from tests.api.client import Api, Object
from tests.api.operator_process import OperatorProcess
from tests.kwok.kinds_of_nodes import POOL_LABEL, KindOfNode
from triton_operator.api import labels
from triton_operator.api.group import API_VERSION

NAMESPACE = "default"
TIMEOUT_SECONDS = 300.0
POLL_SECONDS = 0.5
LEASE_SECONDS = 80
"""kwok renews each lease after a quarter of this; the control plane waits 50 s for it."""
STAGES = Path(__file__).with_name("stages.yaml")


class Farm:
    """What the tests do to the cluster, and see of it."""

    def __init__(self, api: Api, operator: OperatorProcess, simulators: list[Running]) -> None:
        self.api = api
        self.operator = operator
        self._simulators = simulators

    def until(self, what: str, probe: Callable[[], bool]) -> None:
        """Wait until `probe` is true; fails at once when a process has died."""
        wait_until(
            f"waiting for {what}",
            probe,
            timeout_seconds=TIMEOUT_SECONDS,
            needs=[self.operator.running, *self._simulators],
            # A look at everything is no small request.
            poll_seconds=POLL_SECONDS,
        )

    def add(self, kind: KindOfNode) -> None:
        """Nodes, then the pool over them."""
        for node in kind.nodes():
            self.api.create(node)
        self.api.create(kind.serving_pool())

    def remove(self, kind: KindOfNode) -> None:
        """The pool, then its nodes."""
        self.api.delete(kind.serving_pool())
        for node in kind.nodes():
            self.api.delete(node)

    def nodes_of(self, pool: str) -> list[Object]:
        """The nodes of one kind."""
        return self._list("/api/v1/nodes", labelSelector=f"{POOL_LABEL}={pool}")

    def cordon(self, pool: str, *, cordoned: bool) -> None:
        """`kubectl cordon` or `uncordon` of every node of a kind."""
        for node in self.nodes_of(pool):
            change = {"spec": {"unschedulable": cordoned or None}}
            self.api.merge({**node, "apiVersion": "v1", "kind": "Node"}, change)

    def evict(self, pool: str) -> int:
        """Evict every serving pod from nodes of a kind, as `kubectl drain` does; how many."""
        names = {node["metadata"]["name"] for node in self.nodes_of(pool)}
        there = [pod for pod in self.serving_pods() if pod["spec"].get("nodeName") in names]
        for pod in there:
            metadata = {"name": pod["metadata"]["name"], "namespace": NAMESPACE}
            path = f"/api/v1/namespaces/{NAMESPACE}/pods/{metadata['name']}/eviction"
            body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
            self.api.request("POST", path, body)
        return len(there)

    def serving_pods(self) -> list[Object]:
        """Pods that serve and are not on their way out."""
        selector = f"{labels.ROLE}={labels.SERVE}"
        found = self._list(f"/api/v1/namespaces/{NAMESPACE}/pods", labelSelector=selector)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def places(self) -> dict[str, list[str]]:
        """Service → the kinds of node on which its pods are; "" for a pod without a node."""
        found: dict[str, list[str]] = {}
        for pod in self.serving_pods():
            service = pod["metadata"]["labels"][labels.SERVICE]
            node = pod["spec"].get("nodeName")
            found.setdefault(service, []).append(node.rpartition("-")[0] if node else "")
        return found

    def until_placed(self, expected: Mapping[str, str]) -> None:
        """Wait until every service has one pod, on the expected kind of node, and is Ready."""
        wanted = {service: [pool] for service, pool in expected.items()}

        def placed() -> bool:
            now = self.places()
            return all(now.get(name) == pools for name, pools in wanted.items()) and all(
                self.condition(service, "Ready")["status"] == "True"
                for service in self.services()
                if service["metadata"]["name"] in wanted
            )

        try:
            self.until(f"{len(wanted)} services in their places", placed)
        except Exception as error:
            raise AssertionError(self._misplaced(wanted)) from error

    def _misplaced(self, wanted: Mapping[str, list[str]]) -> str:
        """What is not where it should be, or not Ready, in the conditions' own words."""
        now = self.places()
        told = []
        for service in self.services():
            name, ready = service["metadata"]["name"], self.condition(service, "Ready")
            if name in wanted and (now.get(name) != wanted[name] or ready["status"] != "True"):
                told.append(f"{name} {now.get(name)} {ready['reason']}: {ready.get('message', '')}")
        return "\n".join(told)

    def services(self) -> list[Object]:
        """Every InferenceService."""
        return self._list(f"/apis/{API_VERSION}/namespaces/{NAMESPACE}/inferenceservices")

    def service(self, name: str) -> Object:
        """One of them."""
        path = f"/apis/{API_VERSION}/namespaces/{NAMESPACE}/inferenceservices/{name}"
        return self.api.request("GET", path)

    def pool(self, name: str) -> Object:
        """A ServingPool."""
        return self.api.request("GET", f"/apis/{API_VERSION}/servingpools/{name}")

    @staticmethod
    def condition(resource: Object, type_: str) -> Object:
        """A condition; status "" while there is none."""
        rows = resource.get("status", {}).get("conditions", ())
        return next((row for row in rows if row["type"] == type_), {"status": "", "reason": ""})

    def _list(self, path: str, **query: str) -> list[Object]:
        items: list[Object] = self.api.request("GET", path, **query).get("items") or []
        return items


def start_scheduler(control_plane: ControlPlane) -> Running:
    """kube-scheduler, as it schedules in any cluster."""
    identity = control_plane.client_kubeconfig("kube-scheduler", "/CN=system:kube-scheduler")
    return processes.start(
        "kube-scheduler",
        [ensure("kube-scheduler"), *scheduler_flags(identity, free_ports(1)[0])],
        control_plane.directory / "log" / "kube-scheduler.log",
        ends_with_us=True,
    )


def start_kwok(control_plane: ControlPlane) -> Running:
    """kwok in the role of every kubelet."""
    return processes.start(
        "kwok",
        [
            *(ensure("kwok"), f"--kubeconfig={control_plane.kubeconfig}", f"--config={STAGES}"),
            *("--manage-all-nodes", f"--node-lease-duration-seconds={LEASE_SECONDS}", "-v=ERROR"),
        ],
        control_plane.directory / "log" / "kwok.log",
        ends_with_us=True,
    )
