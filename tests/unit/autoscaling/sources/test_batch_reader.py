"""Asking a pod for its batch statistics, and for the models that they are of."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from tests.unit.autoscaling.sources.loopback import served
from triton_operator.autoscaling.curve_memory import BatchReading
from triton_operator.autoscaling.samples import PodTarget
from triton_operator.autoscaling.sources.batch_reader import BatchReader
from triton_operator.autoscaling.sources.pod_requests import PodRequests
from triton_operator.autoscaling.steps import Step

TARGET = PodTarget("shop", "a", 1, "127.0.0.1", "filetype")
PHASE = {"count": 10, "ns": 100_000_000}
ROW = {"batch_size": 4, "compute_input": PHASE, "compute_infer": PHASE, "compute_output": PHASE}
ROWS = {4: (10.0, pytest.approx(0.3))}
ALONE = {"max_batch_size": 8, "dynamic_batching": {}, "instance_group": [{"count": 4}]}
CONFIG = "/v2/models/filetype/config"
STATS = "/v2/models/filetype/stats"


def stats(*models: str) -> dict[str, Any]:
    return {"model_stats": [{"name": name, "batch_stats": [ROW]} for name in models]}


def ensemble(*steps: str) -> dict[str, Any]:
    return {
        "max_batch_size": 8,
        "instance_group": [],
        "ensemble_scheduling": {"step": [{"model_name": name} for name in steps]},
    }


def step(largest: int, count: int, *more: int) -> dict[str, Any]:
    groups = [{"count": one, "kind": "KIND_CPU", "gpus": []} for one in (count, *more)]
    return {"max_batch_size": largest, "dynamic_batching": {}, "instance_group": groups}


class Pod:
    """A pod that answers what it is given, by path; `asked` are the paths that were."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        answer = self.answers.get(request.path)
        if answer is None:
            return web.json_response({"error": "unknown model"}, status=404)
        return answer if isinstance(answer, web.Response) else web.json_response(answer)

    def read(self, before: BatchReading | None = None) -> Any:
        async def once() -> Any:
            requests = PodRequests()
            try:
                async with served(self.handle) as port:
                    return await BatchReader(requests, lambda: 7.0, port).reading(TARGET, before)
            finally:
                await requests.close()

        return asyncio.run(once())


def test_a_pod_is_asked_for_the_model_of_its_service() -> None:
    result = Pod({CONFIG: ALONE, STATS: stats("filetype")}).read()

    step = Step("filetype", 1, 8, 4)
    assert result == BatchReading("shop/a/1", 7.0, {"filetype": ROWS}, (step,))


def test_of_an_ensemble_the_models_that_do_its_work_are_read() -> None:
    pod = Pod(
        {
            CONFIG: ensemble("prepare", "inner"),
            "/v2/models/prepare/config": {"max_batch_size": 8, "instance_group": [{"count": 1}]},
            "/v2/models/inner/config": ensemble("score", "score"),
            "/v2/models/score/config": step(16, 2, 1),
            "/v2/models/stats": stats("filetype", "prepare", "inner", "score", "other"),
        }
    )

    result = pod.read()

    assert isinstance(result, BatchReading)
    assert result.totals == {"prepare": ROWS, "score": ROWS}
    assert result.steps == (Step("prepare", 1, None, 1), Step("score", 2, 16, 3))


def test_the_models_are_asked_for_once_in_the_life_of_a_process() -> None:
    pod = Pod({CONFIG: ALONE, STATS: stats("filetype")})
    first = pod.read()
    assert isinstance(first, BatchReading)

    second = pod.read(first)
    assert isinstance(second, BatchReading)
    assert pod.asked == [CONFIG, STATS, STATS]
    assert second.steps == first.steps

    pod.read(BatchReading("shop/a/0", 6.0, first.totals, first.steps))
    assert pod.asked[3:] == [CONFIG, STATS], "another process may have another config"


@pytest.mark.parametrize(
    ("response", "says"),
    [
        ({"status": 404, "text": json.dumps({"error": "unknown model"})}, "status 404"),
        ({"text": "<html>"}, "statistics"),
        ({"body": b" " * (2**20 + 1)}, "longer than"),
    ],
)
def test_no_usable_answer_is_a_reason(response: dict[str, Any], says: str) -> None:
    result = Pod({CONFIG: ALONE, STATS: web.Response(**response)}).read()

    assert isinstance(result, str)
    assert says in result


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({}, "status 404"),
        ({CONFIG: web.Response(text="<html>")}, "does not answer with a config"),
        ({CONFIG: web.Response(body=b"[" * 100_000)}, "does not answer with a config"),
        ({CONFIG: {"error": "no"}}, "model's config"),
        ({CONFIG: []}, "model's config"),
        ({CONFIG: {"instance_group": [{"count": "many"}]}}, "model's config"),
        ({CONFIG: {"instance_group": [{"count": 10**9}]}}, "model's config"),
        ({CONFIG: {"instance_group": []}}, "neither instance_group nor steps"),
        ({CONFIG: ensemble("filetype")}, "without end"),
        ({CONFIG: ensemble("gone")}, "status 404"),
        (
            {
                CONFIG: ensemble("m0", "m0"),
                **{
                    f"/v2/models/m{number}/config": ensemble(*[f"m{number + 1}"] * 2)
                    for number in range(60)
                },
                "/v2/models/m60/config": ALONE,
            },
            "without end",
        ),
        (
            {
                CONFIG: ensemble(*(f"m{number}" for number in range(99))),
                **{f"/v2/models/m{number}/config": ALONE for number in range(99)},
            },
            "more than 64 models",
        ),
    ],
)
def test_a_pod_that_does_not_tell_its_models_is_a_reason(
    answers: dict[str, Any], says: str
) -> None:
    result = Pod({**answers, STATS: stats("filetype")}).read()

    assert isinstance(result, str)
    assert says in result
