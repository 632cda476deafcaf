"""The kinds that the hub reads or writes, beside those that the operator knows."""

from triton_operator.api.group import GROUP, VERSION
from triton_operator.controllers.kinds import (
    INFERENCE_SERVICE,
    INFERENCE_WORK,
    LEASE,
    NAMESPACE,
    SERVICE_ACCOUNT,
    Kind,
)

INFERENCE_CLUSTER = Kind("InferenceCluster", GROUP, VERSION, "inferenceclusters", namespaced=False)
SECRET = Kind("Secret", "", "v1", "secrets")
ROLE = Kind("Role", "rbac.authorization.k8s.io", "v1", "roles")
ROLE_BINDING = Kind("RoleBinding", "rbac.authorization.k8s.io", "v1", "rolebindings")

BY_NAME = {
    kind.kind: kind
    for kind in (
        INFERENCE_CLUSTER,
        INFERENCE_WORK,
        INFERENCE_SERVICE,
        LEASE,
        NAMESPACE,
        SERVICE_ACCOUNT,
        ROLE,
        ROLE_BINDING,
    )
}
