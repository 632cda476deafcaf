"""The kinds that the operator watches or writes, and their places in the API."""

from dataclasses import dataclass

from triton_operator.api.group import GROUP, VERSION


@dataclass(frozen=True)
class Kind:
    """One kind of object. `owned`: only objects with the operator's label are watched."""

    kind: str
    group: str
    version: str
    plural: str
    namespaced: bool = True
    owned: bool = False

    @property
    def api_version(self) -> str:
        """As `apiVersion` is written."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str = "", subresource: str = "") -> str:
        """The object's path below the API server's root."""
        prefix = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [prefix]
        if self.namespaced and namespace:
            parts.append(f"namespaces/{namespace}")
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/".join(parts)


GATEWAY = "gateway.networking.k8s.io"
INFERENCE_SERVICE = Kind("InferenceService", GROUP, VERSION, "inferenceservices")
MODEL_PROFILE = Kind("ModelProfile", GROUP, VERSION, "modelprofiles")
SERVING_POOL = Kind("ServingPool", GROUP, VERSION, "servingpools", namespaced=False)
NODE = Kind("Node", "", "v1", "nodes", namespaced=False)
DEPLOYMENT = Kind("Deployment", "apps", "v1", "deployments", owned=True)
SERVICE = Kind("Service", "", "v1", "services", owned=True)
CONFIG_MAP = Kind("ConfigMap", "", "v1", "configmaps", owned=True)
JOB = Kind("Job", "batch", "v1", "jobs", owned=True)
DISRUPTION_BUDGET = Kind("PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets", owned=True)
NETWORK_POLICY = Kind("NetworkPolicy", "networking.k8s.io", "v1", "networkpolicies", owned=True)
POD_MONITOR = Kind("PodMonitor", "monitoring.coreos.com", "v1", "podmonitors", owned=True)
HTTP_ROUTE = Kind("HTTPRoute", GATEWAY, "v1", "httproutes", owned=True)
GRPC_ROUTE = Kind("GRPCRoute", GATEWAY, "v1", "grpcroutes", owned=True)
BACKEND_TLS = Kind("BackendTLSPolicy", GATEWAY, "v1", "backendtlspolicies", owned=True)
POD = Kind("Pod", "", "v1", "pods", owned=True)
AUTOSCALER = Kind("HorizontalPodAutoscaler", "autoscaling", "v2", "horizontalpodautoscalers")
EVENT = Kind("Event", "events.k8s.io", "v1", "events")
NAMESPACE = Kind("Namespace", "", "v1", "namespaces", namespaced=False)
INFERENCE_WORK = Kind("InferenceWork", GROUP, VERSION, "inferenceworks")
SERVICE_ACCOUNT = Kind("ServiceAccount", "", "v1", "serviceaccounts")
LEASE = Kind("Lease", "coordination.k8s.io", "v1", "leases")

WATCHED = (
    INFERENCE_SERVICE,
    MODEL_PROFILE,
    SERVING_POOL,
    NODE,
    DEPLOYMENT,
    SERVICE,
    CONFIG_MAP,
    JOB,
    DISRUPTION_BUDGET,
    NETWORK_POLICY,
    POD,
    AUTOSCALER,
)
NAMESPACED = tuple(kind for kind in WATCHED if kind.namespaced)
CLUSTER_SCOPED = tuple(kind for kind in WATCHED if not kind.namespaced)
OPTIONAL = (POD_MONITOR, HTTP_ROUTE, GRPC_ROUTE, BACKEND_TLS)
"""Kinds that a cluster may or may not know, and learn or forget while the operator runs. They are
not watched, as kopf looks for kinds once: every sweep lists them."""
CHILDREN = (
    DEPLOYMENT,
    SERVICE,
    CONFIG_MAP,
    JOB,
    DISRUPTION_BUDGET,
    NETWORK_POLICY,
    *OPTIONAL,
)
"""Kinds that are applied for a service and pruned when they are no longer wanted."""

BY_NAME = {kind.kind: kind for kind in (*WATCHED, *OPTIONAL, EVENT)}
