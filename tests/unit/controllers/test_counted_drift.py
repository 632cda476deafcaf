"""What production shows of a profile counts where pods are replaced anyway, and only there."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.controllers.answers import answer
from tests.unit.controllers.cluster import Body, Cluster
from tests.unit.controllers.world import (
    DEPLOYMENT,
    absorb,
    edit,
    observed,
    serving,
    step,
    written,
)
from tests.unit.planning.building import DIGEST, measurement
from triton_operator.autoscaling.curve_drift import Drift, SizeDrift
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.observed import Outcome
from triton_operator.manifests import names
from triton_operator.planning.measured_curve import MeasuredCurve

SIZES = (1, 2, 4, 8, 16)
TIMES = {size: 20.0 + 10.0 * size for size in SIZES}
OBJECTIVE = {"latency": {"milliseconds": 150}}
OTHER_POD = edit(runtime={"env": [{"name": "A", "value": "b"}]})
"""A change for which pods are replaced, and that the plan has nothing to do with."""
PROFILE = names.model_profile(DIGEST)


def declare(cluster: Cluster, times: dict[int, float]) -> None:
    cluster.edit("ModelProfile", "shop", PROFILE, measurements=[measurement(times).wire()])


def measured() -> Cluster:
    """It serves with the batch size that its profile says is best."""
    cluster = serving()
    edit(objective=OBJECTIVE)(cluster)
    declare(cluster, TIMES)
    step(cluster)
    cluster.roll_out(DEPLOYMENT)
    step(cluster)
    return cluster


def curve(cluster: Cluster) -> MeasuredCurve:
    """What the autoscaler compares batches with."""
    question = reconcile(observed(cluster)).scaling_question
    assert question is not None
    found = question.pools[0].profile
    assert found is not None
    return found


def slower(profile: MeasuredCurve, *rows: tuple[int, float]) -> Drift:
    """Batches of each size that take so many times what the profile says."""
    sizes = tuple(
        SizeDrift(size, ratio * profile.seconds(size), profile.seconds(size))
        for size, ratio in rows
    )
    return Drift(profile, max(one.off for one in sizes), sizes)


def seen(cluster: Cluster, drift: Drift) -> Outcome:
    return reconcile(replace(observed(cluster), scaling=answer(1, drifted={"cpu": drift})))


def batch(outcome: Outcome) -> int:
    assert outcome.status is not None
    return int(outcome.status["pools"][0]["maxBatchSize"])


def counted(outcome: Outcome) -> list[dict[str, str]]:
    assert outcome.status is not None
    return [
        {str(one["batchSize"]): one["ratio"] for one in row["sizes"]}
        for row in outcome.status.get("drift", [])
    ]


def test_a_drift_alone_changes_nothing() -> None:
    cluster = measured()
    before = reconcile(observed(cluster))
    found = seen(cluster, slower(curve(cluster), (1, 1.6), (4, 1.6)))

    assert found.apply == before.apply
    assert written(cluster, found) == []
    assert counted(found) == []


def test_the_next_rollout_is_planned_with_it() -> None:
    """One rollout, with the smaller batch that the times in production allow."""
    cluster = measured()
    drift = slower(curve(cluster), (1, 1.5), (4, 1.7))
    OTHER_POD(cluster)
    without = reconcile(observed(cluster))
    found = seen(cluster, drift)

    assert 0 < batch(found) < batch(without)
    assert counted(found) == [{"1": "1.500", "4": "1.700"}]
    assert "batches count as production showed them" in str(found.status)
    assert "1: +50 %, 4: +70 %" in str(found.status)
    kinds = [one["kind"] for one in written(cluster, found)]
    assert "ModelProfile" not in kinds, "it is shared, and others' pods would be replaced"


def test_it_stays_so_without_another_rollout() -> None:
    """Also for an operator that has just started, and has seen nothing."""
    cluster = measured()
    drift = slower(curve(cluster), (1, 1.6), (4, 1.6))
    OTHER_POD(cluster)
    absorb(cluster, seen(cluster, drift))
    cluster.roll_out(DEPLOYMENT)

    for found in (reconcile(observed(cluster)), seen(cluster, drift)):
        assert counted(found) == [{"1": "1.600", "4": "1.600"}], "it is not counted twice"
        assert written(cluster, found) == []
    assert curve(cluster).seconds(1) == pytest.approx(1.6 * 0.030)


def test_batches_are_compared_with_what_is_counted() -> None:
    """Where the cause goes, the next rollout comes back to the profile."""
    cluster = measured()
    drift = slower(curve(cluster), (1, 1.6))
    largest = batch(reconcile(observed(cluster)))
    OTHER_POD(cluster)
    absorb(cluster, seen(cluster, drift))
    cluster.roll_out(DEPLOYMENT)
    step(cluster)
    back = slower(curve(cluster), (1, 1 / 1.6), (8, 1 / 1.6))
    edit(runtime={"env": [{"name": "A", "value": "c"}]})(cluster)

    found = seen(cluster, back)

    assert counted(found) == []
    assert batch(found) == largest


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (edit(scaling={"maxReplicas": 7}), "no pod is replaced for it"),
        (edit(paused=True), "nothing is written"),
    ],
)
def test_a_change_that_replaces_no_pod(change: Callable[[Cluster], Body], why: str) -> None:
    cluster = measured()
    change(cluster)

    found = seen(cluster, slower(curve(cluster), (1, 1.6)))

    assert counted(found) == [], why


def test_of_another_profile_it_is_nothing() -> None:
    """Somebody corrected the times; what was seen was about those before."""
    cluster = measured()
    drift = slower(curve(cluster), (1, 1.6))
    declare(cluster, {size: 1.5 * time for size, time in TIMES.items()})

    assert counted(seen(cluster, drift)) == []


def test_pods_of_the_plan_before_are_no_word_about_this_one() -> None:
    """While they are replaced, batches are those of other threads, or of another copy."""
    cluster = measured()
    edit(hardware={"resources": {"cpu": "8"}})(cluster)

    changed = reconcile(observed(cluster)).scaling_question
    absorb(cluster, reconcile(observed(cluster)))
    under_way = reconcile(observed(cluster)).scaling_question
    cluster.roll_out(DEPLOYMENT)

    assert changed is not None
    assert under_way is not None
    assert (changed.pools[0].profile, under_way.pools[0].profile) == (None, None)
    assert curve(cluster).seconds(1) == pytest.approx(0.030)


def test_what_is_counted_ends_with_the_row_that_it_is_about() -> None:
    cluster = measured()
    drift = slower(curve(cluster), (1, 1.6))
    OTHER_POD(cluster)
    absorb(cluster, seen(cluster, drift))
    declare(cluster, {size: 1.5 * time for size, time in TIMES.items()})

    found = reconcile(observed(cluster))

    assert counted(found) == []
    assert "as production showed" not in str(found.status)


def test_without_a_plan_it_is_kept() -> None:
    cluster = measured()
    drift = slower(curve(cluster), (1, 1.6))
    OTHER_POD(cluster)
    absorb(cluster, seen(cluster, drift))
    edit(model={"uri": "pvc://models/other/model.onnx"})(cluster)

    assert counted(reconcile(observed(cluster))) == [{"1": "1.600"}]


@pytest.mark.parametrize("told", [[{"pool": "cpu"}], "all of it", [7], {"pool": 1}])
def test_a_status_that_somebody_spoiled_stops_nobody(told: Any) -> None:
    cluster = measured()
    status = {**cluster.one("InferenceService")["status"], "drift": told}
    view = observed(cluster)
    spoiled = replace(view, service=replace(view.service, status=status))

    assert counted(reconcile(spoiled)) == []


def test_a_server_that_counts_no_time_is_not_believed() -> None:
    cluster = measured()
    drift = slower(curve(cluster), (1, 0.0))
    OTHER_POD(cluster)

    assert counted(seen(cluster, drift)) == [{"1": "0.100"}]


def test_only_the_sum_is_known_where_no_size_comes_often() -> None:
    cluster = measured()
    drift = Drift(curve(cluster), 0.4)
    OTHER_POD(cluster)

    assert counted(seen(cluster, drift)) == [{"1": "1.400"}]
