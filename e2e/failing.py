"""One InferenceService per way to fail, each in a namespace of its own, all at the same time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from e2e.broken_models import endless, inconsistent
from e2e.harness.kubectl import Kubectl
from e2e.harness.paths import REPOSITORY
from e2e.sample_files import magika_model
from e2e.services import Services

NAME = "filetype"
CLAIM = {"uri": "pvc://models/model.onnx"}
TINY = {"cpu": "50m"}
"""So many services fit on a machine with two cores."""
POLICED = "failures.example.com/policed"
Object = dict[str, Any]


class PodWatch:
    """Remembers every state of every pod: of a container that crashes again and again, the API
    server knows only the last two.
    """

    def __init__(self, kubectl: Path, kubeconfig: Path, file: Path) -> None:
        self._file = file
        words = ("get", "pods", "--all-namespaces", "--watch", "--output=json")
        with file.open("w") as output:
            self._process = subprocess.Popen(
                [kubectl, "--kubeconfig", kubeconfig, *words], stdout=output
            )

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(10)

    def of(self, namespace: str) -> list[Object]:
        """Every state that was seen of the pods of a namespace."""
        text, decoder = self._file.read_text(), json.JSONDecoder()
        found: list[Object] = []
        position = 0
        while position < len(text):
            try:
                pod, position = decoder.raw_decode(text, position)
            except ValueError:  # its end has not been written yet
                break
            position = (
                text.find("{", position) if "{" in text[position : position + 9] else len(text)
            )
            if pod["metadata"]["namespace"] == namespace:
                found.append(pod)
        return found


@dataclass(frozen=True)
class Stage:
    """What a scenario may use: its namespace, the store's address, a place for files."""

    services: Services
    store: str
    folder: Path
    cluster_kubectl: Kubectl
    watch: PodWatch

    def apply(self, *objects: Object) -> None:
        """Apply objects of this namespace."""
        namespace = self.services.namespace
        for one in objects:
            one["metadata"]["namespace"] = namespace
        self.cluster_kubectl.apply(objects)

    def place(self, content: bytes | None = None) -> Path:
        """Put a model into the claim `models`; Magika's, or these bytes."""
        path = magika_model()
        if content is not None:
            path = self.folder / f"{self.services.namespace}.onnx"
            path.write_bytes(content)
        self.services.place("models", {"model.onnx": path})
        return path

    def commit_profile(self, path: Path) -> str:
        """A ModelProfile as from Git, so that no inspection is needed; the model's digest."""
        profile = json.loads(_profile(path))
        self.apply(profile)
        return str(profile["spec"]["digest"])


@cache
def _profile(path: Path) -> str:
    return operator_command("model", "inspect", str(path), "-o", "json").stdout


def operator_command(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """`triton-operator words…`."""
    return subprocess.run(
        [sys.executable, "-m", "triton_operator.cli.main", *words],
        env={"PYTHONPATH": str(REPOSITORY / "operator"), "PATH": "/usr/bin:/bin", "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=options.get("check", True),
        timeout=60,
    )


Specs = Callable[[Stage], Mapping[str, Any]]
Record = tuple[str, str]


@dataclass(frozen=True)
class Failure:
    """A way to fail. `spec` prepares the namespace and says what to apply.

    `reason` and `says` (words in this order) are Ready's. `told_by`: reason and kind of the
    cluster's own Events about it; without, the end of the container `ended`. Neither: the cluster
    records nothing, as the operator itself was refused. `starting_seconds`: for so long it counts
    as a start (docs/troubleshooting.md).
    """

    name: str
    spec: Specs
    reason: str
    says: Sequence[str]
    told_by: Record | None = None
    ended: str = ""
    starting_seconds: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)


def _on_claim(content: bytes | None = None, **spec: Any) -> Specs:
    def prepared(stage: Stage) -> Mapping[str, Any]:
        stage.place(content)
        return {"model": CLAIM, "hardware": {"resources": TINY}, **spec}

    return prepared


def _known(**spec: Any) -> Specs:
    """The model's facts come from Git, so only pods that serve are made."""

    def prepared(stage: Stage) -> Mapping[str, Any]:
        digest = stage.commit_profile(stage.place())
        model = {**CLAIM, "digest": digest}
        return {"model": model, "hardware": {"resources": TINY}, **spec}

    return prepared


def _other_bytes(stage: Stage) -> Mapping[str, Any]:
    digest = stage.commit_profile(magika_model())
    stage.place(inconsistent())
    return {"model": {**CLAIM, "digest": digest}, "hardware": {"resources": TINY}}


def _from_store(path: str) -> Specs:
    def prepared(stage: Stage) -> Mapping[str, Any]:
        stage.services.kubectl(
            *("create", "secret", "generic", "store", f"--from-file={stage.folder}/ca.crt")
        )
        return {"model": {"uri": f"{stage.store}/{path}", "secretName": "store"}}

    return prepared


def _too_large(stage: Stage) -> Mapping[str, Any]:
    node = stage.cluster_kubectl.json("get", "nodes")["items"][0]
    cores = float(node["status"]["allocatable"]["cpu"])
    digest = stage.commit_profile(stage.place())
    # It fits an empty node, so there is a plan for it; but the node is not empty.
    resources = {"cpu": f"{round(cores * 1000) - 10}m"}
    return {"model": {**CLAIM, "digest": digest}, "hardware": {"resources": resources}}


def _no_pods(spec: Specs) -> Specs:
    def prepared(stage: Stage) -> Mapping[str, Any]:
        stage.apply(
            {
                "apiVersion": "v1",
                "kind": "ResourceQuota",
                "metadata": {"name": "team"},
                "spec": {"hard": {"pods": "0"}},
            }
        )
        stage.services.kubectl(
            *("wait", "resourcequota/team", "--for=jsonpath={.status.hard.pods}=0")
        )
        return spec(stage)

    return prepared


def _unbound(stage: Stage) -> Mapping[str, Any]:
    stage.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "models"},
            "spec": {
                "accessModes": ["ReadOnlyMany"],
                "storageClassName": "nobody-provisions-this",
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
    )
    return {"model": CLAIM}


def _missing(spec: Mapping[str, Any]) -> Specs:
    return lambda stage: spec


def policies() -> list[Object]:
    """Somebody's rules for namespaces with the label `POLICED`: no Deployments, or no pods."""
    found: list[Object] = []
    for kind, group, plural in (("deployments", "apps", "deployments"), ("pods", "", "pods")):
        name = f"no-{kind}.failures.example.com"
        where = {"namespaceSelector": {"matchLabels": {POLICED: kind}}}
        rule = {
            "apiGroups": [group],
            "apiVersions": ["v1"],
            "operations": ["CREATE"],
            "resources": [plural],
        }
        api = "admissionregistration.k8s.io/v1"
        found += [
            {
                "apiVersion": api,
                "kind": "ValidatingAdmissionPolicy",
                "metadata": {"name": name},
                "spec": {
                    "matchConstraints": {**where, "resourceRules": [rule]},
                    "validations": [
                        {
                            "expression": "false",
                            "message": f"no {kind} on Mondays, ask the platform",
                        }
                    ],
                },
            },
            {
                "apiVersion": api,
                "kind": "ValidatingAdmissionPolicyBinding",
                "metadata": {"name": name},
                "spec": {
                    "policyName": name,
                    "validationActions": ["Deny"],
                    "matchResources": where,
                },
            },
        ]
    return found


NO_CONFIG_MAP = {"name": "X", "valueFrom": {"configMapKeyRef": {"name": "nope", "key": "k"}}}

FAILURES = (
    Failure(
        "model-refused",
        _on_claim(inconsistent()),
        "ModelLoadFailed",
        ("container triton", "Triton refuses the model", "Incompatible dimensions"),
        ended="triton",
    ),
    Failure(
        "probe",
        _on_claim(endless()),
        "ProbeFailing",
        ("container triton runs since", "Startup probe failed", "log"),
        told_by=("Unhealthy", "Pod"),
        starting_seconds=30.0,
    ),
    Failure(
        "out-of-memory",
        _known(hardware={"resources": {**TINY, "memory": "40Mi"}}),
        "OutOfMemory",
        ("container triton", "limit of 40Mi", "set spec.hardware.resources.memory"),
        ended="triton",
    ),
    Failure(
        "unschedulable",
        _too_large,
        "Unschedulable",
        ("nodes are available", "Insufficient cpu", "lower spec.hardware.resources"),
        told_by=("FailedScheduling", "Pod"),
    ),
    Failure(
        "image",
        _known(runtime={"image": "registry.invalid/tritonserver:24.10-py3"}),
        "ImagePullFailed",
        ("container triton", "registry.invalid", "correct the spec.runtime.image"),
        told_by=("Failed", "Pod"),
    ),
    Failure(
        "other-bytes",
        _other_bytes,
        "DigestMismatch",
        ("container fetch",),
        ended="fetch",
    ),
    Failure("absent", _from_store("absent.onnx"), "SourceNotFound", ("404",), ended="inspect"),
    Failure("forbidden", _from_store("secret.onnx"), "SourceForbidden", ("403",), ended="inspect"),
    Failure(
        "store-fails", _from_store("broken.onnx"), "SourceUnavailable", ("503",), ended="inspect"
    ),
    Failure(
        "store-stalls",
        _from_store("stalled.onnx"),
        "SourceTimeout",
        ("stalled.onnx", "nothing came in time", "after 0.1 MB", "look at the store"),
        ended="inspect",
    ),
    Failure(
        "no-secret",
        _missing({"model": {"uri": "https://models.example.com/m.onnx", "secretName": "nope"}}),
        "SecretNotFound",
        ('Secret "nope" not found', "spec.model.secretName"),
        told_by=("FailedMount", "Pod"),
    ),
    Failure(
        "no-claim",
        _missing({"model": {"uri": "pvc://nothere/model.onnx"}}),
        "ClaimNotFound",
        ('PersistentVolumeClaim "nothere" not found', "spec.model.uri"),
        told_by=("FailedScheduling", "Pod"),
    ),
    Failure(
        "unbound-claim",
        _unbound,
        "ClaimNotBound",
        ("not bound", "kubectl describe pvc"),
        told_by=("FailedScheduling", "Pod"),
    ),
    Failure(
        "no-config-map",
        _known(runtime={"env": [NO_CONFIG_MAP]}),
        "ContainerFailed",
        ("container triton", 'configmap "nope" not found', "spec.runtime.env"),
        told_by=("Failed", "Pod"),
    ),
    Failure(
        "quota-job",
        _no_pods(_missing({"model": {"uri": "https://models.example.com/m.onnx"}})),
        "QuotaExceeded",
        ("Job filetype-inspect-", "exceeded quota: team", "raise the ResourceQuota"),
        told_by=("FailedCreate", "Job"),
    ),
    Failure(
        "quota-deployment",
        _no_pods(_known()),
        "QuotaExceeded",
        ("Deployment filetype-cpu", "exceeded quota: team", "raise the ResourceQuota"),
        told_by=("FailedCreate", "ReplicaSet"),
    ),
    Failure(
        "policy-deployment",
        _known(),
        "PolicyRefused",
        ("Deployment filetype-cpu", "no-deployments.failures", "on Mondays", "its owner"),
        labels={POLICED: "deployments"},
    ),
    Failure(
        "policy-pods",
        _missing({"model": {"uri": "https://models.example.com/m.onnx"}}),
        "PolicyRefused",
        ("Job filetype-inspect-", "no-pods.failures", "on Mondays", "its owner"),
        told_by=("FailedCreate", "Job"),
        labels={POLICED: "pods"},
    ),
)


def events_of(services: Services) -> list[Object]:
    """All Events of the namespace."""
    items: list[Object] = json.loads(services.kubectl("get", "events.events.k8s.io", "-o", "json"))[
        "items"
    ]
    return items


def first_seen(event: Object) -> float:
    """When an Event was first recorded, in seconds since the epoch."""
    time = event.get("eventTime") or event.get("deprecatedFirstTimestamp")
    return datetime.fromisoformat(str(time)).timestamp()


def recorded_at(failure: Failure, events: Sequence[Object], pods: Sequence[Object]) -> float | None:
    """When the cluster itself first had a record of it."""
    if failure.told_by:
        return _told_at(failure.told_by, events)
    return _ended_at(failure.ended, pods) if failure.ended else None


def _told_at(record: Record, events: Sequence[Object]) -> float | None:
    """When there first was such an Event."""
    reason, kind = record
    times = [
        first_seen(event)
        for event in events
        if event["reason"] == reason and event["regarding"].get("kind") == kind
    ]
    return min(times, default=None)


def _ended_at(container: str, pods: Sequence[Object]) -> float | None:
    """When a container of this name ended first."""
    times = []
    for pod in pods:
        status = pod.get("status", {})
        for row in (
            *status.get("initContainerStatuses", ()),
            *status.get("containerStatuses", ()),
        ):
            for state in (row.get("state", {}), row.get("lastState", {})):
                if row["name"] == container and "terminated" in state:
                    times.append(
                        datetime.fromisoformat(state["terminated"]["finishedAt"]).timestamp()
                    )
    return min(times, default=None)
