"""One namespace with InferenceServices in it, as a user sees it, and the part that a kubelet plays.

Deployments, ReplicaSets and Jobs are real and run by kube-controller-manager; no node runs their
pods, so a test says what happens in them: `serve` and `answer_inspection`.
"""

from collections.abc import Callable
from typing import Any

from e2e.harness.waiting import wait_until
from tests.api import model_facts
from tests.api.client import CLUSTER_SCOPED, Api, Object, RefusedError, collection_of
from tests.api.operator_process import OperatorProcess
from triton_operator.api import labels
from triton_operator.api.group import API_VERSION
from triton_operator.manifests.model_profile import profile_of_facts

TIMEOUT_SECONDS = 40.0
VERSIONS = {
    "InferenceService": API_VERSION,
    "ModelProfile": API_VERSION,
    "ServingPool": API_VERSION,
    "Deployment": "apps/v1",
    "ReplicaSet": "apps/v1",
    "Service": "v1",
    "Node": "v1",
    "ConfigMap": "v1",
    "Job": "batch/v1",
    "Pod": "v1",
    "Event": "events.k8s.io/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "NetworkPolicy": "networking.k8s.io/v1",
    "PodDisruptionBudget": "policy/v1",
    "PriorityClass": "scheduling.k8s.io/v1",
    "PodMonitor": "monitoring.coreos.com/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "GRPCRoute": "gateway.networking.k8s.io/v1",
    "BackendTLSPolicy": "gateway.networking.k8s.io/v1",
    "ServiceAccount": "v1",
}
CHILD_KINDS = ("Deployment", "Service", "ConfigMap", "Job", "PodDisruptionBudget", "NetworkPolicy")
TIME = "2026-11-23T00:00:00Z"


class Shop:
    """Everything is in `namespace`."""

    def __init__(self, api: Api, operator: OperatorProcess, namespace: str) -> None:
        self.api = api
        self.operator = operator
        self.namespace = namespace

    def until(self, what: str, probe: Callable[[], bool]) -> None:
        """Wait until `probe` is true, and fail at once when the operator dies meanwhile."""
        wait_until(
            f"waiting for {what}",
            probe,
            timeout_seconds=TIMEOUT_SECONDS,
            needs=[self.operator.running],
        )

    # Objects.

    def reference(self, kind: str, name: str) -> Object:
        """Enough of an object to name it."""
        metadata = {"name": name}
        if kind not in CLUSTER_SCOPED:
            metadata["namespace"] = self.namespace
        return {"apiVersion": VERSIONS[kind], "kind": kind, "metadata": metadata}

    def create(self, kind: str, name: str, **fields: Any) -> Object:
        """Create an object with these top-level fields."""
        return self.api.create({**self.reference(kind, name), **fields})

    def await_(self, kind: str, name: str) -> Object:
        """An object, once it is there."""
        self.until(f"{kind} {name}", lambda: self.find(kind, name) is not None)
        return self.get(kind, name)

    def find(self, kind: str, name: str) -> Object | None:
        """An object, or None."""
        try:
            return self.api.get(self.reference(kind, name))
        except RefusedError as refusal:
            if refusal.code == 404:
                return None
            raise

    def get(self, kind: str, name: str) -> Object:
        """An object that is there."""
        found = self.find(kind, name)
        assert found is not None, f"no {kind} {name}"
        return found

    def until_gone(self, kind: str, name: str) -> None:
        """Wait until there is no such object; the operator need not run."""
        wait_until(
            f"waiting for {kind} {name} to go",
            lambda: self.find(kind, name) is None,
            timeout_seconds=TIMEOUT_SECONDS,
        )

    def all(self, kind: str, service: str = "") -> list[Object]:
        """Every object of a kind; with `service`, those that carry its label."""
        query = {"labelSelector": f"{labels.SERVICE}={service}"} if service else {}
        found: list[Object] = self.api.request(
            "GET", collection_of(self.reference(kind, "any")), **query
        )["items"]
        return found

    def names(self, kind: str, service: str = "") -> set[str]:
        """Their names."""
        return {one["metadata"]["name"] for one in self.all(kind, service)}

    def merge(self, kind: str, name: str, change: Object, subresource: str = "") -> Object:
        """A merge patch."""
        return self.api.merge(self.reference(kind, name), change, subresource)

    def delete(self, kind: str, name: str) -> None:
        """Delete an object."""
        self.api.delete(self.reference(kind, name))

    def children(self, service: str) -> dict[tuple[str, str], Object]:
        """A service's children by kind and name; kube-apiserver's list items lack their kind."""
        return {
            (kind, child["metadata"]["name"]): child
            for kind in CHILD_KINDS
            for child in self.all(kind, service)
        }

    # Services.

    def add_service(self, name: str, model: int | None = None, **spec: Any) -> Object:
        """A new InferenceService; `model`: the number of a model that needs no inspection."""
        source: dict[str, Any] = {"uri": model_facts.URI}
        if model is not None:
            source["digest"] = model_facts.digest(model)
        return self.create("InferenceService", name, spec={"model": source, **spec})

    def add_profile(self, number: int) -> Object:
        """What is known about a model."""
        manifest = profile_of_facts(
            self.namespace, model_facts.digest(number), model_facts.facts(number)
        )
        return self.api.create(manifest)

    def add_running(self, name: str, **spec: Any) -> None:
        """A service with a known model, all of it written; its pods have not started."""
        if self.find("ModelProfile", model_facts.digest(1).replace(":", "-")) is None:
            self.add_profile(1)
        self.add_service(name, 1, **spec)
        self.until_settled(name)

    def change(self, name: str, **spec: Any) -> None:
        """Merge into the spec of a service."""
        self.merge("InferenceService", name, {"spec": spec})

    def status(self, name: str) -> Object:
        """The status of a service, {} as long as there is none."""
        status: Object = self.get("InferenceService", name).get("status", {})
        return status

    def condition(self, name: str, kind: str) -> tuple[str, str]:
        """Status and reason of a condition; both empty where it is absent."""
        for one in self.status(name).get("conditions", ()):
            if one["type"] == kind:
                return one["status"], one["reason"]
        return "", ""

    def until_condition(self, name: str, kind: str, status: str, reason: str) -> None:
        """Wait until a condition is so, for the current generation."""
        self.until(
            f"{kind}={status} ({reason}) of {name}",
            lambda: self.condition(name, kind) == (status, reason) and self.is_seen(name),
        )

    def is_seen(self, name: str) -> bool:
        """Whether the status speaks of the newest generation."""
        service = self.get("InferenceService", name)
        seen = service.get("status", {}).get("observedGeneration")
        return bool(seen == service["metadata"]["generation"])

    def until_settled(self, name: str) -> None:
        """Wait until a service with a plan has all of its children, and nothing is left to do."""
        self.until(f"the children of {name}", lambda: self.is_settled(name))

    def is_settled(self, name: str) -> bool:
        """Whether the status speaks of the newest generation, all children exist, and the operator
        has nothing to do.
        """
        kinds = {kind for kind, _ in self.children(name)}
        return (
            kinds >= {"Deployment", "ConfigMap", "Service"}
            and "Job" not in kinds
            and self.is_seen(name)
            and self.operator.is_quiet()
        )

    # The kubelet's part.

    def serve(self, name: str) -> None:
        """Let every pod of a service become ready, until the service says that it serves."""

        def is_serving() -> bool:
            self.start_pods(name)
            return self.condition(name, "Ready") == ("True", "Serving") and self.is_seen(name)

        self.until(f"{name} to serve", is_serving)

    def start_pods(self, name: str) -> None:
        """Let the serving pods that exist now be ready."""
        for pod in self.all("Pod", name):
            if pod["metadata"]["labels"][labels.ROLE] == labels.SERVE and not _is_ready(pod):
                conditions = [
                    {"type": kind, "status": "True", "lastTransitionTime": TIME}
                    for kind in ("Ready", "ContainersReady")
                ]
                self._patch_pod(pod, {"phase": "Running", "conditions": conditions})

    def restart_count(self, pod: Object, count: int) -> None:
        """Let the first container of a pod have restarted so often; all else stays."""
        live = self.get("Pod", pod["metadata"]["name"])
        running = {
            "name": live["spec"]["containers"][0]["name"],
            "image": "any",
            "imageID": "any",
            "ready": True,
            "started": True,
            "state": {"running": {"startedAt": TIME}},
        }
        first, *others = live["status"].get("containerStatuses") or [running]
        self._patch_pod(live, {"containerStatuses": [{**first, "restartCount": count}, *others]})

    def until_inspection(self, name: str) -> Object:
        """The one Job that inspects the model of a service, and its pod is there."""
        self.until(
            f"an inspection of {name}",
            lambda: (
                len(self.all("Job", name)) == 1
                and len(self._pods_of_job(self.all("Job", name)[0])) > 0
            ),
        )
        return self.all("Job", name)[0]

    def answer_inspection(self, name: str, message: str, *, exit_code: int = 0) -> None:
        """End the pod of the service's inspection with a termination message."""
        self._end_job(self.until_inspection(name), "inspect", message, exit_code)

    def until_measurement(self, name: str) -> Object:
        """The Job that measures the model of a service, and its pod is there."""
        return self._until_job(name, labels.MEASURE)

    def until_conversion(self, name: str) -> Object:
        """The Job that converts the model of a service, and its pod is there."""
        return self._until_job(name, labels.CONVERT)

    def _until_job(self, name: str, role: str) -> Object:
        query = f"{labels.SERVICE}={name},{labels.ROLE}={role}"

        def jobs() -> list[Object]:
            found: list[Object] = self.api.request(
                "GET", collection_of(self.reference("Job", "any")), labelSelector=query
            )["items"]
            return found

        self.until(
            f"a Job of {name} to {role}",
            lambda: len(jobs()) == 1 and len(self._pods_of_job(jobs()[0])) > 0,
        )
        return jobs()[0]

    def answer_measurement(self, name: str, message: str, *, exit_code: int = 0) -> None:
        """End the pod of the service's measurement with a termination message."""
        self._end_job(self.until_measurement(name), "measure", message, exit_code)

    def answer_conversion(self, name: str, message: str, *, exit_code: int = 0) -> None:
        """End the pod of the service's conversion with a termination message."""
        self._end_job(self.until_conversion(name), "convert", message, exit_code)

    def answer_storing(self, name: str, message: str, put: str, *, exit_code: int = 0) -> None:
        """End the conversion of a service that has a store, and then what puts the copy there."""
        for pod in self._pods_of_job(self.until_conversion(name)):
            status = {
                "phase": "Failed" if exit_code else "Succeeded",
                "initContainerStatuses": [_ended("convert", message, 0)],
                "containerStatuses": [_ended("put", put, exit_code)],
            }
            self._patch_pod(pod, status)

    def store_copy(self, name: str, message: str) -> list[str]:
        """End the conversion of a service that has a store, while what puts the copy there goes on;
        the pods that do it.
        """
        pods = self._pods_of_job(self.until_conversion(name))
        for pod in pods:
            status = {
                "phase": "Running",
                "initContainerStatuses": [_ended("convert", message, 0)],
                "containerStatuses": [_status("put", {"running": {"startedAt": TIME}})],
            }
            self._patch_pod(pod, status)
        return [pod["metadata"]["name"] for pod in pods]

    def fail_copies(self, name: str, message: str) -> None:
        """End the container that makes a copy in each serving pod with a termination message."""
        for pod in self.all("Pod", name):
            made = [one["name"] for one in pod["spec"].get("initContainers", ())]
            if pod["metadata"]["labels"][labels.ROLE] == labels.SERVE and "convert" in made:
                status = _ended("convert", message, exit_code=2)
                self._patch_pod(pod, {"phase": "Pending", "initContainerStatuses": [status]})

    def _end_job(self, job: Object, container: str, message: str, exit_code: int) -> None:
        status = _ended(container, message, exit_code)
        phase = "Failed" if exit_code else "Succeeded"
        for pod in self._pods_of_job(job):
            self._patch_pod(pod, {"phase": phase, "containerStatuses": [status]})

    def _pods_of_job(self, job: Object) -> list[Object]:
        label = {"labelSelector": f"batch.kubernetes.io/job-name={job['metadata']['name']}"}
        pods: list[Object] = self.api.request(
            "GET", collection_of(self.reference("Pod", "any")), **label
        )["items"]
        return pods

    def _patch_pod(self, pod: Object, status: Object) -> None:
        try:
            self.merge("Pod", pod["metadata"]["name"], {"status": status}, "status")
        except RefusedError as refusal:
            if refusal.code != 404:  # it was replaced meanwhile
                raise


def _ended(container: str, message: str, exit_code: int) -> Object:
    ended = {
        "exitCode": exit_code,
        "reason": "Error" if exit_code else "Completed",
        "message": message,
        "startedAt": TIME,
        "finishedAt": TIME,
    }
    return _status(container, {"terminated": ended})


def _status(container: str, state: Object) -> Object:
    return {
        "name": container,
        "image": "any",
        "imageID": "any",
        "ready": False,
        "restartCount": 0,
        "state": state,
    }


def _is_ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
