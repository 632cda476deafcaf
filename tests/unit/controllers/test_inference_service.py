"""The reconcile of an InferenceService: each row is a world that differs by one thing.

All conditions are compared, so a row names only those that are not as in the steady state.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.unit.controllers.cluster import Body, Cluster
from tests.unit.controllers.world import (
    CPU,
    DEPLOYMENT,
    L4,
    NOW,
    absorb,
    ago,
    edit,
    failed,
    first_sight,
    found,
    inspected,
    inspecting,
    inspection_failed,
    moving,
    observed,
    pinned,
    planned,
    rolling,
    serving,
    step,
    written,
)
from tests.unit.planning.building import DIGEST
from triton_operator.api import reasons
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.observed import ApplyProblem
from triton_operator.manifests import names
from triton_operator.manifests.companions import NO_COMPANIONS, Companions, Policies
from triton_operator.planning.pools import Pool

SERVING = {
    "Ready": "True Serving",
    "ModelReady": "True Inspected",
    "Planned": "True PlanMade",
    "Available": "True ReplicasReady",
    "Progressing": "False RolledOut",
    "SpecHonored": "True AllFieldsHonored",
    "PrecisionVerified": "True AsStored",
    "ObjectiveFeasible": "Unknown NotMeasured",
    "MetricsAvailable": "Unknown NotObserved",
    "ScalingLimited": "Unknown NotObserved",
    "AutoscalerConflict": "False NoConflict",
    "ReleaseSecure": "True NoKnownHoles",
    "DeviceAsPlanned": "Unknown DeviceNotKnown",
}
NOTHING_YET = {
    "Ready": "Unknown Inspecting",
    "ModelReady": "Unknown Inspecting",
    "Planned": "Unknown WaitingForModel",
    "Available": "Unknown WaitingForPlan",
    "Progressing": "Unknown WaitingForPlan",
}
AS_BEFORE = {"PrecisionVerified": "True AsStored"}
"""The spec is the same, and what serves too."""
STARTING = {
    "Ready": "False ReplicasNotReady",
    "Available": "False ReplicasNotReady",
    "Progressing": "True RollingOut",
}
ROLLING = {"Ready": "Unknown RollingOut", "Progressing": "True RollingOut"}
CHILDREN = (
    "ConfigMap/filetype-cpu-#",
    "Deployment/filetype-cpu",
    "PodDisruptionBudget/filetype-cpu",
    "Service/filetype",
)
GUARDED = Companions(policies=Policies())
BUDGET = ("PodDisruptionBudget/filetype-cpu",)
FIXED = {"ScalingLimited": "False NotScaled"}
NONE = {"Ready": "True ScaledToZero", "Available": "True ScaledToZero", **FIXED}


def unchanged(_: Cluster) -> None:
    """Nothing happened."""


def without_model(reason: str) -> dict[str, str]:
    """The conditions of a service whose model cannot be had, and that never served."""
    return {**NOTHING_YET, "Ready": f"False {reason}", "ModelReady": f"False {reason}"}


def serving_without(model: str) -> dict[str, str]:
    """Those of one that serves an earlier spec meanwhile."""
    return {
        "Ready": model,
        "ModelReady": model,
        "Planned": "Unknown WaitingForModel",
        "Progressing": "Unknown WaitingForPlan",
    }


def pod(name: str = "filetype-cpu-1", **parts: Any) -> Callable[[Cluster], object]:
    """Something is to be seen of a pod that serves."""
    return lambda cluster: cluster.put_pod(name, **parts)


def profile_edited(**facts: Any) -> Callable[[Cluster], object]:
    """Somebody has changed the facts of the only ModelProfile."""

    def change(cluster: Cluster) -> None:
        profile = cluster.one("ModelProfile")
        wrong = {**profile["spec"]["facts"], **facts}
        cluster.edit("ModelProfile", "shop", profile["metadata"]["name"], facts=wrong)

    return change


@dataclass(frozen=True)
class Row:
    name: str
    why: str
    start: Callable[[], Cluster]
    change: Callable[[Cluster], object] = unchanged
    pools: Sequence[Pool] = (CPU,)
    problem: ApplyProblem | None = None
    companions: Companions = NO_COMPANIONS
    writes: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    replicas: Mapping[str, int] = field(default_factory=lambda: {DEPLOYMENT: 1})
    conditions: Mapping[str, str] = field(default_factory=dict)
    says: Mapping[str, str] = field(default_factory=dict)
    events: tuple[str, ...] = ()
    requeue: float | None = None


MODEL = [
    Row(
        "first sight",
        "nothing is known: a Job finds it out",
        first_sight,
        writes=("Job/filetype-inspect-#",),
        replicas={},
        conditions=NOTHING_YET,
    ),
    Row(
        "first sight, digest known",
        "a profile of the pinned digest spares the Job",
        pinned,
        writes=CHILDREN,
        conditions=STARTING,
    ),
    Row(
        "job running",
        "it is wanted as it is, so nothing is written",
        inspecting,
        replicas={},
        conditions=NOTHING_YET,
        says={"ModelReady": "a Job fetches and inspects the model"},
    ),
    Row(
        "job's pod cannot start",
        "what its pod waits for is what a person can mend",
        inspecting,
        lambda cluster: cluster.put_pod(
            "inspect-x",
            job=cluster.one("Job")["metadata"]["name"],
            unschedulable='persistentvolumeclaim "models" not found',
        ),
        replicas={},
        conditions=without_model("ClaimNotFound"),
        says={"Ready": 'pod inspect-x: PersistentVolumeClaim "models" not found; create it'},
        events=("Warning ClaimNotFound",),
    ),
    Row(
        "job done",
        "the facts go into a profile, and the children follow; another look ends the Job",
        inspected,
        writes=("ModelProfile/sha256-*", *CHILDREN),
        conditions=STARTING,
        requeue=0,
    ),
    Row(
        "profile appears",
        "facts are in the profile and the digest in the status: the Job has done its work",
        planned,
        deletes=("Job/filetype-inspect-#",),
        conditions=STARTING,
    ),
    Row(
        "profile taken away",
        "what is known only from the status is found out anew, while the old plan serves",
        serving,
        lambda cluster: cluster.remove("ModelProfile", "shop", f"sha256-{DIGEST[7:]}"),
        writes=("Job/filetype-inspect-#",),
        replicas={},
        conditions=serving_without("Unknown Inspecting") | AS_BEFORE,
    ),
    Row(
        "job's end seen before its pod's",
        "both come by watches of their own: wait for the other a little",
        inspecting,
        lambda cluster: cluster.end_job("", at=ago(5)),
        replicas={},
        conditions=NOTHING_YET,
        requeue=10,
    ),
    Row(
        "report lost",
        "the pod is gone: after the grace the Job counts as failed",
        inspecting,
        lambda cluster: cluster.end_job("", at=ago(20)),
        replicas={},
        conditions=without_model("InspectionFailed"),
        says={"ModelReady": "without a report (tried again every 60 s"},
        events=("Warning InspectionFailed",),
        requeue=40,
    ),
    Row(
        "report unreadable",
        "what was there instead is in the message",
        inspecting,
        lambda cluster: cluster.end_job("Segmentation fault", at=ago(20), failed=True),
        replicas={},
        conditions=without_model("InspectionFailed"),
        says={"ModelReady": "not a report: Segmentation fault"},
        events=("Warning InspectionFailed",),
        requeue=40,
    ),
    Row(
        "no model",
        "a failure that the same file repeats: tried again rarely",
        inspection_failed,
        replicas={},
        conditions=without_model("NotAModel"),
        says={"Ready": "model.onnx: not an ONNX model (tried again every 300 s"},
        events=("Warning NotAModel",),
        requeue=290,
    ),
    Row(
        "store down",
        "a failure that may pass: tried again sooner",
        inspecting,
        lambda cluster: cluster.end_job(
            failed("SourceUnavailable", "no answer", retryable=True), at=ago(10), failed=True
        ),
        replicas={},
        conditions=without_model("SourceUnavailable"),
        says={"ModelReady": "no answer (tried again every 60 s"},
        events=("Warning SourceUnavailable",),
        requeue=50,
    ),
    Row(
        "due again",
        "the old Job goes; its deletion is what starts the next",
        inspecting,
        lambda cluster: cluster.end_job(
            failed("NotAModel", "no", retryable=False), at=ago(300), failed=True
        ),
        deletes=("Job/filetype-inspect-#",),
        replicas={},
        conditions=without_model("NotAModel"),
        events=("Warning NotAModel",),
    ),
    Row(
        "tried again",
        "while a new Job runs, the reason of the last failure stays: nothing better is known",
        inspection_failed,
        lambda cluster: (
            step(cluster, now=NOW),
            cluster.remove("Job", "shop", cluster.one("Job")["metadata"]["name"]),
        ),
        writes=("Job/filetype-inspect-#",),
        replicas={},
        conditions=without_model("NotAModel"),
        says={"ModelReady": "not an ONNX model"},
    ),
    Row(
        "tried again, for a new spec",
        "a change of the spec may have mended it: the old reason is not the new one's",
        inspection_failed,
        lambda cluster: (
            step(cluster, now=NOW),
            edit(model={"uri": "pvc://models/other.onnx"})(cluster),
        ),
        writes=("Job/filetype-inspect-#",),
        deletes=("Job/filetype-inspect-#",),
        replicas={},
        conditions=NOTHING_YET,
    ),
    Row(
        "job going away",
        "its answer may be about another file by now: wait for the next one",
        inspected,
        lambda cluster: cluster.put(with_deletion(cluster.one("Job"))),
        replicas={},
        conditions=NOTHING_YET,
    ),
    Row(
        "forged report",
        "the reporter read an untrusted file: a pin is believed, its digest is not",
        lambda: pinned_and_inspecting(),
        lambda cluster: cluster.end_job(found("sha256:" + "ef" * 32), at=ago(10)),
        replicas={},
        conditions=without_model("InspectionFailed"),
        says={"ModelReady": "another digest than spec.model.digest"},
        events=("Warning InspectionFailed",),
        requeue=290,
    ),
    Row(
        "source not supported",
        "no Job could fetch it",
        lambda: first_sight(model={"uri": "ftp://models/magika"}),
        replicas={},
        conditions=without_model("SourceNotSupported"),
        says={"ModelReady": "spec.model.uri: ftp:// is not supported"},
        events=("Warning SourceNotSupported",),
    ),
    Row(
        "source not supported any more",
        "a bad change never takes down what serves",
        serving,
        edit(model={"uri": "ftp://models/magika"}),
        replicas={},
        conditions=serving_without("False SourceNotSupported"),
        events=("Warning SourceNotSupported",),
    ),
    Row(
        "model changed",
        "the old one serves until the new one is known",
        serving,
        edit(model={"uri": "pvc://models/magika/2.onnx"}),
        writes=("Job/filetype-inspect-#",),
        replicas={},
        conditions=serving_without("Unknown Inspecting"),
    ),
    Row(
        "changed model found",
        "same tensors, same config: only the pods are replaced",
        lambda: serving_and_inspecting(),
        lambda cluster: cluster.end_job(found("sha256:" + "ef" * 32), at=ago(1)),
        writes=("ModelProfile/sha256-*", "Deployment/filetype-cpu"),
        conditions=ROLLING,
        requeue=0,
    ),
]

STEADY = [
    Row("steady", "nothing to do", serving),
    Row(
        "status lost",
        "everything is found out from the cluster again",
        serving,
        lambda cluster: cluster.put({**cluster.one("InferenceService"), "status": {}}),
        writes=("Job/filetype-inspect-#",),
        replicas={},
        conditions=serving_without("Unknown Inspecting"),
    ),
    Row(
        "child changed by somebody",
        "drift is written over",
        serving,
        lambda cluster: cluster.put(without_hash(cluster.one("Deployment"))),
        writes=("Deployment/filetype-cpu",),
        conditions=ROLLING,
    ),
    Row(
        "child deleted by somebody",
        "it is written again",
        serving,
        lambda cluster: cluster.remove("Service", "shop", "filetype"),
        writes=("Service/filetype",),
    ),
    Row(
        "deployment deleted by somebody",
        "nothing serves until it is back: that is news",
        serving,
        lambda cluster: (
            cluster.remove("Deployment", "shop", DEPLOYMENT),
            cluster.remove("Pod", "shop", "filetype-cpu-1"),
        ),
        writes=("Deployment/filetype-cpu",),
        conditions=STARTING,
        events=("Warning ReplicasNotReady",),
    ),
    Row(
        "paused",
        "nothing is changed, and it says so",
        serving,
        edit(paused=True),
        replicas={},
        conditions={"Progressing": "False Paused"},
    ),
    Row(
        "paused with another change",
        "pause means that too; Ready does not claim what is not so",
        serving,
        edit(paused=True, batching={"maxBatchSize": 2}),
        replicas={},
        conditions={"Ready": "Unknown Paused", "Progressing": "False Paused"},
        says={"Ready": "the pods do not follow the spec as it is now"},
    ),
    Row(
        "paused from the start",
        "not even the model is looked at",
        lambda: first_sight(paused=True),
        replicas={},
        conditions={
            **NOTHING_YET,
            "Ready": "Unknown Paused",
            "ModelReady": "Unknown Paused",
            "Progressing": "False Paused",
        },
        says={"ModelReady": "no Job is started"},
    ),
    Row(
        "paused while a job runs",
        "what has begun goes on",
        inspecting,
        edit(paused=True),
        replicas={},
        conditions={**NOTHING_YET, "Progressing": "False Paused"},
    ),
    Row(
        "invalid spec",
        "an object older than a rule: the field is named, and what serves goes on",
        serving,
        edit(scaling={"minReplicas": -1}),
        replicas={},
        conditions={"Ready": "False InvalidSpec", "Planned": "False InvalidSpec"},
        says={"Ready": "spec.scaling.minReplicas: "},
        events=("Warning InvalidSpec",),
    ),
    Row(
        "invalid profile, pinned",
        "input that is wrong is named; no Job, as its report could not be kept",
        pinned,
        profile_edited(opset=0),
        replicas={},
        conditions=without_model("InvalidProfile"),
        says={"ModelReady": f"ModelProfile {names.model_profile(DIGEST)}: spec.facts.opset: "},
        events=("Warning InvalidProfile",),
    ),
    Row(
        "invalid profile, serving",
        "what serves goes on, and the digest that was found stays known",
        serving,
        profile_edited(opset=0),
        replicas={},
        conditions=serving_without("False InvalidProfile") | AS_BEFORE,
        says={"ModelReady": "or delete the profile and the model is inspected again"},
        events=("Warning InvalidProfile",),
    ),
    Row(
        "plan refused",
        "no plan for the new spec: the children of the old one stay as they are",
        serving,
        edit(hardware={"pools": ["h100"]}),
        replicas={},
        conditions={
            "Ready": "False PoolNotFound",
            "Planned": "False PoolNotFound",
            "Progressing": "Unknown WaitingForPlan",
        },
        says={"Ready": "this cluster has cpu"},
        events=("Warning PoolNotFound",),
    ),
    Row(
        "fields without effect",
        "they are named",
        serving,
        edit(precision={"minAgreement": "0.9"}),
        conditions={"SpecHonored": "False FieldsWithoutEffect"},
        says={"SpecHonored": "spec.precision.minAgreement"},
    ),
    Row(
        "objective",
        "replicas follow it, and Triton counts latencies in buckets around it",
        serving,
        edit(objective={"latency": {"milliseconds": 100}, "minAttainmentPercent": 95}),
        writes=("ConfigMap/filetype-cpu-#", "Deployment/filetype-cpu"),
        conditions=ROLLING,
    ),
    Row(
        "attainment",
        "replicas follow it alone; no pod changes",
        serving,
        edit(objective={"minAttainmentPercent": 95}),
    ),
    Row(
        "precision that needs a copy",
        "served as it is stored while a Job makes one",
        serving,
        edit(precision={"mode": "INT8"}),
        conditions={"PrecisionVerified": "Unknown Converting"},
        writes=["Job/filetype-cpu-convert-#"],
    ),
    Row(
        "precision that is never made",
        "served as it is stored, and two conditions say so",
        serving,
        edit(precision={"mode": "BF16"}),
        conditions={
            "SpecHonored": "False FieldsWithoutEffect",
            "PrecisionVerified": "False ConversionNotSupported",
        },
    ),
]

ROLLOUTS = [
    Row(
        "batch changed",
        "the old ConfigMap stays: old pods that restart need it. Ready is not claimed early",
        serving,
        edit(batching={"maxBatchSize": 2}),
        writes=("ConfigMap/filetype-cpu-#", "Deployment/filetype-cpu"),
        conditions=ROLLING,
        says={"Ready": "the previous plan serves meanwhile"},
    ),
    Row("rollout under way", "nothing is taken away yet", rolling, conditions=ROLLING),
    Row(
        "rollout half done",
        "a pod of the old template is left",
        rolling,
        lambda cluster: cluster.observe(
            "Deployment",
            "shop",
            DEPLOYMENT,
            observedGeneration=2,
            replicas=2,
            updatedReplicas=1,
            readyReplicas=2,
            availableReplicas=2,
        ),
        conditions=ROLLING,
    ),
    Row(
        "rollout done",
        "now the old ConfigMap goes",
        rolling,
        lambda cluster: cluster.roll_out(DEPLOYMENT),
        deletes=("ConfigMap/filetype-cpu-#",),
        events=("Normal Serving",),
    ),
    Row(
        "rollout stuck",
        "Kubernetes' deadline has passed; the old pods go on serving",
        rolling,
        lambda cluster: cluster.observe(
            "Deployment",
            "shop",
            DEPLOYMENT,
            observedGeneration=2,
            replicas=2,
            updatedReplicas=1,
            readyReplicas=1,
            availableReplicas=1,
            conditions=[{"type": "Progressing", "status": "False", "message": "it has timed out"}],
        ),
        conditions={"Ready": "False RolloutStuck", "Progressing": "False RolloutStuck"},
        says={"Ready": "the previous plan serves meanwhile; it has timed out"},
        events=("Warning RolloutStuck",),
    ),
    Row(
        "pool changed",
        "the old Deployment serves until the new one does",
        serving,
        edit(hardware={"pools": ["l4"]}),
        pools=(CPU, L4),
        writes=(
            "ConfigMap/filetype-l4-#",
            "Deployment/filetype-l4",
            "PodDisruptionBudget/filetype-l4",
        ),
        replicas={"filetype-l4": 1},
        conditions={**ROLLING, "Available": "True ReplicasStarting"},
        says={"Available": "the previous plan serves meanwhile"},
    ),
    Row(
        "pool changed, not ready",
        "not before the new one is rolled out",
        moving,
        pools=(CPU, L4),
        replicas={"filetype-l4": 1},
        conditions={**ROLLING, "Available": "True ReplicasStarting"},
    ),
    Row(
        "pool changed, rolled out",
        "everything of the old pool goes",
        moving,
        lambda cluster: cluster.roll_out("filetype-l4"),
        pools=(CPU, L4),
        deletes=(
            "ConfigMap/filetype-cpu-#",
            "Deployment/filetype-cpu",
            "PodDisruptionBudget/filetype-cpu",
        ),
        replicas={"filetype-l4": 1},
        events=("Normal Serving",),
    ),
    Row(
        "pool changed, no node takes it",
        "the old one serves, but what was asked for is not in force",
        moving,
        pod("filetype-l4-1", unschedulable="0/2 nodes are available"),
        pools=(CPU, L4),
        replicas={"filetype-l4": 1},
        conditions={
            **ROLLING,
            "Ready": "False Unschedulable",
            "Available": "True ReplicasStarting",
        },
        says={
            "Ready": "what was ready before serves meanwhile; pod filetype-l4-1: 0/2 nodes are",
            "Progressing": "pod filetype-l4-1: 0/2 nodes are available",
        },
        events=("Warning Unschedulable",),
    ),
    Row(
        "orphan going away",
        "it is not deleted twice",
        moving,
        lambda cluster: (
            cluster.roll_out("filetype-l4"),
            cluster.put(with_deletion(cluster.one("Deployment", "filetype-cpu"))),
        ),
        pools=(CPU, L4),
        deletes=("ConfigMap/filetype-cpu-#", "PodDisruptionBudget/filetype-cpu"),
        replicas={"filetype-l4": 1},
        events=("Normal Serving",),
    ),
]

REPLICAS = [
    Row(
        "three replicas",
        "one serves and two start: not what this generation asks for",
        serving,
        edit(scaling={"minReplicas": 3}),
        replicas={DEPLOYMENT: 3},
        conditions={**ROLLING, "Available": "True ReplicasStarting"},
        says={
            "Available": "1 of 3 replicas are ready",
            "Ready": "1 of 3 replicas serve; the others are starting",
        },
    ),
    Row(
        "three replicas ready",
        "now it is",
        lambda: scaled(3),
        lambda cluster: cluster.roll_out(DEPLOYMENT),
        replicas={DEPLOYMENT: 3},
        says={"Available": "3 of 3 replicas are ready"},
        events=("Normal Serving",),
    ),
    Row(
        "minReplicas lowered",
        "how many are needed is for the autoscaler to say: nothing shrinks before it has",
        lambda: with_budget(3),
        edit(scaling={"minReplicas": 1}),
        replicas={DEPLOYMENT: 3},
        says={"Available": "3 of 3 replicas are ready"},
    ),
    Row(
        "maxReplicas lowered",
        "a bound holds at once; those that leave take nothing from what was promised",
        lambda: with_budget(3),
        edit(scaling={"minReplicas": 1, "maxReplicas": 2}),
        replicas={DEPLOYMENT: 2},
        conditions={"Progressing": "True RollingOut"},
        says={"Ready": "3 of 2 replicas are ready"},
    ),
    Row(
        "fixed at one, still three",
        "the budget stays while replicas leave",
        lambda: with_budget(3),
        edit(scaling={"mode": "Fixed", "minReplicas": 1}),
        conditions={"Progressing": "True RollingOut", **FIXED},
        says={"Ready": "3 of 1 replicas are ready; replicas that are no longer wanted are ending"},
    ),
    Row(
        "fixed at one",
        "a budget of a single replica says nothing",
        lambda: with_budget(3),
        lambda cluster: (
            edit(scaling={"mode": "Fixed", "minReplicas": 1})(cluster),
            cluster.edit("Deployment", "shop", DEPLOYMENT, replicas=1),
            cluster.roll_out(DEPLOYMENT),
        ),
        deletes=BUDGET,
        conditions=FIXED,
    ),
    Row(
        "none",
        "that nothing runs is what was asked for, and nothing could wake it",
        lambda: scaled(0),
        lambda cluster: cluster.roll_out(DEPLOYMENT),
        replicas={DEPLOYMENT: 0},
        conditions=NONE,
        says={"Ready": "no replica is wanted", "ScalingLimited": "fixed by spec.scaling"},
    ),
    Row(
        "none, still one",
        "it is told at once that nothing will answer",
        serving,
        edit(scaling={"minReplicas": 0}),
        replicas={DEPLOYMENT: 0},
        conditions={**NONE, "Progressing": "True RollingOut"},
        says={"Ready": "no replica is wanted; replicas that are no longer wanted are ending"},
        events=("Normal ScaledToZero",),
    ),
    Row(
        "changed by hand",
        "a number within the bounds stays until the autoscaler has another",
        serving,
        lambda cluster: (
            cluster.edit("Deployment", "shop", DEPLOYMENT, replicas=5),
            cluster.roll_out(DEPLOYMENT, ready=1),
        ),
        replicas={DEPLOYMENT: 5},
        conditions={"Available": "True ReplicasStarting", "Progressing": "True RollingOut"},
        says={"Ready": "1 of 5 replicas are ready"},
    ),
    Row(
        "changed by hand, fewer than promised",
        "minReplicas are what Ready is about",
        lambda: with_budget(3),
        lambda cluster: (
            cluster.edit("Deployment", "shop", DEPLOYMENT, replicas=2),
            cluster.roll_out(DEPLOYMENT),
        ),
        replicas={DEPLOYMENT: 3},
        conditions={**ROLLING, "Available": "True ReplicasStarting"},
        says={"Ready": "2 of 3 replicas serve"},
    ),
    Row(
        "fixed, changed by hand",
        "a fixed number has one owner",
        lambda: fixed(),
        lambda cluster: cluster.edit("Deployment", "shop", DEPLOYMENT, replicas=5),
        conditions={**ROLLING, **FIXED},
    ),
    Row(
        "autoscaler present",
        "two writers would fight: the operator steps back and says so",
        serving,
        lambda cluster: cluster.put_autoscaler("theirs", DEPLOYMENT),
        replicas={},
        conditions={"AutoscalerConflict": "True ScaledByOthers"},
        says={"AutoscalerConflict": "HorizontalPodAutoscaler theirs scales Deployment"},
        events=("Warning ScaledByOthers",),
    ),
    Row(
        "external",
        "replicas are somebody else's",
        serving,
        edit(scaling={"mode": "External"}),
        replicas={},
        conditions=FIXED,
        says={"ScalingLimited": "somebody else's (External)"},
    ),
    Row(
        "external, fixed at one before",
        "their number may be any, so it has a budget",
        lambda: fixed(),
        edit(scaling={"mode": "External"}),
        writes=BUDGET,
        replicas={},
        conditions=FIXED,
    ),
    Row(
        "external, autoscaler present",
        "as agreed: no conflict",
        serving,
        lambda cluster: (
            edit(scaling={"mode": "External"})(cluster),
            cluster.put_autoscaler("theirs", DEPLOYMENT),
        ),
        replicas={},
        conditions=FIXED,
    ),
    Row(
        "external, many",
        "their number is the one that counts",
        lambda: external(5),
        replicas={},
        conditions=FIXED,
        says={"Available": "5 of 5 replicas are ready"},
    ),
]


POLICY = ("NetworkPolicy/filetype",)
COMPANIONS = [
    Row(
        "policies wanted",
        "the operator was told to make them",
        serving,
        companions=GUARDED,
        writes=POLICY,
    ),
    Row(
        "policies not wanted any more, in the middle of a rollout",
        "whoever is locked out does not wait for pods that may never start",
        lambda: guarded(),
        edit(batching={"maxBatchSize": 2}),
        writes=("ConfigMap/filetype-cpu-#", "Deployment/filetype-cpu"),
        deletes=POLICY,
        conditions=ROLLING,
    ),
    Row(
        "without a plan",
        "what is there stays, the policy too",
        lambda: guarded(),
        edit(model={"uri": "pvc://models/other.onnx"}),
        writes=("Job/filetype-inspect-#",),
        replicas={},
        conditions=serving_without("Unknown Inspecting"),
    ),
    Row(
        "callers, and policies",
        "they have their effect",
        lambda: guarded(),
        edit(access={"callers": [{"namespaceSelector": {}}]}),
        companions=GUARDED,
        writes=POLICY,
    ),
    Row(
        "callers, and no policies",
        "nobody is kept out, and the service says so",
        serving,
        edit(access={"callers": [{"namespaceSelector": {}}]}),
        conditions={"SpecHonored": "False FieldsWithoutEffect"},
        says={"SpecHonored": "spec.access.callers: every pod may call"},
    ),
]


def not_ready(*changes: Callable[[Cluster], object]) -> Callable[[Cluster], None]:
    """The only pod is not ready, and something is to be seen of it."""

    def change(cluster: Cluster) -> None:
        cluster.roll_out(DEPLOYMENT, ready=0)
        for one in changes:
            one(cluster)

    return change


def waiting(container: str, reason: str, message: str) -> Body:
    return {"name": container, "state": {"waiting": {"reason": reason, "message": message}}}


def crashed(container: str, exit_code: int, message: str = "", reason: str = "Error") -> Body:
    last = {"exitCode": exit_code, "reason": reason, "message": message}
    return {
        **waiting(container, "CrashLoopBackOff", "back-off 5m0s"),
        "lastState": {"terminated": last},
    }


def ended(container: str, exit_code: int, message: str) -> Body:
    return {
        "name": container,
        "state": {"terminated": {"exitCode": exit_code, "message": message}},
    }


def unavailable(reason: str) -> dict[str, str]:
    return {
        "Ready": f"False {reason}",
        "Available": f"False {reason}",
        "Progressing": "True RollingOut",
    }


PROBLEMS = [
    Row(
        "replicas lost",
        "no pod says why yet; that they were there makes it news",
        serving,
        not_ready(),
        conditions=unavailable("ReplicasNotReady"),
        says={"Available": "0 of 1 replicas are ready"},
        events=("Warning ReplicasNotReady",),
    ),
    Row(
        "unschedulable",
        "the scheduler's own words",
        serving,
        not_ready(pod(unschedulable="0/2 nodes are available: 2 Insufficient cpu.")),
        conditions=unavailable("Unschedulable"),
        says={"Ready": "pod filetype-cpu-1: 0/2 nodes are available"},
        events=("Warning Unschedulable",),
    ),
    Row(
        "image pull",
        "the kubelet's own words",
        serving,
        not_ready(pod(containers=[waiting("triton", "ImagePullBackOff", "not found")])),
        conditions=unavailable("ImagePullFailed"),
        says={"Ready": "container triton: ImagePullBackOff: not found"},
        events=("Warning ImagePullFailed",),
    ),
    Row(
        "secret missing",
        "a container that cannot be created",
        serving,
        not_ready(pod(containers=[waiting("triton", "CreateContainerConfigError", 'secret "x"')])),
        conditions=unavailable("ContainerFailed"),
        says={"Ready": 'CreateContainerConfigError: secret "x"'},
        events=("Warning ContainerFailed",),
    ),
    Row(
        "crash loop",
        "Triton's last words",
        serving,
        not_ready(pod(containers=[crashed("triton", 1, "failed to load 'filetype'")])),
        conditions=unavailable("ModelLoadFailed"),
        says={"Ready": "Triton refuses the model: failed to load 'filetype'"},
        events=("Warning ModelLoadFailed",),
    ),
    Row(
        "out of memory",
        "with the field that helps",
        serving,
        not_ready(pod(containers=[crashed("triton", 137, reason="OOMKilled")])),
        conditions=unavailable("OutOfMemory"),
        says={"Ready": "set spec.hardware.resources.memory"},
        events=("Warning OutOfMemory",),
    ),
    Row(
        "digest mismatch",
        "the fetch tells its own reason",
        serving,
        not_ready(
            pod(
                init_containers=[
                    crashed(
                        "fetch",
                        2,
                        failed("DigestMismatch", "sha256:1 is not sha256:2", retryable=False),
                    )
                ]
            )
        ),
        conditions=unavailable("DigestMismatch"),
        says={"Ready": "container fetch: sha256:1 is not sha256:2"},
        events=("Warning DigestMismatch",),
    ),
    Row(
        "new pod unschedulable during a rollout",
        "the old one serves, but what was asked for is not in force",
        rolling,
        pod(unschedulable="0/2 nodes are available"),
        conditions={**ROLLING, "Ready": "False Unschedulable"},
        says={"Progressing": "0/2 nodes are available", "Ready": "serves meanwhile; pod"},
        events=("Warning Unschedulable",),
    ),
    Row(
        "pods refused",
        "a Deployment that may not create pods has none that could say so",
        serving,
        not_ready(
            lambda cluster: cluster.observe(
                "Deployment",
                "shop",
                DEPLOYMENT,
                conditions=[
                    {
                        "type": "ReplicaFailure",
                        "status": "True",
                        "message": 'pods "x" is forbidden: exceeded quota: team',
                    }
                ],
            )
        ),
        conditions=unavailable("QuotaExceeded"),
        says={"Ready": 'Deployment filetype-cpu: pods "x" is forbidden: exceeded quota: team'},
        events=("Warning QuotaExceeded",),
    ),
    Row(
        "an inspection's pods refused",
        "only an Event about the Job says so",
        inspecting,
        lambda cluster: cluster.tell(
            cluster.one("Job"),
            "FailedCreate",
            "Error creating: pods \"x\" is forbidden: ValidatingAdmissionPolicy 'p' denied it",
            at=ago(5),
        ),
        replicas={},
        conditions=without_model("PolicyRefused"),
        says={"Ready": "ValidatingAdmissionPolicy 'p' denied it"},
        events=("Warning PolicyRefused",),
    ),
    Row(
        "first attempt of an inspection failed",
        "the Job goes on, and what went wrong is known already",
        inspecting,
        lambda cluster: cluster.put_pod(
            "inspect-x",
            job=cluster.one("Job")["metadata"]["name"],
            phase="Failed",
            containers=[
                ended("inspect", 1, failed("SourceUnavailable", "no answer", retryable=True))
            ],
        ),
        replicas={},
        conditions=without_model("SourceUnavailable"),
        says={"Ready": "attempt 1 of 3: pod inspect-x, container inspect: no answer; it is tried"},
        events=("Warning SourceUnavailable",),
    ),
    Row(
        "an inspection that is not tried again is about to end",
        "one status tells what came of it, when the Job has ended",
        inspecting,
        lambda cluster: cluster.put_pod(
            "inspect-x",
            job=cluster.one("Job")["metadata"]["name"],
            phase="Failed",
            containers=[ended("inspect", 2, failed("NotAModel", "no", retryable=False))],
        ),
        replicas={},
        conditions=NOTHING_YET,
    ),
    Row(
        "what an inspection waited for has come",
        "a pod's reason holds only while it is observed",
        inspecting,
        lambda cluster: (
            cluster.put_pod(
                "inspect-x",
                job=cluster.one("Job")["metadata"]["name"],
                unschedulable="0/1 nodes are available",
            ),
            step(cluster, now=NOW),
            cluster.put_pod("inspect-x", job=cluster.one("Job")["metadata"]["name"]),
        ),
        replicas={},
        conditions=NOTHING_YET,
    ),
    Row(
        "crash loop behind replicas that are ready",
        "it answers now, and will not in a moment",
        serving,
        pod(
            containers=[
                {
                    "name": "triton",
                    "ready": True,
                    "restartCount": 4,
                    "state": {"running": {"startedAt": ago(20)}},
                    "lastState": {
                        "terminated": {"exitCode": 1, "message": "bad", "finishedAt": ago(60)}
                    },
                }
            ]
        ),
        conditions={"Ready": "False ContainerFailed"},
        says={"Ready": "crashes again and again; pod filetype-cpu-1, container triton ended"},
        events=("Warning ContainerFailed",),
        requeue=240,
    ),
    Row(
        "pod evicted",
        "the cluster took it",
        serving,
        not_ready(
            lambda cluster: cluster.observe(
                "Pod",
                "shop",
                "filetype-cpu-1",
                phase="Failed",
                reason="Evicted",
                message="low on memory",
            )
        ),
        conditions=unavailable("PodLost"),
        says={"Ready": "pod filetype-cpu-1: Evicted: low on memory"},
        events=("Warning PodLost",),
    ),
    Row(
        "node lost",
        "its containers are ready as far as the kubelet said last",
        serving,
        not_ready(
            lambda cluster: cluster.observe(
                "Pod",
                "shop",
                "filetype-cpu-1",
                conditions=[{"type": "Ready", "status": "False"}],
                containerStatuses=[
                    {"name": "triton", "ready": True, "state": {"running": {"startedAt": ago(9)}}}
                ],
            )
        ),
        conditions=unavailable("PodLost"),
        says={"Ready": "its node does not report any more"},
        events=("Warning PodLost",),
    ),
    Row(
        "somebody else's object",
        "a child could not be written",
        serving,
        problem=ApplyProblem(reasons.NOT_OWNED, "Service filetype exists"),
        conditions={"Ready": "False NotOwned", "Progressing": "False NotOwned"},
        says={"Ready": "Service filetype exists"},
        events=("Warning NotOwned",),
    ),
    Row(
        "somebody else's object, and nothing serves",
        "without a replica there is nothing available either; one cause is one event",
        pinned,
        writes=CHILDREN,
        problem=ApplyProblem(reasons.NOT_OWNED, "Service filetype exists"),
        conditions={
            "Ready": "False NotOwned",
            "Available": "False NotOwned",
            "Progressing": "False NotOwned",
        },
        says={"Ready": "Service filetype exists"},
        events=("Warning NotOwned",),
    ),
]


def with_deletion(body: Body) -> Body:
    metadata = {**body["metadata"], "deletionTimestamp": ago(1)}
    return {**body, "metadata": metadata}


def without_hash(body: Body) -> Body:
    return {**body, "metadata": {**body["metadata"], "annotations": {}}}


def pinned_and_inspecting() -> Cluster:
    cluster = first_sight(model={"uri": "pvc://models/magika/model.onnx", "digest": DIGEST})
    step(cluster)
    return cluster


def serving_and_inspecting() -> Cluster:
    cluster = serving()
    edit(model={"uri": "pvc://models/magika/2.onnx"})(cluster)
    step(cluster)
    return cluster


def scaled(replicas: int) -> Cluster:
    cluster = serving()
    edit(scaling={"minReplicas": replicas})(cluster)
    step(cluster)
    return cluster


def with_budget(replicas: int) -> Cluster:
    """So many replicas that serve, and their budget."""
    cluster = scaled(replicas)
    cluster.roll_out(DEPLOYMENT)
    step(cluster)
    assert cluster.one("PodDisruptionBudget")
    return cluster


def guarded() -> Cluster:
    """It serves behind a NetworkPolicy."""
    cluster = serving()
    absorb(cluster, reconcile(observed(cluster, companions=GUARDED)))
    assert cluster.one("NetworkPolicy")
    return cluster


def fixed() -> Cluster:
    """One replica serves, and there are never more."""
    cluster = serving()
    edit(scaling={"mode": "Fixed", "minReplicas": 1})(cluster)
    step(cluster)
    step(cluster)
    assert not list(cluster.of_kind("PodDisruptionBudget"))
    return cluster


def external(replicas: int) -> Cluster:
    cluster = serving()
    edit(scaling={"mode": "External"})(cluster)
    cluster.edit("Deployment", "shop", DEPLOYMENT, replicas=replicas)
    cluster.roll_out(DEPLOYMENT)
    step(cluster)
    return cluster


def spelled(kind: str, name: str) -> str:
    """A child's kind and name, without the hashes in it."""
    short = re.sub(r"^sha256-[0-9a-f]{64}$", "sha256-*", name)
    return f"{kind}/{re.sub(r'-[0-9a-f]{8}$', '-#', short)}"


@pytest.mark.parametrize(
    "row", [*MODEL, *STEADY, *ROLLOUTS, *REPLICAS, *COMPANIONS, *PROBLEMS], ids=lambda row: row.name
)
def test_reconcile(row: Row) -> None:
    cluster = row.start()
    row.change(cluster)

    outcome = reconcile(
        observed(cluster, pools=row.pools, problem=row.problem, companions=row.companions)
    )

    assert outcome.status is not None
    rows = {condition["type"]: condition for condition in outcome.status["conditions"]}
    spoken = {name: f"{one['status']} {one['reason']}" for name, one in rows.items()}
    expected = {**SERVING, **row.conditions}
    if not expected["Planned"].startswith(("True", "False InvalidSpec")):
        expected["ReleaseSecure"] = "Unknown WaitingForPlan"
        expected["PrecisionVerified"] = row.conditions.get(
            "PrecisionVerified", "Unknown WaitingForPlan"
        )
        expected["DeviceAsPlanned"] = "Unknown WaitingForPlan"
    assert spoken == expected, row.why
    assert [
        spelled(manifest["kind"], manifest["metadata"]["name"])
        for manifest in written(cluster, outcome)
    ] == list(row.writes), row.why
    assert sorted(spelled(child.kind, child.name) for child in outcome.delete) == sorted(
        row.deletes
    ), row.why
    assert outcome.replicas == row.replicas, row.why
    assert tuple(f"{draft.type} {draft.reason}" for draft in outcome.events) == row.events
    assert outcome.requeue_after_seconds == (
        pytest.approx(row.requeue) if row.requeue else row.requeue
    )
    for name, part in row.says.items():
        assert part in rows[name]["message"]


@pytest.mark.parametrize(
    "row", [*MODEL, *STEADY, *ROLLOUTS, *REPLICAS, *COMPANIONS, *PROBLEMS], ids=lambda row: row.name
)
def test_nothing_is_news_twice(row: Row) -> None:
    """The same world, once its status is written: the same status, and no event."""
    cluster = row.start()
    row.change(cluster)
    parts: dict[str, Any] = {
        "pools": row.pools,
        "problem": row.problem,
        "companions": row.companions,
    }
    first = reconcile(observed(cluster, **parts))
    assert first.status is not None
    cluster.put({**cluster.one("InferenceService"), "status": first.status})

    later = reconcile(observed(cluster, **parts, now=NOW + 0.5))

    assert later.status is not None
    assert later.events == ()
    assert later.status["conditions"] == first.status["conditions"]


def test_names_of_rows_are_unique() -> None:
    names = [row.name for row in (*MODEL, *STEADY, *ROLLOUTS, *REPLICAS, *COMPANIONS, *PROBLEMS)]

    assert len(names) == len(set(names))


def test_every_condition_names_the_generation_it_is_about() -> None:
    cluster = serving()
    edit(batching={"maxBatchSize": 2})(cluster)

    status = reconcile(observed(cluster)).status

    assert status is not None
    assert status["observedGeneration"] == 2
    assert {one["observedGeneration"] for one in status["conditions"]} == {2}


def test_the_time_of_a_condition_moves_with_its_status_only() -> None:
    cluster = serving()
    edit(batching={"maxBatchSize": 2})(cluster)
    before = cluster.one("InferenceService")["status"]["conditions"]

    status = reconcile(observed(cluster)).status

    assert status is not None
    moved = {
        after["type"]
        for old, after in zip(before, status["conditions"], strict=True)
        if old["lastTransitionTime"] != after["lastTransitionTime"]
    }
    assert moved == {"Ready", "Progressing"}, "Available is still True"


def test_the_profile_is_written_before_what_depends_on_it() -> None:
    outcome = reconcile(observed(inspected()))

    assert [manifest["kind"] for manifest in outcome.apply] == [
        "ModelProfile",
        "Job",
        "ConfigMap",
        "Deployment",
        "PodDisruptionBudget",
        "Service",
    ]


def test_foreign_objects_with_the_owners_label_are_not_pruned_unless_they_are_children() -> None:
    """Pods belong to their Deployment or Job: garbage collection removes them."""
    cluster = moving()
    cluster.roll_out("filetype-l4")

    outcome = reconcile(observed(cluster, pools=(CPU, L4)))

    assert {child.kind for child in outcome.delete} == {
        "ConfigMap",
        "Deployment",
        "PodDisruptionBudget",
    }


def test_an_invalid_spec_takes_over_no_condition_of_somebody_else() -> None:
    cluster = serving()
    edit(scaling={"minReplicas": -1})(cluster)
    service = cluster.one("InferenceService")
    theirs = {**service["status"]["conditions"][0], "type": "example.org/Reviewed"}
    conditions = [theirs, *service["status"]["conditions"]]
    cluster.put({**service, "status": {**service["status"], "conditions": conditions}})

    status = reconcile(observed(cluster)).status

    assert status is not None
    assert {one["type"] for one in status["conditions"]} == set(SERVING)
