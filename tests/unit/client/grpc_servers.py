"""Servers of gRPC on the loopback that answer as they are told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np
from tritonclient.grpc import service_pb2, service_pb2_grpc

Answer = Callable[[Any, Any], Any]
"""Of a request and its context."""


@contextlib.contextmanager
def server(
    answer: Answer, port: int = 0, credentials: grpc.ServerCredentials | None = None
) -> Iterator[str]:
    """Where it answers, until the block ends."""

    class Servicer(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]
        def ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: N802
            return answer(request, context)

    made = grpc.server(ThreadPoolExecutor(4))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(Servicer(), made)
    address = f"127.0.0.1:{port}"
    if credentials is None:
        url = f"http://127.0.0.1:{made.add_insecure_port(address)}"
    else:
        url = f"https://127.0.0.1:{made.add_secure_port(address, credentials)}"
    made.start()
    try:
        yield url
    finally:
        made.stop(None).wait(10)


def doubled(request: Any, _: Any) -> Any:
    """`y`: the first tensor, of INT32, times two."""
    values = np.frombuffer(request.raw_input_contents[0], np.int32) * 2
    answer = service_pb2.ModelInferResponse(model_name=request.model_name)
    output = answer.outputs.add(name="y", datatype="INT32")
    output.shape.extend(values.shape)
    answer.raw_output_contents.append(values.tobytes())
    return answer
