"""`helm install` on a real API server: the objects are taken, and the rights suffice exactly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from e2e.harness.controlplane import ControlPlane
from e2e.harness.waiting import wait_until
from tests.chart.kubectl import helm_done, kubectl, kubectl_json, make_namespace
from tests.chart.rendering import CHART, RELEASE, helm

OPERATOR = "operator-home"
SHOP = "shop"
ELSEWHERE = "elsewhere"
IDENTITY = f"--as=system:serviceaccount:{OPERATOR}:{RELEASE}"
MANAGER = "--field-manager=serving.triton-operator.io/controller"

Object = dict[str, Any]


def service(name: str = "filetype") -> Object:
    return {
        "apiVersion": "serving.triton-operator.io/v1alpha1",
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": SHOP},
        "spec": {"model": {"uri": "https://models.example.com/filetype.onnx"}},
    }


@pytest.fixture(scope="module")
def installed(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """The chart, serving one namespace and installed in a restricted one; a service is there."""
    enforce = {"pod-security.kubernetes.io__enforce": "restricted"}
    make_namespace(control_plane, OPERATOR, **enforce)
    make_namespace(control_plane, SHOP)
    make_namespace(control_plane, ELSEWHERE)
    home = ("--namespace", OPERATOR)
    helm_done(
        control_plane, "install", RELEASE, str(CHART), *home, "--set", f"namespaces={{{SHOP}}}"
    )
    created = kubectl(control_plane, "create", "--filename=-", objects=[service()])
    assert created.returncode == 0, created.stderr
    yield control_plane
    helm_done(control_plane, "uninstall", RELEASE, *home)


def children(control_plane: ControlPlane, name: str = "filetype-cpu") -> list[Object]:
    """Objects as the operator makes them: owned by the service, which waits for their deletion."""
    owner = kubectl_json(control_plane, "get", "-n", SHOP, "tisvc", "filetype")
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    metadata = {"name": name, "namespace": SHOP, "ownerReferences": [reference]}
    deployment = {"selector": {"matchLabels": {"app": "filetype"}}, "template": pod("Always")}
    bodies: list[Object] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "data": {"config.pbtxt": ""}},
        {"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 8000}]}},
        {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": pod("Never")}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "spec": deployment},
    ]
    return [body | {"metadata": metadata} for body in bodies]


def pod(restart: str) -> Object:
    return {
        "metadata": {"labels": {"app": "filetype"}},
        "spec": {"restartPolicy": restart, "containers": [{"name": "a", "image": "example"}]},
    }


def profile() -> Object:
    return {
        "apiVersion": "serving.triton-operator.io/v1alpha1",
        "kind": "ModelProfile",
        "metadata": {"name": "known", "namespace": SHOP},
        "spec": {"digest": "sha256:" + "0" * 64},
    }


def apply_as_operator(control_plane: ControlPlane, *objects: Object, status: bool = False) -> str:
    """The refusal, or nothing."""
    # kubectl demands a spec where the API server does not.
    part = ["--subresource=status", "--validate=false"] if status else []
    answer = kubectl(
        control_plane, "apply", "--server-side", "--force-conflicts", MANAGER, IDENTITY, *part,
        "--filename=-", objects=list(objects),
    )  # fmt: skip
    return answer.stderr if answer.returncode else ""


def may(
    control_plane: ControlPlane, verb: str, resource: str, namespace: str, *, who: str = IDENTITY
) -> bool:
    plural, _, subresource = resource.partition("/")
    answer = kubectl(
        control_plane, "auth", "can-i", verb, plural, f"--subresource={subresource}",
        "-n", namespace, who,
    )  # fmt: skip
    assert answer.stdout.strip() in {"yes", "no"}, answer.stderr
    return answer.stdout.strip() == "yes"


def test_the_operator_may_do_its_work(installed: ControlPlane) -> None:
    status = service() | {"status": {"observedGeneration": 1}}
    del status["spec"]

    for _ in ("created", "changed"):
        assert apply_as_operator(installed, profile(), *children(installed)) == ""
        assert apply_as_operator(installed, status, status=True) == ""
    target = ("-n", SHOP, "deployment/filetype-cpu")
    scaled = kubectl(installed, "scale", *target, "--replicas=3", IDENTITY)
    assert scaled.returncode == 0, scaled.stderr
    for child in children(installed):
        named = ("-n", SHOP, child["kind"], child["metadata"]["name"], "--wait=false")
        gone = kubectl(installed, "delete", *named, IDENTITY)
        assert gone.returncode == 0, gone.stderr


def test_the_right_on_finalizers_is_what_allows_owner_references(installed: ControlPlane) -> None:
    role = kubectl_json(installed, "get", "-n", SHOP, "role", RELEASE)
    del role["metadata"]["resourceVersion"]
    rules = [one for one in role["rules"] if one["resources"] != ["inferenceservices/finalizers"]]
    assert len(rules) == len(role["rules"]) - 1

    def replace(wanted: Object, *, allowed: bool) -> None:
        answer = kubectl(installed, "replace", "--filename=-", objects=[wanted])
        assert answer.returncode == 0, answer.stderr
        wait_until(
            "waiting for the API server to notice the new rules",
            lambda: may(installed, "update", "inferenceservices/finalizers", SHOP) == allowed,
            timeout_seconds=30,
        )

    replace(role | {"rules": rules}, allowed=False)
    try:
        refusal = apply_as_operator(installed, children(installed, "refused")[0])
    finally:
        replace(role, allowed=True)

    assert "cannot set blockOwnerDeletion" in refusal
    assert apply_as_operator(installed, children(installed, "refused")[0]) == ""


@pytest.mark.parametrize(
    ("namespace", "verb", "resource", "allowed", "why"),
    [
        (SHOP, "watch", "inferenceservices", True, "its work"),
        (SHOP, "patch", "inferenceservices", False, "the spec is the user's"),
        (SHOP, "patch", "inferenceservices/status", True, "status is applied"),
        (SHOP, "update", "inferenceservices/status", False, "and never replaced"),
        (SHOP, "get", "secrets", False, "pods mount them by name"),
        (SHOP, "list", "secrets", False, "pods mount them by name"),
        (SHOP, "create", "pods", False, "pods come from Deployments and Jobs"),
        (SHOP, "create", "pods/exec", False, "never"),
        (SHOP, "create", "serviceaccounts/token", False, "never"),
        (SHOP, "delete", "modelprofiles", False, "what was measured is kept"),
        (SHOP, "deletecollection", "deployments", False, "one by one, and only its own"),
        (ELSEWHERE, "list", "inferenceservices", False, "not one of its namespaces"),
        (ELSEWHERE, "patch", "deployments", False, "not one of its namespaces"),
        (OPERATOR, "get", "configmaps", False, "not even its own namespace"),
        (OPERATOR, "watch", "nodes", True, "pools are made of nodes"),
        (OPERATOR, "patch", "nodes", False, "nodes are only read"),
        (OPERATOR, "patch", "servingpools/status", True, "what a pool has"),
        (OPERATOR, "patch", "servingpools", False, "the administrator's"),
    ],
)
def test_what_the_operator_may_and_may_not_do(
    installed: ControlPlane, namespace: str, verb: str, resource: str, allowed: bool, why: str
) -> None:
    assert may(installed, verb, resource, namespace) == allowed, why


@pytest.mark.parametrize(
    ("role", "verb", "resource", "allowed", "why"),
    [
        ("view", "watch", "inferenceservices", True, "looking is harmless"),
        ("view", "create", "inferenceservices", False, "it starts pods"),
        ("view", "get", "modelprofiles", True, "facts of models"),
        ("edit", "create", "inferenceservices", True, "who may create pods may serve models"),
        ("edit", "deletecollection", "inferenceservices", True, "as with Deployments"),
        ("edit", "patch", "inferenceservices/scale", True, "kubectl scale"),
        ("edit", "patch", "inferenceservices/status", False, "the operator's"),
        ("edit", "create", "modelprofiles", True, "facts may be committed"),
        ("edit", "create", "servingpools", False, "the cluster administrator's"),
        ("view", "get", "inferenceworks", True, "what a fleet wants and tells"),
        ("edit", "create", "inferenceworks", False, "it would serve elsewhere"),
        ("edit", "create", "inferenceclusters", False, "the fleet administrator's"),
    ],
)
def test_what_people_may_do(
    installed: ControlPlane, role: str, verb: str, resource: str, allowed: bool, why: str
) -> None:
    # Bound directly: there is no controller that adds the rules to Kubernetes' own role.
    name = f"{OPERATOR}:{RELEASE}:{role}"
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": role, "namespace": SHOP},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": role}],
    }
    applied = kubectl(installed, "apply", "--server-side", "--filename=-", objects=[binding])
    assert applied.returncode == 0, applied.stderr
    wait_until(
        "waiting for the API server to notice the binding",
        # Every role for people has at least one right of its own.
        lambda: may(installed, *PROOF[role], SHOP, who=f"--as={role}"),
        timeout_seconds=30,
    )

    assert may(installed, verb, resource, SHOP, who=f"--as={role}") == allowed, why


PROOF = {"view": ("get", "inferenceservices"), "edit": ("update", "inferenceservices")}


def test_a_restricted_namespace_takes_the_operators_pod(installed: ControlPlane) -> None:
    deployment = kubectl_json(installed, "get", "-n", OPERATOR, "deployment", RELEASE)
    template = deployment["spec"]["template"]
    metadata = {"name": "probe", "namespace": OPERATOR, "labels": template["metadata"]["labels"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}

    def verdict() -> str:
        flags = ("--dry-run=server", "--filename=-")
        answer = kubectl(installed, "create", *flags, objects=[pod])
        return answer.stderr if answer.returncode else ""

    assert verdict() == ""
    del template["spec"]["securityContext"]["runAsNonRoot"]
    assert "restricted" in verdict(), "the namespace would take anything: the test proves nothing"


def test_a_missing_namespace_is_named(control_plane: ControlPlane) -> None:
    answer = helm(
        "install", "nowhere", str(CHART), "--namespace", "default", "--kubeconfig",
        str(control_plane.kubeconfig), "--set", "namespaces={not-there}",
    )  # fmt: skip
    helm_done(control_plane, "uninstall", "nowhere", "--namespace", "default")

    assert answer.returncode != 0
    assert '"not-there" not found' in answer.stderr
