"""A plan from measurements may take a while: the event loop goes on meanwhile."""

import asyncio
import threading

import pytest

from tests.unit.controllers.cluster import Cluster
from tests.unit.controllers.looked_at import AtOnce
from tests.unit.controllers.shell import Shell, kinds
from tests.unit.controllers.world import found, pinned
from tests.unit.planning.building import DIGEST, measurement
from triton_operator.controllers import controller
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.observed import Observed, Outcome

PATIENCE_SECONDS = 5.0


def measured() -> Cluster:
    """A known model that somebody declared to take 20 ms, and 10 ms for every request."""
    cluster = pinned()
    times = {size: 20.0 + 10.0 * size for size in (1, 2, 4, 8)}
    cluster.edit(
        "ModelProfile",
        "shop",
        DIGEST.replace(":", "-"),
        measurements=[measurement(times).wire()],
    )
    return cluster


def test_the_loop_goes_on_while_a_plan_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell(measured())
    began, went_on, ended = threading.Event(), threading.Event(), threading.Event()
    waited: list[bool] = []

    def slow(observed: Observed) -> Outcome:
        began.set()
        waited.append(went_on.wait(PATIENCE_SECONDS))
        ended.set()
        return reconcile(observed)

    monkeypatch.setattr(controller, "reconcile", slow)

    async def scenario() -> None:
        async with shell.workers():
            shell.watch()
            assert await asyncio.to_thread(began.wait, PATIENCE_SECONDS)
            went_on.set()
            assert await asyncio.to_thread(ended.wait, PATIENCE_SECONDS)

    asyncio.run(scenario())

    assert waited
    assert all(waited)


def test_closing_waits_for_no_plan_and_begins_none(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell(measured())
    began, may_end, ended = threading.Event(), threading.Event(), threading.Event()
    plans: list[bool] = []

    def endless(observed: Observed) -> Outcome:
        began.set()
        plans.append(may_end.wait(PATIENCE_SECONDS))
        ended.set()
        return reconcile(observed)

    monkeypatch.setattr(controller, "reconcile", endless)

    async def scenario() -> None:
        async with shell.workers():
            shell.watch()
            assert await asyncio.to_thread(began.wait, PATIENCE_SECONDS)
            shell.controller.close()
            assert plans == [], "it came back while the plan was being made"
            may_end.set()
            assert await asyncio.to_thread(ended.wait, PATIENCE_SECONDS)

    asyncio.run(scenario())

    assert plans == [True]


def test_the_plan_is_that_of_the_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller, "ThreadPoolExecutor", AtOnce)
    shell = Shell(measured())

    asyncio.run(shell.run())

    (pool,) = shell.status()["pools"]
    assert (pool["maxBatchSize"], pool["capacityPerReplica"]) == (8, "77.5/s")


def test_a_new_model_is_not_planned_by_what_was_measured_of_the_old_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its digest is known from a Job's report, while the status has the old one still."""
    monkeypatch.setattr(controller, "ThreadPoolExecutor", AtOnce)
    shell = Shell(measured())

    async def scenario() -> list[str]:
        await shell.run()
        shell.cluster.edit(
            "InferenceService", "shop", "filetype", model={"uri": "pvc://models/other.onnx"}
        )
        await shell.run()
        shell.cluster.end_job(found("sha256:" + "cd" * 32), at="2026-11-20T11:59:59Z")
        return await shell.run()

    requests = asyncio.run(scenario())

    assert kinds(requests).count("Deployment") == 1
    assert shell.status()["pools"][0]["maxBatchSize"] == 4
