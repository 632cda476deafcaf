"""Which pods go first is a wish: nothing waits for it."""

import asyncio
import logging
from typing import Any

import pytest

from tests.unit.controllers.answers import answer
from tests.unit.controllers.shell import FILETYPE, Shell, serving_shell
from tests.unit.controllers.world import DEPLOYMENT, edit
from triton_operator.api.labels import DELETION_COST
from triton_operator.controllers.deletion_costs import mark_for_removal
from triton_operator.controllers.errors import ApiError, ApiNotFound, ApiRefused, ApiUnavailable

PODS = ("filetype-cpu-1", "filetype-cpu-2", "filetype-cpu-3")
REFUSALS = [
    ApiRefused(403, "Forbidden", "pods is forbidden"),
    ApiUnavailable(503, "ServiceUnavailable", "busy"),
    ApiNotFound(404, "NotFound", "gone"),
]


def three() -> Shell:
    """Three ready replicas that the autoscaler wants."""
    shell = serving_shell()
    for name in PODS:
        shell.cluster.put_pod(name, pool="cpu")
    shell.autoscaler.say(FILETYPE, answer(3))

    async def scenario() -> None:
        await shell.run()
        shell.cluster.roll_out(DEPLOYMENT)
        await shell.run()

    asyncio.run(scenario())
    return shell


def marked(shell: Shell) -> set[str]:
    return {
        body["metadata"]["name"]
        for body in shell.cluster.of_kind("Pod")
        if body["metadata"].get("annotations", {}).get(DELETION_COST) == "-1"
    }


def shrink(shell: Shell, to: int, names: tuple[str, ...]) -> list[str]:
    shell.autoscaler.say(FILETYPE, answer(to, removable={DEPLOYMENT: names}))
    return asyncio.run(shell.run())


def test_as_many_as_have_to_go_are_marked_before_the_number_falls() -> None:
    shell = three()

    requests = shrink(shell, 1, (PODS[2], PODS[0], PODS[1]))

    assert marked(shell) == {PODS[2], PODS[0]}
    assert requests[:3] == [
        f"merge Pod/{PODS[2]}",
        f"merge Pod/{PODS[0]}",
        f"scale Deployment/{DEPLOYMENT}",
    ]


def test_a_mark_of_before_is_taken_back_from_who_is_to_stay() -> None:
    shell = three()
    shrink(shell, 2, PODS)
    assert marked(shell) == {PODS[0]}
    shrink(shell, 3, PODS)

    shrink(shell, 2, (PODS[1], PODS[2], PODS[0]))

    assert marked(shell) == {PODS[1]}


def test_a_mark_that_is_there_is_not_written_again() -> None:
    shell = three()
    shrink(shell, 2, PODS)
    shrink(shell, 3, PODS)

    assert [one for one in shrink(shell, 2, PODS) if "Pod/" in one] == []
    assert marked(shell) == {PODS[0]}


def test_pods_that_are_not_ready_go_first_anyway() -> None:
    shell = three()
    shell.cluster.roll_out(DEPLOYMENT, ready=2)
    shell.watch()

    shrink(shell, 2, PODS)

    assert marked(shell) == set()


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: one.reason)
def test_a_refusal_holds_nothing_up(refusal: ApiError, caplog: pytest.LogCaptureFixture) -> None:
    shell = three()
    shell.cluster.failures["merge", "Pod"] = [refusal]
    with caplog.at_level(logging.WARNING):
        shrink(shell, 1, PODS)

    assert shell.cluster.one("Deployment")["spec"]["replicas"] == 1
    assert shell.controller.counts.reconciles.keys() == {"ok"}
    assert marked(shell) == {PODS[1]}, "the other is marked all the same"
    said = [one.message for one in caplog.records]
    assert said.count("A pod cannot be marked for removal.") == (
        not isinstance(refusal, ApiNotFound)
    )


def test_a_bug_is_not_taken_for_a_refusal() -> None:
    shell = three()
    shell.cluster.failures["merge", "Pod"] = [TypeError("a bug")]

    async def scenario() -> None:
        await mark_for_removal(shell.cluster, shell.store, "shop", PODS, ())  # type: ignore[arg-type]

    with pytest.raises(TypeError, match="a bug"):
        asyncio.run(scenario())


def test_pods_that_are_gone_or_go_are_left_alone() -> None:
    shell = three()
    leaving: dict[str, Any] = next(shell.cluster.of_kind("Pod"))
    name = leaving["metadata"]["name"]
    leaving = {
        **leaving,
        "metadata": {**leaving["metadata"], "deletionTimestamp": "2026-11-20T12:00:00Z"},
    }
    shell.cluster.put(leaving)
    shell.watch()
    shell.cluster.requests.clear()

    async def scenario() -> None:
        await mark_for_removal(
            shell.cluster,  # type: ignore[arg-type]
            shell.store,
            "shop",
            (name, "never-there"),
            (),
        )

    asyncio.run(scenario())

    assert shell.cluster.requests == []


def test_growing_marks_nobody() -> None:
    shell = three()
    edit(scaling={"maxReplicas": 20})(shell.cluster)

    shrink(shell, 5, PODS)

    assert marked(shell) == set()
