"""Condition types and the reasons that the operator gives for them, each with its meaning.

Reasons of a failed fetch or inspection come from the Job (see `triton_operator.model.reasons`), and
reasons of a plan that cannot be made from `triton_operator.planning`.
"""

READY = "Ready"
MODEL_READY = "ModelReady"
PLANNED = "Planned"
AVAILABLE = "Available"
PROGRESSING = "Progressing"
SPEC_HONORED = "SpecHonored"
METRICS_AVAILABLE = "MetricsAvailable"
SCALING_LIMITED = "ScalingLimited"
PRECISION_VERIFIED = "PrecisionVerified"
OBJECTIVE_FEASIBLE = "ObjectiveFeasible"
AUTOSCALER_CONFLICT = "AutoscalerConflict"
RELEASE_SECURE = "ReleaseSecure"
DEVICE_AS_PLANNED = "DeviceAsPlanned"
MODEL_MEASURED = "ModelMeasured"
ROUTED = "Routed"
VARIANT_CHOSEN = "VariantChosen"
HUB_REACHABLE = "HubReachable"

CONNECTED = "Connected"
DATA_PLANE_HEALTHY = "DataPlaneHealthy"
APPLIED = "Applied"
PLACED = "Placed"
SYNCED = "Synced"
CAPACITY_EXCEEDED = "CapacityExceeded"
RESIDENCY_CONSTRAINED = "ResidencyConstrained"
ENDPOINTS_LISTED = "EndpointsListed"
NAME_PUBLISHED = "NamePublished"
DECISION_PUBLISHED = "DecisionPublished"

CONDITION_TYPES = frozenset(
    {
        READY,
        MODEL_READY,
        PLANNED,
        AVAILABLE,
        PROGRESSING,
        SPEC_HONORED,
        METRICS_AVAILABLE,
        SCALING_LIMITED,
        PRECISION_VERIFIED,
        OBJECTIVE_FEASIBLE,
        AUTOSCALER_CONFLICT,
        RELEASE_SECURE,
        DEVICE_AS_PLANNED,
        MODEL_MEASURED,
        ROUTED,
        VARIANT_CHOSEN,
        HUB_REACHABLE,
    }
)
"""Of an InferenceService that an operator serves. Those of a fleet are its hub's and agents'."""

SERVING = "Serving"
"""Every planned replica of the current generation is ready."""
INSPECTED = "Inspected"
"""The model's facts are known."""
INSPECTING = "Inspecting"
"""A Job fetches and inspects the model."""
INSPECTION_FAILED = "InspectionFailed"
"""The Job ended without saying why."""
SOURCE_NOT_SUPPORTED = "SourceNotSupported"
"""This version cannot fetch from that kind of address."""
INVALID_PROFILE = "InvalidProfile"
"""The ModelProfile of the model does not follow the API; the message names it and the field."""
PLAN_MADE = "PlanMade"
"""A plan exists; its reasons are in status.pools."""
INVALID_SPEC = "InvalidSpec"
"""The object does not follow the API; the message names the field."""
WAITING_FOR_MODEL = "WaitingForModel"
"""Nothing can be planned before the model is known."""
WAITING_FOR_PLAN = "WaitingForPlan"
"""Nothing can be started before there is a plan."""
REPLICAS_READY = "ReplicasReady"
"""As many replicas as wanted are ready."""
REPLICAS_NOT_READY = "ReplicasNotReady"
"""Fewer replicas than wanted are ready; no pod says why yet."""
REPLICAS_STARTING = "ReplicasStarting"
"""Requests are answered, and more replicas are starting."""
SCALED_TO_ZERO = "ScaledToZero"
"""No replica is wanted."""
ROLLING_OUT = "RollingOut"
"""Pods of the new plan replace those of the previous one, which go on serving."""
ROLLED_OUT = "RolledOut"
"""Every pod follows the current plan."""
ROLLOUT_STUCK = "RolloutStuck"
"""Pods of the new plan do not become ready; those of the previous one go on serving."""
PAUSED = "Paused"
"""spec.paused: nothing is changed."""
NOT_OWNED = "NotOwned"
"""An object with a child's name belongs to somebody else and is left alone."""
PREDECESSOR_LEAVING = "PredecessorLeaving"
"""Children of a deleted service of the same name are still being removed."""
APPLY_REFUSED = "ApplyRefused"
"""The API server refused a child: validation, or rights that the operator lacks."""
QUOTA_EXCEEDED = "QuotaExceeded"
"""A ResourceQuota or LimitRange of the namespace leaves no room for an object."""
POLICY_REFUSED = "PolicyRefused"
"""Somebody's admission policy, webhook or Pod Security Standard refuses an object."""
PODS_REFUSED = "PodsRefused"
"""The API server refuses pods for another reason than a quota or a policy."""
UNSCHEDULABLE = "Unschedulable"
"""No node can take a pod."""
CLAIM_NOT_FOUND = "ClaimNotFound"
"""A pod waits for a PersistentVolumeClaim that does not exist."""
CLAIM_NOT_BOUND = "ClaimNotBound"
"""A pod waits for a PersistentVolumeClaim that has no volume yet."""
SECRET_NOT_FOUND = "SecretNotFound"  # noqa: S105  # a reason
"""A pod waits for a Secret, or for a key of it, that does not exist."""
VOLUME_NOT_MOUNTED = "VolumeNotMounted"
"""A node cannot mount a volume of a pod."""
POD_NOT_STARTED = "PodNotStarted"
"""A node cannot start a pod: its network or its container runtime fails."""
POD_LOST = "PodLost"
"""A pod was evicted, preempted or rejected, or its node does not report any more."""
IMAGE_PULL_FAILED = "ImagePullFailed"
"""A node cannot get an image."""
CONTAINER_FAILED = "ContainerFailed"
"""A container ends with an error; the message has its last words."""
MODEL_LOAD_FAILED = "ModelLoadFailed"
"""Triton refuses to load the model; the message has its own words."""
PROBE_FAILING = "ProbeFailing"
"""A container runs, but does not answer its probes."""
OUT_OF_MEMORY = "OutOfMemory"
"""A container needed more memory than its limit."""
ALL_FIELDS = "AllFieldsHonored"
"""Every field that is set has its effect."""
FIELDS_WITHOUT_EFFECT = "FieldsWithoutEffect"
"""Some fields are accepted, but do nothing in this version."""
NOT_OBSERVED = "NotObserved"
"""No ready replica has told its metrics yet."""
METRICS_FRESH = "MetricsFresh"
"""The replicas tell their metrics."""
METRICS_STALE = "MetricsStale"
"""Nothing new was told for some seconds; no replica is removed."""
METRICS_LOST = "MetricsLost"
"""Nothing was told for a minute; no replica is removed."""
WITHIN_BOUNDS = "WithinBounds"
"""As many replicas as needed are ordered."""
AT_MAXIMUM = "AtMaximum"
"""More replicas are needed than spec.scaling.maxReplicas allows."""
NOT_SCALED = "NotScaled"
"""Replicas are fixed, or somebody else's."""
WITHIN_REACH = "WithinReach"
"""A request that is alone takes less time than the objective allows."""
TOO_SLOW = "TooSlow"
"""Even a request that is alone takes longer than the objective allows."""
NOT_MEASURED = "NotMeasured"
"""The model has not been measured on this hardware."""
AS_STORED = "AsStored"
"""The model runs in the precision in which it is stored."""
CONVERSION_NOT_SUPPORTED = "ConversionNotSupported"
"""There are no copies in that precision of such a model, or the pool's hardware gains nothing."""
VERIFIED = "Verified"
"""A copy runs that agrees with FP32 on real samples."""
SMOKE_TEST_ONLY = "SmokeTestOnly"
"""A copy runs that was compared with FP32 on made-up inputs, or on a few rows."""
COPY_ROLLING_OUT = "CopyRollingOut"
"""A copy is planned, or was, and pods of another plan may serve."""
COPY_REJECTED = "CopyRejected"
"""The copy in the precision that was asked for agrees too little, or cannot be made."""
COPY_NOT_KNOWN = "CopyNotKnown"
"""A Job converts the model and verifies the copy."""
NO_CONFLICT = "NoConflict"
"""Nobody else scales the Deployments."""
SCALED_BY_OTHERS = "ScaledByOthers"
"""An HPA scales a Deployment, so the operator does not."""
NO_KNOWN_HOLES = "NoKnownHoles"
"""Nothing is published against the Triton release in use."""
AS_PLANNED = "AsPlanned"
"""Every ready replica says that the model runs on the device that was planned."""
RUNS_ON_ANOTHER_DEVICE = "RunsOnAnotherDevice"
"""A replica runs the model on another device than planned."""
DEVICE_NOT_KNOWN = "DeviceNotKnown"
"""No replica has told on which device the model runs."""
MEASURED = "Measured"
"""A profile says how fast the model is on every pool in use."""
MEASURING = "Measuring"
"""A Job measures the model."""
CURVE_DRIFTED = "CurveDrifted"
"""Batches in production take another time than the profile says."""
WAITING_TO_MEASURE = "WaitingToMeasure"
"""A measurement begins once the service serves."""
MEASURED_ELSEWHERE = "MeasuredElsewhere"
"""Another service has the same model measured on the same pool."""
NOT_MEASURABLE = "NotMeasurable"
"""Models of this kind are not measured."""
MEASUREMENT_FAILED = "MeasurementFailed"
"""The Job ended without saying why."""
CONVERTING = "Converting"
"""A Job converts the model, and compares the copy with FP32."""
WAITING_TO_CONVERT = "WaitingToConvert"
"""A conversion begins once the service serves, and no other Job of it runs."""
CONVERTED_ELSEWHERE = "ConvertedElsewhere"
"""Another service has the same model converted."""
CONVERSION_FAILED = "ConversionFailed"
"""The Job ended without saying why."""
HUB_ANSWERS = "HubAnswers"
"""The fleet's hub answers the agent."""
HUB_SILENT = "HubSilent"
"""The fleet's hub has not answered for spec.offline.afterSeconds; the message has what follows."""
HUB_ANSWERS_AGAIN = "HubAnswersAgain"
"""The fleet's hub answers again, but not for two minutes yet: what followed stays so long."""
KNOWN_HOLES = "KnownHoles"
"""The Triton release in use has holes that are published and fixed in a later one."""
ROUTED_AS_ASKED = "RoutedAsAsked"
"""What leads requests here, or tells clients where else to ask, is as it is asked for."""
ROUTES_NOT_INSTALLED = "RoutesNotInstalled"
"""The cluster does not know a kind of route that spec.ingress asks for."""
SERVED_HERE = "ServedHere"
"""Requests that should go to another cluster of the fleet stay; the message says why."""
ROUTING_UNREADABLE = "RoutingUnreadable"
"""Somebody else than an agent has written into the annotation with a fleet's routing."""

OF_WAITING_PODS = frozenset(
    {
        UNSCHEDULABLE,
        CLAIM_NOT_FOUND,
        CLAIM_NOT_BOUND,
        SECRET_NOT_FOUND,
        VOLUME_NOT_MOUNTED,
        POD_NOT_STARTED,
        POD_LOST,
        IMAGE_PULL_FAILED,
        QUOTA_EXCEEDED,
        POLICY_REFUSED,
        PODS_REFUSED,
        PROBE_FAILING,
    }
)
"""Reasons that hold only as long as they are observed: nothing has come to an end."""
