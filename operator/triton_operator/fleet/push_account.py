"""The account in a cluster by which a hub carries works there: an agent's rights, and no others."""

from __future__ import annotations

from typing import Any

from triton_operator.api import labels
from triton_operator.api.group import GROUP
from triton_operator.fleet.mailbox import RBAC

NAMESPACE = "triton-fleet"
ACCOUNT = "fleet-push"
ROLE = "triton-fleet-push"
_SERVICES = ["get", "list", "watch", "create", "patch", "delete"]
RULES: list[dict[str, Any]] = [
    {"apiGroups": [GROUP], "resources": ["inferenceservices"], "verbs": _SERVICES},
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list"]},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]},
]
"""As the chart gives them to an agent."""
OWN_RULES: list[dict[str, Any]] = [
    {
        "apiGroups": [""],
        "resources": ["serviceaccounts/token"],
        "resourceNames": [ACCOUNT],
        "verbs": ["create"],
    },
]
"""In its own namespace: another token for itself, before the one in use ends."""

Manifest = dict[str, Any]


def push_account() -> tuple[Manifest, ...]:
    """What has to be there, in the order in which it has to be made."""
    own = {"labels": {labels.PART_OF: labels.MANAGER}}
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}
    return (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, **own}},
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": ACCOUNT, "namespace": NAMESPACE, **own},
            "automountServiceAccountToken": False,
        },
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": ROLE, **own},
            "rules": RULES,
        },
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": ROLE, **own},
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": ROLE},
            "subjects": [subject],
        },
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "Role",
            "metadata": {"name": ACCOUNT, "namespace": NAMESPACE, **own},
            "rules": OWN_RULES,
        },
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": ACCOUNT, "namespace": NAMESPACE, **own},
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": ACCOUNT},
            "subjects": [subject],
        },
    )
