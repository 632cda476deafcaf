"""Requests whose answers must be the same from a real API server and from the one of the faults.

`{uid}` in a body or path stands for the uid of the object that the step names; `{n}` for the
namespace. Requests are what the operator, its users and kopf send.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from triton_operator.api.group import API_VERSION

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON = "application/json"
CUSTOM = f"/apis/{API_VERSION}/namespaces/{{n}}/inferenceservices"
DEPLOYMENTS = "/apis/apps/v1/namespaces/{n}/deployments"
JOBS = "/apis/batch/v1/namespaces/{n}/jobs"
CORE = "/api/v1/namespaces/{n}"
A, D, C = f"{CUSTOM}/a", f"{DEPLOYMENTS}/d", f"{CORE}/configmaps/c"


@dataclass(frozen=True)
class Step:
    """One request, and what it is about."""

    what: str
    method: str
    path: str
    body: Any = None
    content: str = JSON
    query: dict[str, str] = field(default_factory=dict)


def applied(
    what: str, path: str, body: Any, *, force: bool = False, manager: str = "operator"
) -> Step:
    query = {"fieldManager": manager, "force": json.dumps(force)}
    return Step(what, "PATCH", path, body, APPLY, query)


def merged(what: str, path: str, body: Any) -> Step:
    return Step(what, "PATCH", path, body, MERGE, {"fieldManager": "somebody"})


def condition(type_: str, status: str = "True") -> dict[str, Any]:
    time = "2026-11-23T00:00:00Z"
    return {
        "type": type_,
        "status": status,
        "reason": "R",
        "message": "",
        "observedGeneration": 1,
    } | {"lastTransitionTime": time}


def service(**rest: Any) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "InferenceService",
        "metadata": {"name": "a"},
        **rest,
    }


def told(
    what: str,
    *conditions: dict[str, Any],
    force: bool = True,
    manager: str = "operator",
    uid: str = "",
    **fields: Any,
) -> Step:
    """A status of the service, applied as the operator does."""
    status = {"observedGeneration": 1, **fields}
    if conditions:
        status["conditions"] = list(conditions)
    metadata = {"name": "a", "uid": uid} if uid else {"name": "a"}
    body = service(metadata=metadata, status=status)
    return applied(what, f"{A}/status", body, force=force, manager=manager)


def deployment(app: str = "a", annotations: Any = None, **spec: Any) -> dict[str, Any]:
    pods = {"app": app}
    container = {"name": "c", "image": "i", "env": [{"name": "A", "value": "1"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "labels": {"ours": "yes"}, "annotations": annotations or {}},
        "spec": {
            "selector": {"matchLabels": pods},
            "template": {"metadata": {"labels": pods}, "spec": {"containers": [container]}},
            **spec,
        },
    }


def job(image: str) -> dict[str, Any]:
    container = {"name": "c", "image": image}
    pod = {"restartPolicy": "Never", "containers": [container]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j"},
        "spec": {"template": {"spec": pod}},
    }


def ports(**numbers: int) -> dict[str, Any]:
    rows = [{"name": name, "port": port, "protocol": "TCP"} for name, port in numbers.items()]
    metadata = {"name": "s"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": rows}}


def config(text: str) -> dict[str, Any]:
    metadata = {"name": "c", "labels": {"ours": "yes"}}
    kind = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    return {**kind, "immutable": True, "data": {"text": text}}


SPEC = {"model": {"uri": "pvc://models/a.onnx", "format": "ONNX"}}
SCRIPT = (
    Step("a name that nobody has", "GET", A),
    told("a status of nothing", force=False, replicas=1),
    Step("an object, with a status", "POST", CUSTOM, service(spec=SPEC, status={"replicas": 7})),
    Step("its name once more", "POST", CUSTOM, service(spec=SPEC)),
    Step("it", "GET", A),
    told("a status", condition("Ready"), condition("Planned"), replicas=1),
    told("the same status", condition("Ready"), condition("Planned"), replicas=1),
    told("somebody else's condition", condition("Theirs"), force=False, manager="somebody"),
    told(
        "somebody else's idea of our condition",
        condition("Ready", "False"),
        force=False,
        manager="somebody",
    ),
    told("a status with less in it", condition("Ready", "False")),
    told("a status for another uid", uid="another", replicas=2),
    merged("a change of the spec", A, {"spec": {"paused": True}}),
    merged("the same change", A, {"spec": {"paused": True}}),
    merged("a field taken away", A, {"spec": {"paused": None}}),
    merged("a status beside its subresource", A, {"status": {"replicas": 9}}),
    merged("a spec through the status", f"{A}/status", {"spec": {"paused": True}}),
    merged("an old version", A, {"metadata": {"resourceVersion": "1"}, "spec": {"paused": True}}),
    applied("a Deployment", D, deployment(annotations={"hash": "1"}, revisionHistoryLimit=2)),
    applied("the same", D, deployment(annotations={"hash": "1"}, revisionHistoryLimit=2)),
    merged("its scale", f"{D}/scale", {"spec": {"replicas": 3}}),
    Step("its scale, read", "GET", f"{D}/scale"),
    merged("the same scale", f"{D}/scale", {"spec": {"replicas": 3}}),
    applied("an apply without replicas", D, deployment(revisionHistoryLimit=2), force=True),
    merged("drift", D, {"spec": {"revisionHistoryLimit": 9}}),
    applied("a conflict with drift", D, deployment(revisionHistoryLimit=2)),
    applied("drift undone", D, deployment(revisionHistoryLimit=2), force=True),
    applied("a selector", D, deployment("b", revisionHistoryLimit=2), force=True),
    applied("a ConfigMap", C, config("1")),
    applied("a ConfigMap that cannot change", C, config("2"), force=True),
    applied("a Service", f"{CORE}/services/s", ports(http=80, grpc=81)),
    merged("a port by another number", f"{CORE}/services/s", {"spec": ports(http=90)["spec"]}),
    applied("two ports of one name", f"{CORE}/services/s", ports(http=80, grpc=81), force=True),
    applied("a Job", f"{JOBS}/j", job("1")),
    applied("a Job that cannot change", f"{JOBS}/j", job("2"), force=True),
    Step("what has a label", "GET", f"{CORE}/configmaps", query={"labelSelector": "ours=yes"}),
    Step("a wrong uid", "DELETE", C, {"preconditions": {"uid": "another"}}),
    Step("a deletion", "DELETE", C, {"preconditions": {"uid": "{uid}"}}),
    Step("a deletion of nothing", "DELETE", C, {}),
    Step("nowhere", "POST", f"{CORE}x/configmaps", config("1")),
    Step("the end of the namespace", "DELETE", CORE, {}),
    Step("something in it", "POST", f"{CORE}/configmaps", config("1")),
    applied(
        "something else in it", f"{DEPLOYMENTS}/e", {**deployment(), "metadata": {"name": "e"}}
    ),
    Step("the objects go on", "GET", A),
)
