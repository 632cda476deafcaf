"""Asking a pod for its batch statistics."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from tests.unit.autoscaling.sources.loopback import Handler, served
from triton_operator.autoscaling.curve_memory import BatchReading
from triton_operator.autoscaling.samples import PodTarget
from triton_operator.autoscaling.sources.batch_reader import BatchReader
from triton_operator.autoscaling.sources.pod_requests import PodRequests

TARGET = PodTarget("shop", "a", 1, "127.0.0.1", "filetype")
PHASE = {"count": 10, "ns": 100_000_000}
ROW = {"batch_size": 4, "compute_input": PHASE, "compute_infer": PHASE, "compute_output": PHASE}


async def read(handler: Handler) -> Any:
    requests = PodRequests()
    try:
        async with served(handler) as port:
            return await BatchReader(requests, lambda: 7.0, port).reading(TARGET)
    finally:
        await requests.close()


def test_a_pod_is_asked_for_the_model_of_its_service() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.path == "/v2/models/filetype/stats"
        return web.json_response({"model_stats": [{"name": "filetype", "batch_stats": [ROW]}]})

    result = asyncio.run(read(handler))

    assert result == BatchReading("shop/a/1", 7.0, {4: (10.0, pytest.approx(0.3))})


@pytest.mark.parametrize(
    ("response", "says"),
    [
        ({"status": 404, "text": json.dumps({"error": "unknown model"})}, "status 404"),
        ({"text": "<html>"}, "statistics"),
        ({"body": b" " * (2**20 + 1)}, "longer than"),
    ],
)
def test_no_usable_answer_is_a_reason(response: dict[str, Any], says: str) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(**response)

    result = asyncio.run(read(handler))

    assert isinstance(result, str)
    assert says in result
