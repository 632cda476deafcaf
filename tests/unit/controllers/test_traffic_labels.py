"""The label that keeps new requests off a pod is written, put back, and holds nothing up."""

import asyncio
import logging

import pytest

from tests.unit.controllers.answers import answer
from tests.unit.controllers.shell import FILETYPE, Shell, serving_shell
from tests.unit.controllers.world import DEPLOYMENT, edit
from triton_operator.api import labels
from triton_operator.controllers.errors import ApiError, ApiNotFound, ApiRefused, ApiUnavailable
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import POD
from triton_operator.controllers.traffic_labels import AT_ONCE, label_traffic
from triton_operator.controllers.traffic_wish import AGAIN_SECONDS
from triton_operator.controllers.views import PodView

PODS = ("filetype-cpu-1", "filetype-cpu-2", "filetype-cpu-3")
REFUSALS = [
    ApiRefused(403, "Forbidden", "pods is forbidden"),
    ApiUnavailable(503, "ServiceUnavailable", "busy"),
]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.message for one in caplog.records if one.levelno >= logging.WARNING]


def three() -> Shell:
    """Three ready pods of a service that is scaled."""
    shell = serving_shell()
    for name in PODS:
        shell.cluster.put_pod(name, pool="cpu", ready=True)
    shell.autoscaler.say(FILETYPE, answer(3))
    asyncio.run(shell.run())
    shell.cluster.roll_out(DEPLOYMENT)
    asyncio.run(shell.run())
    return shell


def aside(shell: Shell) -> set[str]:
    return {
        body["metadata"]["name"]
        for body in shell.cluster.of_kind("Pod")
        if body["metadata"]["labels"].get(labels.TRAFFIC) == labels.ASIDE
    }


def say(shell: Shell, *names: str) -> list[str]:
    shell.autoscaler.say(FILETYPE, answer(3, aside=frozenset(names)))
    return asyncio.run(shell.run())


def test_pods_that_differ_are_labelled_once() -> None:
    shell = three()

    first = [one for one in say(shell, *PODS[:2]) if one.startswith("merge")]
    second = [one for one in say(shell, *PODS[:2]) if one.startswith("merge")]
    third = [one for one in say(shell, PODS[1]) if one.startswith("merge")]

    assert first == [f"merge Pod/{PODS[0]}", f"merge Pod/{PODS[1]}"]
    assert second == []
    assert third == [f"merge Pod/{PODS[0]}"]
    assert aside(shell) == {PODS[1]}


def test_a_pause_brings_them_back_though_it_stops_all_else() -> None:
    shell = three()
    say(shell, PODS[0])
    edit(paused=True, batching={"maxBatchSize": 2})(shell.cluster)

    requests = asyncio.run(shell.run())

    assert aside(shell) == set()
    assert [one for one in requests if one.startswith(("apply", "scale"))] == []


def test_a_new_operator_leaves_them_aside_until_it_has_looked() -> None:
    shell = three()
    say(shell, PODS[0])
    fresh = Shell(shell.cluster)

    asyncio.run(fresh.run())
    assert aside(fresh) == {PODS[0]}

    say(fresh)
    assert aside(fresh) == set()


def test_an_object_that_is_refused_does_not_keep_them_aside() -> None:
    shell = three()
    say(shell, PODS[0])
    shell.cluster.failures["apply", "Deployment"] = [ApiRefused(403, "Forbidden", "a policy")] * 9
    edit(scaling={"mode": "Fixed"}, batching={"maxBatchSize": 2})(shell.cluster)

    asyncio.run(shell.run())

    assert aside(shell) == set()


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: one.reason)
def test_a_refusal_holds_nothing_up(refusal: ApiError) -> None:
    shell = three()
    shell.cluster.failures["merge", "Pod"] = [refusal] * 99
    shell.autoscaler.say(FILETYPE, answer(5, aside=frozenset(PODS[:2])))
    asyncio.run(shell.run())

    assert shell.cluster.one("Deployment")["spec"]["replicas"] == 5
    assert shell.controller.counts.reconciles.keys() == {"ok"}


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: one.reason)
def test_a_refusal_is_told_and_tried_again(
    refusal: ApiError, caplog: pytest.LogCaptureFixture
) -> None:
    shell = three()
    shell.cluster.failures["merge", "Pod"] = [refusal] * 2
    with caplog.at_level(logging.WARNING):
        say(shell, *PODS[:2])

    assert warnings(caplog) == ["A pod's share of requests cannot be changed."] * 2
    assert aside(shell) == set()

    shell.clock.advance(AGAIN_SECONDS)
    asyncio.run(shell.run())
    assert aside(shell) == set(PODS[:2])


def test_a_pod_that_is_gone_is_nothing(caplog: pytest.LogCaptureFixture) -> None:
    shell = three()
    concerned: list[Key] = []
    with caplog.at_level(logging.WARNING):
        done = asyncio.run(
            label_traffic(
                shell.cluster,  # type: ignore[arg-type]  # has the method that is used
                shell.store,
                "shop",
                {"never-there": labels.ASIDE, PODS[0]: labels.ASIDE},
                concerned.extend,
            )
        )

    assert done == [PODS[0]]
    pod = shell.store.get("Pod", "shop", PODS[0])
    assert isinstance(pod, PodView)
    assert pod.traffic == labels.ASIDE, "known before a watch tells it"
    assert concerned == [FILETYPE]
    assert warnings(caplog) == []


def test_a_pod_whose_end_was_told_before_the_answer_stays_gone() -> None:
    """Nothing would tell of its end once more."""
    shell = three()

    class Server:
        async def merge(self, *_: object) -> dict[str, object]:
            body = shell.cluster.objects["Pod", "shop", PODS[0]]
            shell.store.remove(POD, "shop", PODS[0], body["metadata"]["uid"])
            return body

    asyncio.run(
        label_traffic(
            Server(),  # type: ignore[arg-type]
            shell.store,
            "shop",
            {PODS[0]: labels.ASIDE},
            list,
        )
    )

    assert shell.store.get("Pod", "shop", PODS[0]) is None


def test_a_bug_is_not_taken_for_a_refusal() -> None:
    shell = three()
    shell.cluster.failures["merge", "Pod"] = [TypeError("a bug")]

    with pytest.raises(TypeError, match="a bug"):
        asyncio.run(
            label_traffic(
                shell.cluster,  # type: ignore[arg-type]
                shell.store,
                "shop",
                {PODS[0]: labels.ASIDE},
                list,
            )
        )


def test_many_pods_are_labelled_together_but_not_all_at_once() -> None:
    class Server:
        under_way = most = 0

        async def merge(self, *_: object) -> object:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            await asyncio.sleep(0)
            self.under_way -= 1
            raise ApiNotFound(404, "NotFound", "gone")

    server, shell = Server(), three()
    many = {f"pod-{number}": labels.OPEN for number in range(3 * AT_ONCE)}
    asyncio.run(label_traffic(server, shell.store, "shop", many, list))  # type: ignore[arg-type]

    assert server.most == AT_ONCE
