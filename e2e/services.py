"""InferenceServices of one namespace, as a user handles them: apply, wait, ask, look."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tritonclient.http as triton

from e2e.harness.cluster import Cluster
from e2e.harness.kubectl import Kubectl
from e2e.harness.waiting import wait_until
from e2e.reach import reach
from examples.filetype_client import label_names, label_of

API_VERSION = "serving.triton-operator.io/v1alpha1"
SERVICE_LABEL = "serving.triton-operator.io/service"
SMALL = {"resources": {"cpu": "200m"}}
"""Two revisions of a service must fit on a machine with two cores during a rollout."""


class Services:
    """A namespace, and what a user does in it."""

    def __init__(self, cluster: Cluster, kubectl: Kubectl, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self._kubectl = kubectl

    def kubectl(self, *words: str, timeout_seconds: float = 60) -> str:
        """Stdout of kubectl in this namespace."""
        return self._kubectl("-n", self.namespace, *words, timeout_seconds=timeout_seconds)

    def place(self, claim: str, files: Mapping[str, Path]) -> None:
        """Put files into a PersistentVolumeClaim."""
        self.cluster.place_files(self.namespace, claim, files)

    def apply(self, name: str, **spec: Any) -> None:
        """Apply an InferenceService."""
        self._kubectl.apply(
            [
                {
                    "apiVersion": API_VERSION,
                    "kind": "InferenceService",
                    "metadata": {"name": name, "namespace": self.namespace},
                    "spec": {"hardware": SMALL, **spec},
                }
            ]
        )

    def apply_profile(self, name: str, spec: Mapping[str, Any]) -> None:
        """Apply a ModelProfile."""
        metadata = {"name": name, "namespace": self.namespace}
        self._kubectl.apply(
            [
                {
                    "apiVersion": API_VERSION,
                    "kind": "ModelProfile",
                    "metadata": metadata,
                    "spec": spec,
                }
            ]
        )

    def patch(self, name: str, spec: Mapping[str, Any]) -> None:
        """Merge a change into the spec."""
        self.kubectl(
            *("patch", "tisvc", name, "--type=merge", "-p", json.dumps({"spec": spec})),
        )

    def get(self, kind: str, name: str) -> Any:
        """One object."""
        return self._kubectl.json("-n", self.namespace, "get", kind, name)

    def every(self, kinds: str, name: str) -> list[Any]:
        """The children and pods of a service."""
        found = self._kubectl.json(
            "-n", self.namespace, "get", kinds, "-l", f"{SERVICE_LABEL}={name}"
        )
        items: list[Any] = found["items"]
        return items

    def condition(self, name: str, type_: str) -> dict[str, Any]:
        """One condition, if it is of the newest generation; else an empty one."""
        service = self.get("tisvc", name)
        generation = service["metadata"]["generation"]
        for condition in service.get("status", {}).get("conditions", []):
            if condition["type"] == type_ and condition["observedGeneration"] == generation:
                return dict(condition)
        return {}

    def wait_until_there(self, name: str, timeout_seconds: float = 180) -> None:
        """Whoever applies the service is somebody else: its fleet's hub."""
        wait_until(
            f"service {name} to be there",
            lambda: bool(self.get("tisvc", name)),
            timeout_seconds=timeout_seconds,
        )

    def wait_for(
        self, name: str, type_: str, status: str, reason: str = "", timeout_seconds: float = 120
    ) -> dict[str, Any]:
        """The condition, once it has this status (and reason)."""
        last: dict[str, Any] = {}

        def holds() -> bool:
            nonlocal last
            last = self.condition(name, type_)
            return last.get("status") == status and reason in ("", last.get("reason"))

        try:
            wait_until(f"{type_}={status} {reason}", holds, timeout_seconds=timeout_seconds)
        except Exception as error:
            described = self.kubectl("describe", "tisvc", name)
            pods = self.kubectl("get", "pods", "-o", "wide")
            raise AssertionError(f"{error}\nlast: {last}\n{pods}\n{described}") from error
        return last

    @contextmanager
    def address(self, name: str) -> Iterator[str]:
        """host:port of a service's HTTP port."""
        with reach(self.cluster, self.namespace, name, 8000) as found:
            yield found

    def label(self, name: str, path: Path) -> str:
        """What the service says a file is."""
        with self.address(name) as address, triton.InferenceServerClient(address) as client:
            return label_names()[label_of(client, name, path)[0]]
