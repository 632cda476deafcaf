"""A look at nodes and pods: what it counts, what it keeps meanwhile, and whose turn it is."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest

from triton_operator.agent import node_look as module
from triton_operator.agent.node_look import NodeLook
from triton_operator.api import labels
from triton_operator.controllers.answer_bounds import UNBOUNDED, AnswerBounds
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError, ApiRefused
from triton_operator.controllers.kinds import DEPLOYMENT, NODE, POD, Kind

Body = dict[str, Any]
REQUESTS = {"resources": {"requests": {"cpu": "1"}}}
SERVICE = {"metadata": {"namespace": "shop", "name": "tagger"}}


def node(name: str = "a", **labels: str) -> Body:
    return {
        "metadata": {"name": name, "labels": labels},
        "status": {
            "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def deployment(service: str = "tagger") -> Body:
    return {
        "metadata": {
            "namespace": "shop",
            "name": f"{service}-cpu",
            "labels": {labels.SERVICE: service},
        },
        "spec": {"template": {"spec": {"containers": [REQUESTS]}}},
    }


def pod(service: str = "", **requests: str) -> Body:
    roles = {labels.SERVICE: service, labels.ROLE: labels.SERVE} if service else {}
    container = {"resources": {"requests": requests or {"cpu": "1"}}}
    return {
        "metadata": {"namespace": "shop", "name": "p", "labels": roles},
        "spec": {"nodeName": "a", "containers": [container]},
    }


class Cluster:
    """Rows of an API server, one after the other."""

    def __init__(self, *pods: Body, nodes: int = 1, wait: float = 0.0) -> None:
        self.rows: dict[Kind, list[Body]] = {
            NODE: [node("a" if number == 0 else f"n{number}") for number in range(nodes)],
            DEPLOYMENT: [deployment()],
            POD: list(pods),
        }
        self.wait = wait
        self.error: ApiError | None = None

    async def each(self, kind: Kind, *_: Any, **__: Any) -> AsyncIterator[Body]:
        if self.error:
            raise self.error
        for row in self.rows[kind]:
            await asyncio.sleep(self.wait)
            yield row


def looked(
    cluster: Cluster, bounds: AnswerBounds = UNBOUNDED, look: NodeLook | None = None
) -> NodeLook:
    """After one look."""
    look = look or NodeLook()

    async def scenario() -> None:
        task = asyncio.create_task(look.run(cast(ApiServer, cluster), bounds))
        await until(lambda: look.offered() is not None or look._problem != "")
        # What it offers is known before what it has left.
        async with look._turns:
            task.cancel()

    asyncio.run(scenario())
    return look


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what is awaited tells nobody
            await asyncio.sleep(0.001)


def test_places_are_those_that_are_taken_and_those_that_are_free() -> None:
    look = looked(Cluster(pod("tagger"), pod("tagger"), pod("other"), pod(cpu="500m")))

    # Two have a place already; of the 4 cores, 0.5 are left.
    assert look.room(SERVICE) == 2
    assert look.room({**SERVICE, "status": {"readyReplicas": 1}}) == 1
    assert look.room({"metadata": {"namespace": "shop", "name": "other"}}) is None
    offered = look.offered()
    assert offered is not None
    assert offered[0] == {"resource": "cpu", "allocatable": "4"}


def test_pods_are_not_kept_and_nodes_and_templates_are_bounded() -> None:
    bounds = AnswerBounds(memory=10_000)
    many = [{**pod(), "status": {"phase": "Failed"}}] * 1000
    assert looked(Cluster(*many, pod()), bounds).room(SERVICE) == 3

    look = looked(Cluster(nodes=50), bounds)
    assert (look.offered(), look.room(SERVICE)) == (None, None)
    assert "nodes and Deployments: more than" in look._problem

    cluster = Cluster()
    cluster.rows[DEPLOYMENT] *= 50
    assert looked(cluster, bounds).room(SERVICE) is None


@pytest.mark.parametrize(
    ("amount", "said"), [("many", "is not a quantity"), ("1" * 200_000, "32 at most")]
)
def test_an_amount_that_is_none_is_told(amount: str, said: str) -> None:
    look = looked(Cluster(pod(cpu=amount)))

    assert look.room(SERVICE) is None
    assert said in look._problem
    assert len(look._problem) < 200


def test_what_may_not_be_read_is_told(caplog: pytest.LogCaptureFixture) -> None:
    cluster = Cluster()
    cluster.error = ApiRefused(403, "Forbidden", "no")
    assert looked(cluster)._problem == "403 Forbidden"
    assert "its places are not counted" in caplog.text


def test_a_slow_cluster_gives_up_its_turn_and_waits_long_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LONGEST_LOOK_SECONDS", 0.1)

    async def scenario() -> None:
        turns = asyncio.Semaphore(1)
        slow, fast = NodeLook(turns), NodeLook(turns)
        tasks = [
            asyncio.create_task(one.run(cast(ApiServer, cluster), UNBOUNDED))
            for one, cluster in ((slow, Cluster(pod(), wait=60)), (fast, Cluster(pod())))
        ]
        await asyncio.sleep(0.02)
        assert turns.locked()
        assert fast.offered() is None, "one at a time"
        await until(lambda: fast.room(SERVICE) == 3)
        assert slow._problem == "not read within 0.1 s"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not turns.locked()

    asyncio.run(scenario())


def test_others_run_while_places_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub has one loop for all clusters, and nodes times services may be millions."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async def look(slice_seconds: float) -> int:
        nonlocal turns
        monkeypatch.setattr(module, "SLICE_SECONDS", slice_seconds)
        cluster = Cluster(nodes=10)
        cluster.rows[DEPLOYMENT] = [deployment(f"s{number}") for number in range(10)]
        turns = 0
        other = asyncio.create_task(count())
        await NodeLook()._look(cast(ApiServer, cluster), UNBOUNDED)
        other.cancel()
        return turns

    assert asyncio.run(look(-1.0)) - asyncio.run(look(math.inf)) >= 100
