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

MULTICLUSTER = "multicluster.x-k8s.io"
INFERENCE_CLUSTER = Kind("InferenceCluster", GROUP, VERSION, "inferenceclusters", namespaced=False)
SECRET = Kind("Secret", "", "v1", "secrets")
ROLE = Kind("Role", "rbac.authorization.k8s.io", "v1", "roles")
ROLE_BINDING = Kind("RoleBinding", "rbac.authorization.k8s.io", "v1", "rolebindings")
DNS_ENDPOINT = Kind("DNSEndpoint", "externaldns.k8s.io", "v1alpha1", "dnsendpoints")
CLUSTER_PROFILE = Kind("ClusterProfile", MULTICLUSTER, "v1alpha1", "clusterprofiles")
PLACEMENT_DECISION = Kind("PlacementDecision", MULTICLUSTER, "v1alpha1", "placementdecisions")

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
