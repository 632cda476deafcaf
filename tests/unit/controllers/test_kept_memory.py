"""What is measured of memory waits for the next rollout, but where pods have too little."""

from typing import Any

import pytest

from tests.unit.controllers.cluster import Cluster
from tests.unit.controllers.world import (
    DEPLOYMENT,
    absorb,
    edit,
    observed,
    serving,
    step,
    written,
)
from tests.unit.planning.building import DIGEST, measurement, pool
from triton_operator.api import labels
from triton_operator.api.inference_service import Resources
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.observed import Outcome
from triton_operator.manifests import names
from triton_operator.planning.pools import Bounds, Pool

TIMES = {1: 8.5, 2: 9.5, 4: 11.0}
"""Of these the plan takes the largest batch, as it does without."""
PROFILE = names.model_profile(DIGEST)
GUESSED = "640Mi"
"""What the pods have, as nothing is known of their model's memory."""
OTHER_POD = edit(runtime={"env": [{"name": "A", "value": "b"}]})
CPU = pool("cpu")


def knows(
    cluster: Cluster, memory: str | None, times: dict[int, float] = TIMES, source: str = "Measured"
) -> None:
    """The profile has a measurement on samples with so much memory."""
    samples = {"samplesDigest": DIGEST} if source == "Measured" else {}
    row = measurement(times, memory=memory, source=source, instances=1, threads=1, **samples)
    cluster.edit("ModelProfile", "shop", PROFILE, measurements=[row.wire()])


def look(cluster: Cluster, where: Pool = CPU) -> Outcome:
    return reconcile(observed(cluster, pools=(where,)))


def carried_out(cluster: Cluster, where: Pool = CPU) -> None:
    """What a look wants is there, and rolled out."""
    absorb(cluster, look(cluster, where))
    cluster.roll_out(DEPLOYMENT)


def memory(outcome: Outcome) -> str:
    (deployment,) = [one for one in outcome.apply if one["kind"] == "Deployment"]
    (triton,) = deployment["spec"]["template"]["spec"]["containers"]
    resources: dict[str, Any] = triton["resources"]
    assert resources["requests"]["memory"] == resources["limits"]["memory"]
    return str(resources["limits"]["memory"])


def reasons(outcome: Outcome) -> str:
    assert outcome.status is not None
    return "\n".join(outcome.status["pools"][0]["reasons"])


def waiting(cluster: Cluster, why: str) -> None:
    """A further pod finds no node."""
    message = f"0/3 nodes are available: 3 {why}."
    cluster.put_pod("filetype-cpu-2", phase="Pending", pool="cpu", unschedulable=message)


def test_less_memory_replaces_no_pod() -> None:
    cluster = serving()
    assert memory(look(cluster)) == GUESSED
    knows(cluster, "100Mi")
    outcome = look(cluster)

    assert written(cluster, outcome) == []
    assert memory(outcome) == GUESSED
    assert "256Mi memory: 100Mi by the model's profile" in reasons(outcome)
    assert "640Mi memory until pods are replaced for something else, then 256Mi" in reasons(outcome)


def test_the_next_rollout_brings_it_and_it_stays() -> None:
    cluster = serving()
    knows(cluster, "100Mi")
    OTHER_POD(cluster)
    outcome = step(cluster)
    assert memory(outcome) == "256Mi"
    cluster.roll_out(DEPLOYMENT)

    assert written(cluster, look(cluster)) == []
    assert memory(look(cluster)) == "256Mi"
    assert "until pods are replaced" not in reasons(look(cluster))


def test_a_plan_that_is_another_one_brings_it_too() -> None:
    """As most first measurements do."""
    cluster = serving()
    knows(cluster, "100Mi", {1: 8.5, 2: 30.0, 4: 90.0})

    assert memory(look(cluster)) == "256Mi"


@pytest.mark.parametrize(
    ("measured", "has"),
    [
        ("500Mi", GUESSED),  # as planned: 640Mi
        ("520Mi", GUESSED),  # 704Mi are planned, and 640Mi are enough
        ("580Mi", GUESSED),
        ("600Mi", "768Mi"),  # less than a tenth above what it takes
        ("900Mi", "1152Mi"),
    ],
)
def test_too_little_memory_is_a_reason_to_replace_pods(measured: str, has: str) -> None:
    cluster = serving()
    knows(cluster, measured)

    assert memory(look(cluster)) == has


@pytest.mark.parametrize(
    ("why", "has"), [("Insufficient memory", "256Mi"), ("Insufficient cpu", GUESSED)]
)
def test_a_pod_that_finds_no_memory_is_one_too(why: str, has: str) -> None:
    cluster = serving()
    knows(cluster, "100Mi")
    waiting(cluster, why)

    assert memory(look(cluster)) == has


def test_what_a_replica_may_not_have_any_more_is_not_kept() -> None:
    cluster = serving()
    knows(cluster, "100Mi")
    bounded = pool("cpu", max_per_replica=Bounds(memory_bytes=512 * 2**20))

    assert memory(look(cluster, bounded)) == "256Mi"


def test_where_no_pod_is_there_none_is_replaced() -> None:
    cluster = serving()
    knows(cluster, "100Mi")
    cluster.observe("Deployment", "shop", DEPLOYMENT, replicas=0)

    assert memory(look(cluster)) == "256Mi"


@pytest.mark.parametrize("stated", ["1Gi", "320Mi"])
def test_what_somebody_asks_for_is_done_at_once(stated: str) -> None:
    cluster = serving()
    knows(cluster, "100Mi")
    edit(hardware={"resources": {"memory": stated}})(cluster)

    assert memory(look(cluster)) == stated


STATED = edit(hardware={"resources": {"memory": "1Gi"}})
NOT_STATED = edit(hardware={})


def test_a_stated_memory_that_is_taken_back_is_carried_out() -> None:
    """More than enough, but not what is asked for any more."""
    cluster = serving()
    knows(cluster, "100Mi")
    STATED(cluster)
    carried_out(cluster)
    assert memory(look(cluster)) == "1Gi"
    assert written(cluster, look(cluster)) == []

    NOT_STATED(cluster)
    assert memory(look(cluster)) == "256Mi"
    carried_out(cluster)
    assert written(cluster, look(cluster)) == []


def test_so_is_one_of_the_pool() -> None:
    cluster = serving()
    knows(cluster, "100Mi")
    carried_out(cluster, pool("cpu", replica_resources=Resources(memory="1Gi")))

    assert memory(look(cluster)) == "256Mi"


def test_whose_the_memory_is_replaces_no_pod() -> None:
    cluster = serving()
    (before,) = [one for one in look(cluster).apply if one["kind"] == "Deployment"]
    edit(hardware={"resources": {"memory": GUESSED}})(cluster)
    (after,) = [one for one in look(cluster).apply if one["kind"] == "Deployment"]

    assert before["metadata"] != after["metadata"]
    assert before["spec"] == after["spec"]


def test_a_newer_measurement_without_memory_replaces_no_pod() -> None:
    """Triton had to start anew meanwhile: nothing was found out about memory."""
    cluster = serving()
    knows(cluster, "100Mi")
    OTHER_POD(cluster)
    carried_out(cluster)
    knows(cluster, None)

    assert memory(look(cluster)) == "256Mi"
    assert written(cluster, look(cluster)) == []
    assert "256Mi memory until pods are replaced for something else, then 640Mi" in reasons(
        look(cluster)
    )


def test_a_declared_memory_that_is_taken_back_is_carried_out() -> None:
    """Whoever takes it back may have seen that it is too little."""
    cluster = serving()
    knows(cluster, "100Mi", source="Declared")
    OTHER_POD(cluster)
    carried_out(cluster)
    assert memory(look(cluster)) == "256Mi"
    knows(cluster, None, source="Declared")

    assert memory(look(cluster)) == GUESSED


def test_a_measurement_without_memory_changes_nothing() -> None:
    cluster = serving()
    knows(cluster, None)

    assert memory(look(cluster)) == GUESSED
    assert labels.DESIRED_HASH in cluster.one("Deployment")["metadata"]["annotations"]
    assert written(cluster, look(cluster)) == []
