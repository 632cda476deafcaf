"""A cluster's mailbox at the hub: a namespace, and an account with rights in it and nowhere else.

Whoever holds that account can read the works of one cluster and say what became of them.
"""

from __future__ import annotations

from typing import Any

from triton_operator.api import labels
from triton_operator.api.group import GROUP

PREFIX = "fleet-"
FLEET = f"fleet.{GROUP}"
CLUSTER = f"{FLEET}/cluster"
"""Label: whose mailbox it is, and what is in it."""
AGENT = "fleet-agent"
"""Name of the agent's account, Role, RoleBinding and Lease."""
DELETED_BY = f"{FLEET}/deleted-by"
"""Annotation of a work that the hub deletes: the decision that it follows from. A work that is
being deleted without it was deleted by somebody else, with its mailbox or its definition."""
PUSHED_BY = f"{FLEET}/pushed-by"
"""Annotation of a mailbox: Secret and key by which the hub reaches the cluster. It is read once the
InferenceCluster is deleted and its works are to be taken back, and is of no other use: whoever may
change namespaces may write it where the chart's admission policy is left out."""
MANAGER = "triton-operator-hub"
RBAC = "rbac.authorization.k8s.io"

Manifest = dict[str, Any]


def mailbox_namespace(cluster: str) -> str:
    """Its name."""
    return PREFIX + cluster


def mailbox_cluster(namespace: str) -> str | None:
    """Whose mailbox a namespace is, by its name; None: it is none."""
    return namespace.removeprefix(PREFIX) if namespace.startswith(PREFIX) else None


def is_mailbox_of(cluster: str, namespace: Manifest) -> bool:
    """Whether a namespace was made by the hub, for that cluster."""
    found = namespace["metadata"].get("labels") or {}
    return bool(found.get(CLUSTER) == cluster and found.get(labels.MANAGED_BY) == MANAGER)


def mailbox(cluster: str) -> tuple[Manifest, ...]:
    """What has to be there, in the order in which it has to be made.

    `create` can be limited to a name where objects are made by server-side apply: that has the name
    in its address, and a POST is refused.
    """
    namespace = mailbox_namespace(cluster)
    own = {CLUSTER: cluster, labels.MANAGED_BY: MANAGER, labels.PART_OF: labels.MANAGER}

    def metadata(name: str) -> Manifest:
        return {"name": name, "namespace": namespace, "labels": own}

    return (
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": namespace, "labels": own},
        },
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(AGENT)},
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "Role",
            "metadata": metadata(AGENT),
            "rules": [
                _rule(GROUP, "inferenceworks", "get", "list", "watch"),
                _rule(GROUP, "inferenceworks/status", "patch"),
                {
                    **_rule("coordination.k8s.io", "leases", "create", "get", "patch"),
                    "resourceNames": [AGENT],
                },
                # Of its own account, so that it can go on when the first one ends.
                {**_rule("", "serviceaccounts/token", "create"), "resourceNames": [AGENT]},
            ],
        },
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": metadata(AGENT),
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": AGENT},
            "subjects": [{"kind": "ServiceAccount", "name": AGENT, "namespace": namespace}],
        },
    )


def _rule(group: str, resource: str, *verbs: str) -> Manifest:
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}
