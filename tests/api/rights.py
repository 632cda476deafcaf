"""An account with the chart's rights in some namespaces and no others, as with `namespaces`.

The rights are the tables that tests/chart compares with the chart.
"""

from collections.abc import Sequence

from tests.api.client import Api, Object
from tests.chart.test_rbac import CLUSTER, EXISTENCE, NAMESPACED, Right

RBAC = "rbac.authorization.k8s.io/v1"


def grant_in(api: Api, namespace: str, user: str) -> None:
    """What is namespaced, in one namespace; it goes with the namespace."""
    _grant(api, "Role", {"name": user, "namespace": namespace}, user, rules_of(NAMESPACED))


def revoke_in(api: Api, namespace: str, user: str) -> None:
    """Role and RoleBinding are deleted."""
    metadata = {"name": user, "namespace": namespace}
    for kind in ("RoleBinding", "Role"):
        api.delete({"apiVersion": RBAC, "kind": kind, "metadata": metadata})


def grant_in_cluster(api: Api, namespaces: Sequence[str], user: str) -> None:
    """What is cluster-scoped, with the question whether these namespaces exist."""
    (existence,) = rules_of(EXISTENCE)
    rules = [*rules_of(CLUSTER), {**existence, "resourceNames": list(namespaces)}]
    _grant(api, "ClusterRole", {"name": user}, user, rules)


def rules_of(table: set[Right]) -> list[Object]:
    """Rows of group, resource and verbs as rules."""
    return [
        {"apiGroups": [group], "resources": [resource], "verbs": verbs.split()}
        for group, resource, verbs in sorted(table)
    ]


def _grant(api: Api, kind: str, metadata: Object, user: str, rules: list[Object]) -> None:
    role = {"apiVersion": RBAC, "kind": kind, "metadata": metadata}
    api.create({**role, "rules": rules})
    group = RBAC.partition("/")[0]
    api.create(
        {
            **role,
            "kind": f"{kind}Binding",
            "roleRef": {"apiGroup": group, "kind": kind, "name": user},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        }
    )
