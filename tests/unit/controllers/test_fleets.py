"""The replicas of a pool as the autoscaler looks at them: who counts, and since when."""

from dataclasses import replace

import pytest

from tests.unit.controllers.questions import question
from tests.unit.controllers.world import DEPLOYMENT, NOW, ago
from triton_operator.api import labels
from triton_operator.autoscaling.fleet import Fleet
from triton_operator.controllers.fleets import PLACED_AFTER_SECONDS, fleets
from triton_operator.controllers.views import ContainerView, DeploymentView, ObjectView, PodView

READY = PodView(
    kind="Pod",
    namespace="shop",
    name="one",
    uid="uid-one",
    resource_version="1",
    generation=0,
    role=labels.SERVE,
    pool="cpu",
    phase="Running",
    address="10.0.0.1",
    node="node-1",
    created=ago(100),
    ready_since=ago(70),
    containers=(ContainerView(name="triton", ready=True, running_since=ago(90)),),
)
STARTING = replace(
    READY, name="two", uid="uid-two", address="", created=ago(20), ready_since="", containers=()
)
HOMELESS = replace(
    STARTING, name="three", phase="Pending", node="", unschedulable="0/1 nodes are available"
)


def deployment(replicas: int) -> DeploymentView:
    return DeploymentView(
        kind="Deployment",
        namespace="shop",
        name=DEPLOYMENT,
        uid="uid",
        resource_version="1",
        generation=1,
        pool="cpu",
        replicas=replicas,
    )


def fleet(*children: ObjectView) -> Fleet:
    """The fleet of the only pool."""
    return fleets(question(), children, NOW)["cpu"]


def test_a_ready_pod_is_a_target_and_a_start() -> None:
    found = fleet(deployment(1), READY)

    (target,) = found.targets
    assert (target.instance, target.address) == ("shop/one/0", "10.0.0.1")
    assert (target.model, target.started) == ("filetype", NOW - 90)
    assert [(start.pod, start.seconds) for start in found.starts] == [("uid-one", 30)]
    assert (found.ordered, found.ready, found.starting_seconds) == (1, 1, ())


def test_who_is_aside_still_answers_and_is_named() -> None:
    crowded = replace(READY, name="two", uid="uid-two", traffic=labels.ASIDE)
    leaving = replace(crowded, name="three", uid="uid-three", deleting=True)
    found = fleet(deployment(2), READY, crowded, leaving)

    assert found.aside == {"two"}
    assert [target.pod for target in found.targets] == ["one", "two"]
    assert found.ready == 2


def test_one_that_starts_counts_since_it_was_made() -> None:
    found = fleet(deployment(2), READY, STARTING)

    assert [target.pod for target in found.targets] == ["one"]
    assert (found.ready, found.starting_seconds) == (1, (20,))
    assert len(found.starts) == 1


def test_what_is_ordered_and_has_no_pod_yet_starts_now() -> None:
    found = fleet(deployment(4), READY, STARTING)

    assert (found.ready, found.starting_seconds) == (1, (20, 0, 0))


def test_of_more_pods_than_are_ordered_the_oldest_are_those_that_start() -> None:
    """As during a rollout, where the new template's pods come beside the old ones."""
    newer = replace(STARTING, name="newer", uid="uid-newer", created=ago(3))

    assert fleet(deployment(2), READY, newer, STARTING).starting_seconds == (20,)


def test_pods_of_two_templates_all_serve() -> None:
    old = replace(READY, name="old", uid="uid-old", address="10.0.0.2", created=ago(9000))
    found = fleet(deployment(1), READY, old, STARTING)

    assert {target.pod for target in found.targets} == {"one", "old"}
    assert (found.ready, found.starting_seconds) == (1, ()), "what is to stay is there"


@pytest.mark.parametrize(
    ("pod", "why"),
    [
        (replace(READY, deleting=True), "it gets no requests any more"),
        (replace(READY, phase="Failed"), "evicted"),
        (replace(READY, phase="Succeeded"), "ended"),
        (replace(READY, role=labels.INSPECT), "it looks at the model"),
        (replace(READY, pool="l4"), "another pool's"),
        (replace(READY, address=""), "nobody could ask it"),
        (replace(READY, ready_since=""), "not ready any more"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_who_does_not_serve_here_is_no_target(pod: PodView, why: str) -> None:
    found = fleet(deployment(1), pod)

    assert (found.targets, found.starts, found.ready) == ((), (), 0), why
    assert len(found.starting_seconds) == 1


def test_a_pod_is_unschedulable_only_after_a_while() -> None:
    """A scheduler that is busy says so first, and finds a node a moment later."""
    soon = replace(HOMELESS, created=ago(PLACED_AFTER_SECONDS - 1))
    late = replace(HOMELESS, created=ago(PLACED_AFTER_SECONDS))

    assert fleet(deployment(1), soon).unplaced_seconds == ()
    assert fleet(deployment(1), late).unplaced_seconds == (PLACED_AFTER_SECONDS,)


def test_a_pod_that_has_its_node_by_now_is_not_unschedulable() -> None:
    found = fleet(deployment(1), replace(HOMELESS, node="node-1"))

    assert (found.starting_seconds, found.unplaced_seconds) == ((20,), ())


def test_who_starts_and_who_finds_no_node_are_told_apart() -> None:
    waiting = replace(HOMELESS, created=ago(40))
    found = fleet(deployment(4), READY, STARTING, waiting)

    assert (found.ready, found.starting_seconds, found.unplaced_seconds) == (1, (20, 0), (40,))


def test_no_more_are_unschedulable_than_are_missing() -> None:
    waiting = replace(HOMELESS, created=ago(40))
    twin = replace(waiting, name="four", uid="uid-four")

    assert fleet(deployment(2), READY, waiting, twin).unplaced_seconds == (40,)


def test_a_pod_that_was_unready_for_a_while_has_not_started_then() -> None:
    """Its node did not report for a minute, three hours after the pod had begun to serve."""
    running = ContainerView(name="triton", ready=True, running_since=ago(11_000))
    back = replace(READY, created=ago(11_010), ready_since=ago(60), containers=(running,))

    assert fleet(deployment(1), back).starts == ()


def test_a_restart_is_no_start() -> None:
    """Its pod was made hours before it became ready for the second time."""
    again = ContainerView(name="triton", ready=True, restarts=1, running_since=ago(75))
    found = fleet(deployment(1), replace(READY, containers=(again,)))

    assert found.starts == ()
    assert [target.instance for target in found.targets] == ["shop/one/1"]


def test_starts_come_in_the_order_in_which_they_ended() -> None:
    earlier = replace(READY, name="z", uid="uid-z", ready_since=ago(80))

    assert [one.pod for one in fleet(deployment(2), READY, earlier).starts] == ["uid-z", "uid-one"]


def test_without_a_deployment_nothing_is_ordered() -> None:
    assert fleet() == Fleet()
