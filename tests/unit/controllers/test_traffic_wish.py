"""Which pods get new requests: as the autoscaler says, where it may, and never nobody."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from tests.unit.controllers.answers import answer
from tests.unit.controllers.cluster import Body, Cluster
from tests.unit.controllers.world import DEPLOYMENT, edit, observed, serving
from triton_operator.api import labels
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.observed import Outcome
from triton_operator.controllers.traffic_wish import AGAIN_SECONDS, LONGEST_SECONDS

ONE, TWO, THREE = "filetype-cpu-1", "filetype-cpu-2", "filetype-cpu-3"
OPEN, ASIDE = labels.OPEN, labels.ASIDE


def three(*aside: str) -> Cluster:
    """A service on three ready pods, of which these are aside."""
    cluster = serving()
    for name in (ONE, TWO, THREE):
        put(cluster, name, traffic=ASIDE if name in aside else OPEN)
    return cluster


def put(cluster: Cluster, name: str, **parts: Any) -> Body:
    return cluster.put_pod(name, **{"pool": "cpu", "ready": True, **parts})


def look(cluster: Cluster, *aside: str) -> Outcome:
    """A reconcile, when the autoscaler says that these are to be aside."""
    return reconcile(observed(cluster, aside=frozenset(aside)))


def selector(outcome: Outcome) -> Body:
    (service,) = (one for one in outcome.apply if one["kind"] == "Service")
    found: Body = service["spec"]["selector"]
    return found


def test_crowded_pods_go_aside_and_come_back() -> None:
    assert look(three(), ONE, THREE).traffic == {ONE: ASIDE, THREE: ASIDE}
    assert look(three(ONE, THREE), ONE, THREE).traffic == {}
    assert look(three(ONE, THREE), THREE).traffic == {ONE: OPEN}
    assert look(three(ONE, THREE)).traffic == {ONE: OPEN, THREE: OPEN}


def test_while_nothing_is_known_they_stay_as_they_are() -> None:
    cluster = three(ONE)

    assert reconcile(observed(cluster, aside=None)).traffic == {}


def test_who_is_not_there_is_not_named() -> None:
    assert look(three(), "gone").traffic == {}


def test_pods_that_inspect_have_no_traffic() -> None:
    cluster = three()
    cluster.put_pod("inspecting", job="any")
    outcome = look(cluster, "inspecting")

    assert outcome.traffic == {}
    assert labels.TRAFFIC in selector(outcome)


def test_a_label_that_somebody_else_wrote_is_put_back() -> None:
    cluster = three()
    put(cluster, TWO, traffic="closed")

    assert look(cluster).traffic == {TWO: OPEN}


class Row(NamedTuple):
    name: str
    change: Callable[[Cluster], object]
    why: str


@pytest.mark.parametrize(
    "row",
    [
        Row("paused", edit(paused=True), "nobody acts on queues"),
        Row("fixed", edit(scaling={"mode": "Fixed"}), "replicas are not the operator's"),
        Row("one number", edit(scaling={"minReplicas": 3, "maxReplicas": 3}), "as with Fixed"),
        Row("external", edit(scaling={"mode": "External"}), "replicas are not the operator's"),
        Row(
            "an HPA",
            lambda cluster: cluster.put_autoscaler("theirs", DEPLOYMENT),
            "replicas are not the operator's",
        ),
        Row("a spec that is not valid", edit(scaling={"minReplicas": -1}), "nobody scales"),
        Row(
            "a pod without the label",
            lambda cluster: put(cluster, "filetype-cpu-old", traffic=""),
            "the Service does not go by it",
        ),
    ],
    ids=lambda row: row.name,
)
def test_where_replicas_do_not_follow_the_load_all_get_requests(row: Row) -> None:
    cluster = three(ONE, TWO)
    row.change(cluster)

    told = look(cluster, ONE, TWO).traffic
    unknown = reconcile(observed(cluster, aside=None)).traffic

    for traffic in (told, unknown):
        assert (traffic[ONE], traffic[TWO]) == (OPEN, OPEN), row.why


@pytest.mark.parametrize(
    "change",
    [
        edit(paused=True),
        edit(scaling={"minReplicas": -1}),
        edit(hardware={"pools": ["nowhere"]}),
        lambda cluster: None,
    ],
    ids=["paused", "not valid", "no plan", "as usual"],
)
def test_a_pod_without_the_label_gets_it(change: Callable[[Cluster], object]) -> None:
    """As after `kubectl rollout undo` to a version before it: the Service may go by it still, and
    while a service is paused, no Service is written."""
    cluster = three()
    put(cluster, "filetype-cpu-old", traffic="")
    change(cluster)

    assert look(cluster).traffic == {"filetype-cpu-old": OPEN}


def test_a_spec_without_a_plan_goes_on_with_its_load() -> None:
    cluster = three(ONE)
    edit(hardware={"pools": ["nowhere"]})(cluster)
    known = observed(cluster, scaling=answer(3), aside=frozenset({TWO}))

    assert reconcile(known).traffic == {ONE: OPEN, TWO: ASIDE}
    assert reconcile(replace(known, aside=None)).traffic == {}


def test_a_spec_without_a_plan_that_nobody_looks_at_keeps_nobody_aside() -> None:
    """As after a restart of the operator: no answer will come."""
    cluster = three(ONE)
    edit(hardware={"pools": ["nowhere"]})(cluster)

    assert reconcile(observed(cluster)).traffic == {ONE: OPEN}


@pytest.mark.parametrize("aside", [frozenset({ONE, TWO, THREE}), frozenset({ONE, TWO}), None])
@pytest.mark.parametrize(
    "change",
    [
        lambda cluster: put(cluster, THREE, ready=False),
        lambda cluster: cluster.remove("Pod", "shop", THREE),
        lambda cluster: put(cluster, THREE, phase="Failed"),
        lambda cluster: cluster.put(
            {
                **(pod := cluster.objects["Pod", "shop", THREE]),
                "metadata": {**pod["metadata"], "deletionTimestamp": "2026-11-20T12:00:00Z"},
            }
        ),
    ],
    ids=["not ready", "gone", "failed", "being deleted"],
)
def test_when_nobody_else_answers_the_crowded_do(
    aside: frozenset[str] | None, change: Callable[[Cluster], object]
) -> None:
    cluster = three(ONE, TWO)
    change(cluster)

    assert reconcile(observed(cluster, aside=aside)).traffic == {ONE: OPEN, TWO: OPEN}


def test_each_pool_keeps_somebody_for_its_own_service() -> None:
    cluster = three()
    put(cluster, "filetype-l4-1", pool="l4")

    assert look(cluster, ONE, "filetype-l4-1").traffic == {ONE: ASIDE}


def test_a_refused_change_is_tried_again_and_who_is_aside_is_looked_at_for_ever() -> None:
    assert look(three()).requeue_after_seconds is None
    assert look(three(), ONE).requeue_after_seconds == AGAIN_SECONDS
    assert look(three(ONE), ONE).requeue_after_seconds == LONGEST_SECONDS


def test_services_go_by_the_label_once_every_pod_has_it() -> None:
    """The life of an upgrade: an old pod, a rollout, and the label only at its end."""
    cluster = serving()
    put(cluster, ONE, traffic="")
    assert labels.TRAFFIC not in selector(look(cluster))

    put(cluster, TWO)
    assert labels.TRAFFIC not in selector(look(cluster)), "the old one would get nothing"

    put(cluster, ONE, traffic="", phase="Failed")
    assert selector(look(cluster))[labels.TRAFFIC] == OPEN, "an evicted pod is nobody"

    cluster.remove("Pod", "shop", ONE)
    assert selector(look(cluster))[labels.TRAFFIC] == OPEN
    assert selector(look(cluster, TWO))[labels.TRAFFIC] == OPEN


def test_a_service_without_pods_goes_by_the_label_from_the_first() -> None:
    cluster = serving()
    cluster.remove("Pod", "shop", ONE)

    assert selector(look(cluster))[labels.TRAFFIC] == OPEN
