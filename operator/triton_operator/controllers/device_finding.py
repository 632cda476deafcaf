"""Whether models run on the device that was planned, as their own servers say. Pure."""

from collections.abc import Iterator

from triton_operator.api import labels, reasons
from triton_operator.api.conditions import ConditionStatus, Finding, known_conditions, shortened
from triton_operator.api.model_profile import ModelFacts
from triton_operator.controllers.observed import DeviceQuestion, Observed
from triton_operator.controllers.views import ContainerView, PodView
from triton_operator.manifests import names
from triton_operator.manifests.triton_container import SERVING_CONTAINER
from triton_operator.planning.plan import Plan, PoolPlan
from triton_operator.planning.refusal import Refusal
from triton_operator.triton.model_devices import deviation, is_telling


def device_questions(
    observed: Observed, facts: ModelFacts | None, plan: Plan | Refusal | None
) -> tuple[DeviceQuestion, ...]:
    """What to ask, or to have asked: one question per ready pod of the plan's pools."""
    if facts is None or not isinstance(plan, Plan):
        return ()
    model = names.triton_model(observed.service.name, facts)
    return tuple(
        DeviceQuestion(instance_of(pod), pod.address, model)
        for _, pod in _ready_pods(observed, plan)
        if pod.address
    )


def device_finding(observed: Observed, plan: Plan | Refusal | None) -> Finding:
    """False as soon as one pod says otherwise; True when all that are ready say the same."""
    if not isinstance(plan, Plan):
        return _finding(
            ConditionStatus.UNKNOWN, reasons.WAITING_FOR_PLAN, "the plan says which device is meant"
        )
    pods = list(_ready_pods(observed, plan))
    if not pods:
        return _not_known("no replica is ready yet")
    answers = [(row, pod, observed.devices.get(instance_of(pod))) for row, pod in pods]
    for row, pod, answer in answers:
        if answer is None:
            continue
        found = deviation(answer, gpu=row.pool.is_gpu, accelerators=row.accelerators)
        if found:
            return _finding(
                ConditionStatus.FALSE,
                reasons.RUNS_ON_ANOTHER_DEVICE,
                f"pod {pod.name}{f' on {pod.node}' if pod.node else ''}: the model {found}; look "
                "at the driver and the device plugin of the node, and at instance_group if "
                "config.pbtxt is yours",
            )
    if any(pod.address and answer is None for _, pod, answer in answers):
        # A restart of the operator asks again; what was found out before holds until then.
        return _previous(observed) or _not_known("its pods have not been asked yet")
    for _, pod, answer in answers:
        if answer is None:
            return _not_known(f"pod {pod.name} has no address")
        if answer.problem:
            return _not_known(f"pod {pod.name}: {shortened(answer.problem, 200)}")
        if not is_telling(answer):
            kinds = ", ".join(answer.kinds) or "no instances of its own"
            return _not_known(f"pod {pod.name}: Triton says {kinds}, so the backend chooses")
    return _finding(
        ConditionStatus.TRUE,
        reasons.AS_PLANNED,
        "the model runs on "
        + " and ".join(sorted({"GPUs" if row.pool.is_gpu else "CPUs" for row, _ in pods})),
    )


def instance_of(pod: PodView) -> str:
    """Names one start of a pod's server: after a restart it may have found another device."""
    container = serving_container(pod)
    return f"{pod.uid}/{container.restarts if container else 0}"


def serving_container(pod: PodView) -> ContainerView | None:
    """Triton's container, if the node has told of it."""
    return next((one for one in pod.containers if one.name == SERVING_CONTAINER), None)


def _ready_pods(observed: Observed, plan: Plan) -> Iterator[tuple[PoolPlan, PodView]]:
    rows = {row.pool.name: row for row in plan.pools}
    for child in observed.children:
        if (
            isinstance(child, PodView)
            and child.role == labels.SERVE
            and not child.deleting
            and child.pool in rows
            and any(one.name == SERVING_CONTAINER and one.ready for one in child.containers)
        ):
            yield rows[child.pool], child


def _previous(observed: Observed) -> Finding | None:
    for row in known_conditions(observed.service.status):
        if row.type == reasons.DEVICE_AS_PLANNED and row.status != ConditionStatus.UNKNOWN:
            return _finding(row.status, row.reason, row.message)
    return None


def _not_known(message: str) -> Finding:
    return _finding(ConditionStatus.UNKNOWN, reasons.DEVICE_NOT_KNOWN, message)


def _finding(status: ConditionStatus, reason: str, message: str) -> Finding:
    return Finding(type=reasons.DEVICE_AS_PLANNED, status=status, reason=reason, message=message)
