"""The words that are allowed where only some are. CamelCase, as Kubernetes spells them."""

from enum import StrEnum


class ModelFormat(StrEnum):
    """What the model's bytes are."""

    ONNX = "ONNX"
    TENSORRT = "TensorRT"
    OPENVINO = "OpenVINO"
    TORCHSCRIPT = "TorchScript"
    TRITON_REPOSITORY = "TritonRepository"


class Datatype(StrEnum):
    """Types of a tensor's values, as Triton's protocol names them."""

    BOOL = "BOOL"
    UINT8 = "UINT8"
    UINT16 = "UINT16"
    UINT32 = "UINT32"
    UINT64 = "UINT64"
    INT8 = "INT8"
    INT16 = "INT16"
    INT32 = "INT32"
    INT64 = "INT64"
    FP16 = "FP16"
    FP32 = "FP32"
    FP64 = "FP64"
    BF16 = "BF16"
    BYTES = "BYTES"


class Percentile(StrEnum):
    """Which percentile of the latency the objective bounds."""

    P50 = "P50"
    P90 = "P90"
    P95 = "P95"
    P99 = "P99"


class Preference(StrEnum):
    """What breaks ties between plans that all meet the objective."""

    COST = "Cost"
    LATENCY = "Latency"
    THROUGHPUT = "Throughput"
    ENERGY = "Energy"


class BatchingMode(StrEnum):
    """Who chooses the batch size."""

    AUTO = "Auto"
    OFF = "Off"
    FIXED = "Fixed"


class Overload(StrEnum):
    """What happens to work that can no longer meet the objective."""

    QUEUE = "Queue"
    REJECT = "Reject"


class PrecisionMode(StrEnum):
    """Who chooses the precision."""

    AUTO = "Auto"
    FP32 = "FP32"
    FP16 = "FP16"
    BF16 = "BF16"
    INT8 = "INT8"


class Precision(StrEnum):
    """A precision that a model can run in."""

    FP32 = "FP32"
    FP16 = "FP16"
    BF16 = "BF16"
    INT8 = "INT8"


class Engine(StrEnum):
    """What can run an ONNX model beside ONNX Runtime's own kernels."""

    TENSORRT = "TensorRT"
    """ONNX Runtime with its TensorRT provider, on NVIDIA's GPUs."""
    OPENVINO = "OpenVINO"
    """Triton's OpenVINO backend, on CPUs."""


class AcceleratorKind(StrEnum):
    """Which kind of hardware may serve."""

    ANY = "Any"
    GPU = "GPU"
    CPU = "CPU"


class ScalingMode(StrEnum):
    """Who sets the number of replicas."""

    AUTO = "Auto"
    EXTERNAL = "External"
    FIXED = "Fixed"


class MetricsFreshness(StrEnum):
    """How good the newest metrics are: of all replicas, of some, old, or none for a minute."""

    FRESH = "Fresh"
    PARTIAL = "Partial"
    STALE = "Stale"
    LOST = "Lost"


class MeasurementSource(StrEnum):
    """Whether a number was measured by a Job or declared by a person."""

    MEASURED = "Measured"
    DECLARED = "Declared"


class MeasurementEnd(StrEnum):
    """Why no larger batch was measured: that was the largest, it took longer than the objective of
    who measured, larger ones get fewer requests done or fail, or the time was up."""

    MAX_BATCH_SIZE = "MaxBatchSize"
    OBJECTIVE = "Objective"
    SLOWER = "Slower"
    FAILED = "Failed"
    BUDGET = "Budget"


class MeasurementMode(StrEnum):
    """When the operator measures a model."""

    NEVER = "Never"
    IF_UNKNOWN = "IfUnknown"


class Tier(StrEnum):
    """What kind of place it is; they are filled in this order."""

    EDGE = "Edge"
    ON_PREM = "OnPrem"
    CLOUD = "Cloud"


class TaintEffect(StrEnum):
    """What an administrator says of a cluster, in the words of Open Cluster Management."""

    NO_SELECT = "NoSelect"
    PREFER_NO_SELECT = "PreferNoSelect"
    NO_SELECT_IF_NEW = "NoSelectIfNew"


class OtherClusters(StrEnum):
    """How a Gateway sends requests to other clusters of a fleet."""

    NEVER = "Never"
    EXTERNAL_NAME = "ExternalName"


class ConnectionState(StrEnum):
    """How much is known of a cluster."""

    CONNECTED = "Connected"
    SUSPECT = "Suspect"
    LOST = "Lost"
    RECOVERING = "Recovering"


class ConnectionReason(StrEnum):
    """Why it is in its state."""

    HEARD = "Heard"
    SILENT = "Silent"
    NEVER_CONNECTED = "NeverConnected"
    UNPROVEN = "Unproven"
    BROKEN_AGAIN = "BrokenAgain"


class Failover(StrEnum):
    """What becomes of a lost cluster's own demand."""

    FREEZE = "Freeze"
    """What was sent elsewhere still is, and no more: its clients are near it, and served by it."""
    REPLACE = "Replace"
    """All that may leave is served elsewhere."""
    RELEASE = "Release"
    """Nothing of it is."""


class ManagedBy(StrEnum):
    """Who makes something of an InferenceService, as in a Job's `spec.managedBy`."""

    OPERATOR = "serving.triton-operator.io/operator"
    """The operator of the cluster that the object is in."""
    FLEET = "serving.triton-operator.io/fleet"
    """A hub, which has it served in other clusters."""


class DeletionPolicy(StrEnum):
    """What becomes of the service in the cluster when its work is deleted."""

    DELETE = "Delete"
    ORPHAN = "Orphan"


class Protocol(StrEnum):
    """What an endpoint speaks."""

    HTTP = "HTTP"
    GRPC = "GRPC"


class VariantMode(StrEnum):
    """Who chooses the variant that is served."""

    STATIC = "Static"
    SLO = "Slo"


class OfflinePolicy(StrEnum):
    """What a cluster does while its hub does not answer."""

    LAST_KNOWN = "LastKnown"
    LOCAL_MAX = "LocalMax"
    FALLBACK_VARIANT = "FallbackVariant"
