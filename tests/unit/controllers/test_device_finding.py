"""DeviceAsPlanned: from what the pods of the plan have answered."""

from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from tests.unit.controllers.world import CPU, L4, Cluster, inspected, observed, step
from triton_operator.controllers.device_finding import instance_of
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.observed import DeviceQuestion, Observed
from triton_operator.controllers.views import PodView
from triton_operator.planning.pools import Pool
from triton_operator.triton.model_devices import ModelDevices

ON_CPU, ON_GPU = ModelDevices(("KIND_CPU",)), ModelDevices(("KIND_GPU",), (0,))


def serving_on(pool: Pool, *pods: str) -> Cluster:
    cluster = inspected()
    step(cluster, pools=(pool,))
    step(cluster, pools=(pool,))
    cluster.roll_out(f"filetype-{pool.name}")
    for pod in pods:
        cluster.put_pod(pod, pool=pool.name, containers=[{"name": "triton", "ready": True}])
    return cluster


def seen(cluster: Cluster, pool: Pool, **devices: ModelDevices) -> Observed:
    """With an address for every pod, and answers by pod."""
    view = observed(cluster, pools=(pool,))
    children = tuple(
        replace(child, address="10.1.0.7") if isinstance(child, PodView) else child
        for child in view.children
    )
    pods = {child.name: child for child in children if isinstance(child, PodView)}
    answers = {instance_of(pods[name.replace("_", "-")]): one for name, one in devices.items()}
    return replace(view, children=children, devices=answers)


def told(view: Observed) -> tuple[str, str]:
    status = reconcile(view).status
    assert status is not None
    (row,) = (one for one in status["conditions"] if one["type"] == "DeviceAsPlanned")
    return f"{row['status']} {row['reason']}", row["message"]


class Row(NamedTuple):
    name: str
    pool: Pool
    devices: dict[str, ModelDevices]
    expected: str
    says: str


@pytest.mark.parametrize(
    "row",
    [
        Row("CPU", CPU, {"a": ON_CPU, "b": ON_CPU}, "True AsPlanned", "CPUs"),
        Row("GPU", L4, {"a": ON_GPU, "b": ON_GPU}, "True AsPlanned", "GPUs"),
        Row(
            "fell back", L4, {"a": ON_CPU}, "False RunsOnAnotherDevice", "pod a: the model runs on"
        ),
        Row("one of two", L4, {"a": ON_GPU, "b": ON_CPU}, "False RunsOnAnotherDevice", "pod b"),
        Row("not asked", CPU, {}, "Unknown DeviceNotKnown", "not been asked"),
        Row("one not asked", CPU, {"a": ON_CPU}, "Unknown DeviceNotKnown", "not been asked"),
        Row(
            "unreachable",
            CPU,
            {"a": ON_CPU, "b": ModelDevices(problem="refused")},
            "Unknown DeviceNotKnown",
            "pod b: refused",
        ),
        Row(
            "by the backend",
            CPU,
            {"a": ON_CPU, "b": ModelDevices(("KIND_MODEL",))},
            "Unknown DeviceNotKnown",
            "KIND_MODEL",
        ),
    ],
    ids=lambda row: row.name,
)
def test_condition(row: Row) -> None:
    status, message = told(seen(serving_on(row.pool, "a", "b"), row.pool, **row.devices))

    assert status == row.expected
    assert row.says in message


def test_no_replica_yet() -> None:
    status, message = told(seen(serving_on(CPU), CPU))

    assert status == "Unknown DeviceNotKnown"
    assert message == "no replica is ready yet"


def test_each_ready_pod_is_asked_for_the_model_that_clients_call() -> None:
    view = seen(serving_on(CPU, "a"), CPU)
    (pod,) = (child for child in view.children if isinstance(child, PodView) and not child.job)

    assert reconcile(view).device_questions == (
        DeviceQuestion(f"{pod.uid}/0", "10.1.0.7", "filetype"),
    )


def test_a_restart_of_the_operator_keeps_what_was_found_out() -> None:
    """Else every status would be written twice: as not known, and as known again."""
    cluster = serving_on(CPU, "a")
    known = reconcile(seen(cluster, CPU, a=ON_CPU)).status
    assert known is not None
    service: dict[str, Any] = cluster.one("InferenceService")
    cluster.put({**service, "status": known})

    assert told(seen(cluster, CPU))[0] == "True AsPlanned"
