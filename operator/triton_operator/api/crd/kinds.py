"""The kinds of this API: their names, their columns, and the rules on the whole object."""

from dataclasses import dataclass

from pydantic.config import JsonDict

from triton_operator.api.fields import (
    CLUSTER_NAME_LIMIT,
    DNS_LABEL_PATTERN,
    SERVICE_NAME_LIMIT,
    ApiModel,
    cel,
)
from triton_operator.api.inference_cluster import InferenceClusterSpec
from triton_operator.api.inference_cluster_status import InferenceClusterStatus
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.inference_work import InferenceWorkSpec, InferenceWorkStatus
from triton_operator.api.model_profile import ModelProfileSpec
from triton_operator.api.serving_pool import ServingPoolSpec, ServingPoolStatus
from triton_operator.api.status import InferenceServiceStatus

CATEGORY = "inference"
"""`kubectl get inference` lists every kind of this API."""


@dataclass(frozen=True)
class Column:
    """One column of `kubectl get`; `wide` ones are shown with `-o wide` only."""

    name: str
    path: str
    meaning: str
    type: str = "string"
    wide: bool = False


@dataclass(frozen=True)
class Scale:
    """Where the scale subresource finds its three values."""

    spec_replicas: str
    status_replicas: str
    selector: str


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind, as far as its fields do not say it."""

    name: str
    plural: str
    short_name: str
    namespaced: bool
    summary: str
    spec: type[ApiModel]
    status: type[ApiModel] | None
    columns: tuple[Column, ...]
    scale: Scale | None = None
    rules: tuple[JsonDict, ...] = ()


AGE = Column("Age", ".metadata.creationTimestamp", "Since it was created.", type="date")


def _ready(field: str) -> str:
    return f'.status.conditions[?(@.type=="Ready")].{field}'


INFERENCE_SERVICE = Kind(
    name="InferenceService",
    plural="inferenceservices",
    short_name="tisvc",
    namespaced=True,
    summary="A model that answers requests: where it is, what it promises, how it scales.",
    spec=InferenceServiceSpec,
    status=InferenceServiceStatus,
    columns=(
        Column("Ready", _ready("status"), "Whether requests are answered as promised."),
        Column("Precision", ".status.pools[0].precision", "Precision in the first pool."),
        Column(
            "Batch", ".status.pools[0].maxBatchSize", "Largest batch in the first pool.", "integer"
        ),
        Column("Replicas", ".status.readyReplicas", "Replicas that are ready.", "integer"),
        Column("Desired", ".status.desiredReplicas", "Replicas wanted.", "integer"),
        Column(
            "P99",
            ".status.pools[0].predictedP99Milliseconds",
            "Predicted 99th percentile of the latency in the first pool, in milliseconds.",
            "integer",
        ),
        Column("URL", ".status.address.http", "Where clients send requests."),
        AGE,
        Column("Pools", ".status.poolNames", "Pools in the plan.", wide=True),
        Column("Model", ".spec.model.uri", "Where the model is.", wide=True),
        Column("Variant", ".status.variant.name", "Which variant is served.", wide=True),
        Column("Reason", _ready("reason"), "Why it is ready, or not.", wide=True),
    ),
    scale=Scale(".spec.scaling.minReplicas", ".status.replicas", ".status.selector"),
    rules=(
        cel(
            "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && "
            f"self.metadata.name.size() <= {SERVICE_NAME_LIMIT}",
            "metadata.name becomes the name of a Service: lower-case letters, digits and '-', "
            f"first a letter, last no '-', at most {SERVICE_NAME_LIMIT} characters, "
            "so that <name>-<pool> fits too",
        ),
    ),
)

SERVING_POOL = Kind(
    name="ServingPool",
    plural="servingpools",
    short_name="tpool",
    namespaced=False,
    summary="A pool of nodes that can serve models: its hardware, its Triton image, its price.",
    spec=ServingPoolSpec,
    status=ServingPoolStatus,
    columns=(
        Column("Ready", _ready("status"), "Whether the pool has nodes that can serve."),
        Column("Nodes", ".status.nodes", "Nodes in the pool.", "integer"),
        Column("Accelerator", ".spec.accelerator.resource", "What one replica takes; none: CPU."),
        Column("Product", ".spec.accelerator.product", "The accelerator's product name."),
        Column("Cost", ".spec.cost.perReplicaHour", "Price of one replica for an hour."),
        AGE,
        Column("Image", ".spec.image", "Triton image.", wide=True),
        Column("Release", ".spec.release", "Triton's release in a private image.", wide=True),
        Column("Reason", _ready("reason"), "Why it is ready, or not.", wide=True),
    ),
    rules=(
        cel(
            f"self.metadata.name.matches('{DNS_LABEL_PATTERN}') && self.metadata.name.size() <= 63",
            "metadata.name becomes a label and a part of names: lower-case letters, digits and "
            "'-', first and last no '-', at most 63 characters",
        ),
    ),
)

MODEL_PROFILE = Kind(
    name="ModelProfile",
    plural="modelprofiles",
    short_name="mprof",
    namespaced=True,
    summary="What is known about the model with one digest, so that it is found out only once.",
    spec=ModelProfileSpec,
    status=None,
    columns=(
        Column("Format", ".spec.facts.format", "What the model's bytes are."),
        Column(
            "Batchable", ".spec.facts.batchable", "Whether requests can share a batch.", "boolean"
        ),
        Column("Parameters", ".spec.facts.parameterCount", "Number of parameters.", "integer"),
        Column("Bytes", ".spec.facts.sizeBytes", "Size of all files together.", "integer"),
        AGE,
        Column("Digest", ".spec.digest", "Which model this is.", wide=True),
        Column("Reason", ".spec.facts.reason", "Why batchable, or why not.", wide=True),
    ),
)

INFERENCE_CLUSTER = Kind(
    name="InferenceCluster",
    plural="inferenceclusters",
    short_name="icl",
    namespaced=False,
    summary="A cluster of the fleet, on its hub: what kind of place it is, and whether it is heard "
    "of.",
    spec=InferenceClusterSpec,
    status=InferenceClusterStatus,
    columns=(
        Column("Tier", ".spec.tier", "What kind of place it is."),
        Column("State", ".status.connectionState", "How much is known of it."),
        Column("Heard", ".status.lastHeardTime", "Since it was heard of.", type="date"),
        Column("Version", ".status.agentVersion", "Version of its agent."),
        AGE,
        Column("Zones", ".spec.residencyZones", "Zones that it is in.", wide=True),
        Column(
            "RTT",
            ".status.network.rttMilliseconds",
            "Round trip to the hub, in milliseconds.",
            "integer",
            wide=True,
        ),
        Column("Flaps", ".status.flaps", "How often contact came back.", "integer", wide=True),
        Column("Paused", ".spec.paused", "Whether nothing is changed there.", "boolean", wide=True),
        Column("Reason", ".status.connectionReason", "Why it is in this state.", wide=True),
    ),
    rules=(
        cel(
            f"self.metadata.name.matches('{DNS_LABEL_PATTERN}') && "
            f"self.metadata.name.size() <= {CLUSTER_NAME_LIMIT}",
            "metadata.name becomes a part of the namespace fleet-<name>: lower-case letters, "
            f"digits and '-', first and last no '-', at most {CLUSTER_NAME_LIMIT} characters",
        ),
    ),
)

INFERENCE_WORK = Kind(
    name="InferenceWork",
    plural="inferenceworks",
    short_name="iwork",
    namespaced=True,
    summary="One service in one cluster of the fleet: what the hub wants, and what the cluster "
    "tells. Written by the hub and the cluster's agent, not by people.",
    spec=InferenceWorkSpec,
    status=InferenceWorkStatus,
    columns=(
        # `kubectl get -A` begins with a column NAMESPACE of its own.
        Column("Target", ".spec.target.name", "What the service is called in the cluster."),
        Column("Target-Namespace", ".spec.target.namespace", "Where the service is there."),
        Column("Revision", ".spec.revision", "Revision that is wanted.", "integer"),
        Column("Applied", ".status.appliedRevision", "Revision that is in force.", "integer"),
        Column("Ready", ".status.load.readyReplicas", "Replicas that are ready.", "integer"),
        Column("Need", ".status.load.needReplicas", "Replicas for all that reaches it."),
        AGE,
        Column("Min", ".spec.template.scaling.minReplicas", "The floor.", "integer", wide=True),
        Column("Max", ".spec.template.scaling.maxReplicas", "The ceiling.", "integer", wide=True),
        Column("Observed", ".status.load.observedAt", "Since its load was seen.", "date", True),
    ),
)

KINDS = (INFERENCE_SERVICE, SERVING_POOL, MODEL_PROFILE, INFERENCE_CLUSTER, INFERENCE_WORK)
