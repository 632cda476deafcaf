"""Which command shows more, or mends it: by reason, with the names filled in."""

from collections.abc import Sequence

from triton_operator.api import labels, reasons
from triton_operator.controllers.views import PodView
from triton_operator.model import reasons as model_reasons

MODEL, SERVER, POD, NODE, CLAIM, SECRET, QUOTA, POLICY, OPERATOR = (
    "kubectl -n {namespace} logs {inspect_pod}",
    "kubectl -n {namespace} logs {serve_pod} -c triton --previous",
    "kubectl -n {namespace} describe pod {pod}",
    "kubectl describe node {node}",
    "kubectl -n {namespace} describe pvc",
    "kubectl -n {namespace} get secrets",
    "kubectl -n {namespace} describe resourcequota,limitrange",
    "kubectl get validatingadmissionpolicies,validatingwebhookconfigurations",
    "kubectl logs --all-containers -A -l app.kubernetes.io/name=triton-operator --tail=50",
)
PROBED = "kubectl -n {namespace} logs {serve_pod} -c triton"
EDIT = "kubectl -n {namespace} edit tisvc {name}"
WATCH = "kubectl -n {namespace} get tisvc {name} -w"
KEYS = "kubectl -n {namespace} describe secret {secret}"
AGAIN = f"kubectl -n {{namespace}} delete job -l {labels.SERVICE}={{inspected}}"
"""The operator starts another inspection as soon as the Job is gone."""
TRY = "kubectl -n {namespace} port-forward service/{name} 8000:8000"
STEPS: dict[str, tuple[str, ...]] = {
    reasons.SERVING: (TRY,),
    reasons.SCALED_TO_ZERO: ("kubectl -n {namespace} scale tisvc {name} --replicas=1", EDIT),
    reasons.INSPECTING: (MODEL, WATCH),
    reasons.REPLICAS_NOT_READY: (POD, WATCH),
    reasons.ROLLING_OUT: (POD, WATCH),
    reasons.ROLLOUT_STUCK: (POD, EDIT),
    reasons.UNSCHEDULABLE: (POD, "kubectl get nodes", EDIT),
    reasons.CLAIM_NOT_FOUND: ("kubectl -n {namespace} get pvc", EDIT),
    reasons.CLAIM_NOT_BOUND: (CLAIM,),
    reasons.SECRET_NOT_FOUND: (SECRET, EDIT),
    reasons.VOLUME_NOT_MOUNTED: (POD, NODE),
    reasons.POD_NOT_STARTED: (POD, NODE),
    reasons.POD_LOST: ("kubectl get nodes", NODE),
    reasons.IMAGE_PULL_FAILED: (POD, EDIT),
    reasons.MODEL_LOAD_FAILED: (SERVER,),
    reasons.PROBE_FAILING: (PROBED, POD),
    reasons.OUT_OF_MEMORY: (POD, EDIT),
    reasons.CONTAINER_FAILED: (SERVER, POD),
    reasons.QUOTA_EXCEEDED: (QUOTA,),
    reasons.POLICY_REFUSED: (POLICY,),
    reasons.PODS_REFUSED: ("kubectl -n {namespace} describe replicaset,job",),
    reasons.APPLY_REFUSED: (OPERATOR,),
    "NotSeen": (OPERATOR,),
}
OF_CREDENTIALS = frozenset(
    {
        model_reasons.SOURCE_FORBIDDEN,
        model_reasons.SOURCE_NOT_TRUSTED,
        model_reasons.CREDENTIALS_INVALID,
    }
)
OTHERWISE = ("kubectl -n {namespace} describe tisvc {name}", EDIT)
MOST = 4


def next_steps(
    name: str,
    namespace: str,
    found: Sequence[str],
    pods: Sequence[PodView],
    *,
    secret: str = "",
    inspection_failed: bool = False,
) -> tuple[str, ...]:
    """Commands for these reasons, the most telling first; those about pods only if there are any.

    `pods`: the newest first. `secret`: the model's, empty if it has none.
    """
    names = {
        "name": name,
        "namespace": namespace,
        "pod": next((pod.name for pod in pods), ""),
        "node": next((pod.node for pod in pods if pod.node), ""),
        "serve_pod": next((pod.name for pod in pods if pod.role == labels.SERVE), ""),
        "secret": secret,
        "inspected": name if inspection_failed else "",
        "inspect_pod": next((pod.name for pod in pods if pod.role == labels.INSPECT), ""),
    }
    steps = [KEYS] if OF_CREDENTIALS.intersection(found) else []
    steps += [AGAIN, *(step for reason in found for step in STEPS.get(reason, OTHERWISE))]
    usable = [step for step in dict.fromkeys(steps) if _can_be_filled(step, names)]
    return tuple(step.format_map(names) for step in usable[:MOST])


def _can_be_filled(step: str, names: dict[str, str]) -> bool:
    return all(value or f"{{{key}}}" not in step for key, value in names.items())
