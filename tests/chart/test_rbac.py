"""The operator's rights: exactly these, and each one used."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from tests.chart.rendering import NAMESPACE, RELEASE, VALUE_FILES, Object, rendered
from triton_operator.controllers import kinds

GROUP = "serving.triton-operator.io"
NAMESPACED = {
    (GROUP, "inferenceservices", "get list watch"),
    (GROUP, "inferenceservices/status", "patch"),
    (GROUP, "inferenceservices/finalizers", "update"),
    (GROUP, "modelprofiles", "get list watch create patch"),
    ("apps", "deployments", "get list watch create patch delete"),
    ("apps", "deployments/scale", "patch"),
    ("batch", "jobs", "get list watch create patch delete"),
    ("", "configmaps", "get list watch create patch delete"),
    ("", "services", "get list watch create patch delete"),
    ("policy", "poddisruptionbudgets", "get list watch create patch delete"),
    ("networking.k8s.io", "networkpolicies", "get list watch create patch delete"),
    ("monitoring.coreos.com", "podmonitors", "get list create patch delete"),
    ("gateway.networking.k8s.io", "httproutes", "get list create patch delete"),
    ("gateway.networking.k8s.io", "grpcroutes", "get list create patch delete"),
    ("gateway.networking.k8s.io", "backendtlspolicies", "get list create patch delete"),
    ("", "pods", "list watch patch"),
    ("events.k8s.io", "events", "create list"),
    ("autoscaling", "horizontalpodautoscalers", "list watch"),
}
CLUSTER = {
    (GROUP, "servingpools", "list watch"),
    (GROUP, "servingpools/status", "patch"),
    ("", "nodes", "list watch"),
}
EXISTENCE = {("", "namespaces", "get")}
LEASES = {("coordination.k8s.io", "leases", "get update create")}
"""Group, resource, verbs. What is added here, a break-in reaches too: say why in the chart."""

Right = tuple[str, str, str]


def rights_of(table: set[Right]) -> set[Right]:
    return {(group, resource, verb) for group, resource, verbs in table for verb in verbs.split()}


def rights(role: Object) -> set[Right]:
    granted: list[Right] = []
    for rule in role["rules"]:
        assert set(rule) - {"resourceNames"} == {"apiGroups", "resources", "verbs"}
        granted += product(rule["apiGroups"], rule["resources"], rule["verbs"])
    assert len(granted) == len(set(granted)), "a right is granted twice"
    return set(granted)


VIEWED = {
    (GROUP, "inferenceservices", "get list watch"),
    (GROUP, "inferenceservices/status", "get list watch"),
    (GROUP, "inferenceservices/scale", "get list watch"),
    (GROUP, "modelprofiles", "get list watch"),
    (GROUP, "servingpools", "get list watch"),
    (GROUP, "servingpools/status", "get list watch"),
    (GROUP, "inferenceclusters", "get list watch"),
    (GROUP, "inferenceclusters/status", "get list watch"),
    (GROUP, "inferenceworks", "get list watch"),
    (GROUP, "inferenceworks/status", "get list watch"),
}
EDITED = {
    (GROUP, "inferenceservices", "create update patch delete deletecollection"),
    (GROUP, "modelprofiles", "create update patch delete deletecollection"),
    (GROUP, "inferenceservices/scale", "update patch"),
}
"""What Kubernetes' own roles `view` and `edit` get."""
AGGREGATED = "rbac.authorization.k8s.io/aggregate-to-"


def aggregated(*settings: str) -> dict[str, Object]:
    """The roles for people, by the last word of their names."""
    return {
        one["metadata"]["name"].rpartition(":")[2]: one
        for one in rendered((), settings)
        if one["kind"] == "ClusterRole" and aggregates_to(one)
    }


def aggregates_to(role: Object) -> set[str]:
    labels = role["metadata"]["labels"].items()
    return {key.removeprefix(AGGREGATED) for key, _ in labels if key.startswith(AGGREGATED)}


def roles(*settings: str) -> dict[tuple[str, str | None], Object]:
    return {
        (one["kind"], one["metadata"].get("namespace")): one
        for one in rendered((), settings)
        if one["kind"].endswith(("Role", "RoleBinding")) and not aggregates_to(one)
    }


def test_without_namespaces_one_cluster_role_holds_everything() -> None:
    found = roles()

    assert set(found) == {
        *product(("Role", "RoleBinding"), (NAMESPACE,)),
        ("ClusterRole", None),
        ("ClusterRoleBinding", None),
    }
    assert rights(found["Role", NAMESPACE]) == rights_of(LEASES)
    assert rights(found["ClusterRole", None]) == rights_of(NAMESPACED | CLUSTER)


def test_with_namespaces_the_cluster_role_holds_only_what_is_cluster_scoped() -> None:
    found = roles("namespaces={shop,search}")

    assert set(found) == {
        ("ClusterRole", None),
        ("ClusterRoleBinding", None),
        *product(("Role", "RoleBinding"), ("shop", "search", NAMESPACE)),
    }
    assert rights(found["ClusterRole", None]) == rights_of(CLUSTER | EXISTENCE)
    (existence,) = [r for r in found["ClusterRole", None]["rules"] if "resourceNames" in r]
    assert existence["resources"] == ["namespaces"]
    assert existence["resourceNames"] == ["shop", "search"], "no other namespace"
    assert rights(found["Role", "shop"]) == rights_of(NAMESPACED)
    assert rights(found["Role", "search"]) == rights_of(NAMESPACED)


def test_every_role_is_bound_to_the_operator_alone() -> None:
    found = roles("namespaces={shop}")

    for (kind, namespace), role in found.items():
        if kind.endswith("Role"):
            binding = found[f"{kind}Binding", namespace]
            assert binding["roleRef"]["kind"] == kind
            assert binding["roleRef"]["name"] == role["metadata"]["name"]
            assert binding["subjects"] == [
                {"kind": "ServiceAccount", "name": RELEASE, "namespace": NAMESPACE}
            ]


@pytest.mark.parametrize("values", VALUE_FILES.values(), ids=VALUE_FILES.keys())
def test_no_wildcards_and_no_secrets(values: tuple[Path, ...]) -> None:
    for one in rendered(values):
        if one["kind"].endswith("Role"):
            words = {word for right in rights(one) for word in right}
            assert not {word for word in words if "*" in word or "secret" in word}


def test_the_rights_suffice_for_what_the_operator_watches_and_writes() -> None:
    watched = product(kinds.WATCHED, ("list", "watch"))
    needed = {(kind.group, kind.plural, verb) for kind, verb in watched}
    for kind in kinds.CHILDREN:
        # Server-side apply creates through `patch` and `create`; pruning deletes.
        needed |= {(kind.group, kind.plural, verb) for verb in ("create", "patch", "delete")}
    needed |= {(kinds.EVENT.group, kinds.EVENT.plural, verb) for verb in ("create", "list")}

    assert needed <= rights_of(NAMESPACED | CLUSTER)


def test_the_lease_is_the_only_one_and_only_where_it_is_used() -> None:
    role = roles()["Role", NAMESPACE]

    assert role["metadata"]["name"] == f"{RELEASE}-leader", "beside a Role of a namespace served"
    names = {tuple(rule.get("resourceNames", ())): rule["verbs"] for rule in role["rules"]}
    assert names == {(): ["create"], (RELEASE,): ["get", "update"]}
    without = {kind for kind, _ in roles("leaderElection.enabled=false")}
    assert without == {"ClusterRole", "ClusterRoleBinding"}


def test_nobody_binds_anything_when_rights_come_from_elsewhere() -> None:
    assert roles("rbac.create=false") == {}


def test_kubernetes_own_roles_learn_of_our_kinds() -> None:
    found = aggregated()

    assert rights(found["view"]) == rights_of(VIEWED)
    assert rights(found["edit"]) == rights_of(EDITED)
    assert aggregates_to(found["view"]) == {"view", "edit", "admin"}
    assert aggregates_to(found["edit"]) == {"edit", "admin"}


def test_they_need_not() -> None:
    assert aggregated("rbac.aggregateClusterRoles=false") == {}
    assert set(aggregated("rbac.create=false")) == {"view", "edit"}
