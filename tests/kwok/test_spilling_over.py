"""A replica that the scheduler finds no node for goes to the next pool, and comes back.

Nothing runs in these pods, so nobody tells of load: `minReplicas` is all that is wanted.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from tests.api.client import Object, RefusedError
from tests.kwok.farm import NAMESPACE, Farm
from tests.kwok.kinds_of_nodes import CPU, SCARCE
from tests.kwok.wishes import Wish
from triton_operator.api import labels, reasons
from triton_operator.autoscaling.pool_room import REFUSED_SECONDS

NAME = "spilling"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
SELECTOR = f"{labels.SERVICE}={NAME}"
ONE_MORE = replace(SCARCE, count=3)


@pytest.fixture
def service(farm: Farm) -> Iterator[Object]:
    """Three replicas, and GPUs for two of them."""
    wish = Wish(NAME, "", "", {"pools": [SCARCE.pool, CPU.pool]})
    service = wish.service(NAMESPACE, NAME)
    service["spec"]["scaling"] = {"minReplicas": 3}
    farm.add(SCARCE)
    farm.api.create(service)
    yield service
    farm.api.delete(service)
    farm.until("its pods to go", lambda: NAME not in farm.places())
    farm.remove(SCARCE)
    for node in farm.nodes_of(SCARCE.pool):
        farm.api.delete({**node, "apiVersion": "v1", "kind": "Node"})


def places(farm: Farm) -> list[str]:
    """The kinds of node of its pods; "" for one that waits."""
    return sorted(farm.places().get(NAME, []))


def pods(farm: Farm) -> Object:
    return farm.api.request("GET", PODS, labelSelector=SELECTOR)


def created(thing: Object) -> datetime:
    return datetime.fromisoformat(thing["metadata"]["creationTimestamp"])


def deployment(farm: Farm, pool: str) -> Object | None:
    try:
        return farm.api.request(
            "GET", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{NAME}-{pool}"
        )
    except RefusedError as refusal:
        if refusal.code == 404:
            return None
        raise


def spec_of(event: Object) -> Object:
    found: Object = event["object"]["spec"]
    return found


def first(events: list[Object], pod: str, holds: Callable[[Object], bool]) -> int:
    """The place of the first event of a pod, by uid, that is like this."""
    return next(
        place
        for place, event in enumerate(events)
        if event["object"]["metadata"]["uid"] == pod and holds(event)
    )


def test_what_finds_no_gpu_goes_to_cpus_and_comes_back_when_there_is_one(
    farm: Farm, service: Object
) -> None:
    spread = ["", CPU.pool, SCARCE.pool, SCARCE.pool]
    farm.until("the third replica to find a node", lambda: places(farm) == spread)

    waiting = next(pod for pod in pods(farm)["items"] if "nodeName" not in pod["spec"])
    assert waiting["metadata"]["labels"][labels.POOL] == SCARCE.pool, "who adds nodes has to see it"
    second = deployment(farm, CPU.pool)
    assert second is not None
    first_of_all = deployment(farm, SCARCE.pool)
    assert first_of_all is not None
    # Both are in whole seconds.
    assert (created(second) - created(first_of_all)).total_seconds() >= REFUSED_SECONDS - 1
    farm.until(
        "the full pool to be said",
        lambda: (
            farm.condition(farm.service(NAME), reasons.SCALING_LIMITED)["reason"]
            == reasons.UNSCHEDULABLE
        ),
    )
    limited = farm.condition(farm.service(NAME), reasons.SCALING_LIMITED)
    assert limited["status"] == "True"
    assert f"pool {SCARCE.pool} takes 2 replicas: others found no node" in limited["message"]

    before = pods(farm)
    farm.api.create(list(ONE_MORE.nodes())[-1])
    farm.until("all of them to be on GPUs", lambda: places(farm) == [SCARCE.pool] * 3)
    farm.until("the Deployment on CPUs to go", lambda: deployment(farm, CPU.pool) is None)

    events = farm.api.history(PODS, before["metadata"]["resourceVersion"], labelSelector=SELECTOR)
    on_cpu = next(
        pod["metadata"]["uid"]
        for pod in before["items"]
        if pod["metadata"]["labels"][labels.POOL] == CPU.pool
    )
    bound = first(events, waiting["metadata"]["uid"], lambda event: "nodeName" in spec_of(event))
    ends = first(
        events,
        on_cpu,
        lambda event: (
            event["type"] == "DELETED" or "deletionTimestamp" in event["object"]["metadata"]
        ),
    )
    assert bound < ends, "made before broken"
    assert farm.condition(farm.service(NAME), reasons.SCALING_LIMITED)["status"] != "True"
