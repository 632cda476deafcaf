"""What children are called."""

import hashlib
import re

from triton_operator.api.model_profile import ModelFacts
from triton_operator.planning.chosen_model import entry_model

NAME_LIMIT = 63
"""Names of Services and label values are DNS labels (RFC 1123)."""
_CUT_HASH = 8
"""Characters of the hash by which `bounded` completes what it cuts."""


def pool_child(service: str, pool: str) -> str:
    """The Deployment and the Service of one pool: `<name>-<pool>`."""
    return bounded(f"{service}-{pool}")


def config_map(service: str, pool: str, digest: str) -> str:
    """The ConfigMap of one config: a new config is a new object, so that old pods keep theirs."""
    return bounded(f"{service}-{pool}-{digest[:8]}")


def endpoint_map(service: str) -> str:
    """The ConfigMap with the endpoints of a fleet's service."""
    return bounded(f"{service}-endpoints")


def remote_service(service: str, cluster: str) -> str:
    """The Service that stands for another cluster of a fleet."""
    return bounded(f"{_to(service)}{cluster}")


def remote_grpc_service(service: str, cluster: str) -> str:
    """The same for gRPC, which may have another host.

    It ends in a hash, as `<service>-grpc` may be a service too, which names its own in the same way
    but for that.
    """
    digest = hashlib.sha256(f"{service}/{cluster}".encode()).hexdigest()[:6]
    return bounded(f"{_grpc_to(service)}{cluster}-{digest}")


def remote_services_begin(service: str) -> str:
    """How the names of all its `remote_service` begin, those that are cut too."""
    return _begin(_to(service))


def remote_grpc_services_begin(service: str) -> str:
    """How the names of all its `remote_grpc_service` begin, those that are cut too."""
    return _begin(_grpc_to(service))


def _to(service: str) -> str:
    return f"{service}-to-"


def _grpc_to(service: str) -> str:
    return f"{service}-grpc-to-"


def placement_decision(service: str, index: int) -> str:
    """A slice of the PlacementDecision of a fleet's service."""
    return bounded(f"{service}-{index}")


def trust_config_map(service: str) -> str:
    """The ConfigMap with the certificate authorities of the platform."""
    return bounded(f"{service}-ca")


def inspection_job(service: str, source_hash: str) -> str:
    """The Job that inspects one source of the model."""
    return bounded(f"{service}-inspect-{source_hash[:8]}")


def measurement_job(service: str, pool: str, content_hash: str) -> str:
    """The Job that measures one model on one pool."""
    return bounded(f"{service}-{pool}-measure-{content_hash[:8]}")


def conversion_job(service: str, pool: str, content_hash: str) -> str:
    """The Job that converts one model to one precision and compares."""
    return bounded(f"{service}-{pool}-convert-{content_hash[:8]}")


def measured_profile(digest: str) -> str:
    """The profile in which the operator keeps what its Jobs measured and compared."""
    return f"{model_profile(digest)}-measured"


def model_profile(digest: str) -> str:
    """The profile of a digest; a name cannot hold the colon."""
    return digest.replace(":", "-")


def triton_model(service: str, facts: ModelFacts) -> str:
    """The model's name in requests: the service's, or that of the repository's entry model."""
    entry = entry_model(facts)
    return entry.name if entry else service


def bounded(name: str, limit: int = NAME_LIMIT) -> str:
    """`name`, cut and completed with a hash of all of it where it is too long."""
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_CUT_HASH]
    return f"{_cut(name, limit)}-{digest}"


def _begin(prefix: str) -> str:
    """What is left of `prefix` at the begin of every name that `bounded` makes of what has it."""
    return prefix if len(prefix) <= NAME_LIMIT - _CUT_HASH - 1 else _cut(prefix, NAME_LIMIT)


def _cut(name: str, limit: int) -> str:
    return re.sub(r"[-.]+$", "", name[: limit - _CUT_HASH - 1])
