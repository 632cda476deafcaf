"""Asks a Triton over gRPC, with tritonclient.

A channel whose call failed is not used again: gRPC would wait up to two minutes before it connects
anew, and would go on with a connection whose other end is gone for a quarter of an hour.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from triton_operator.client.outcome import Outcome, Reply, Tensors, grpc_outcome
from triton_operator.client.request import Request, filled
from triton_operator.client.tls import Tls

_LARGEST_MESSAGE = 2**31 - 1
_CHANNEL = [
    ("grpc.max_send_message_length", _LARGEST_MESSAGE),
    ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
    # Channels with the same arguments share connections, and what is known of them.
    ("grpc.use_local_subchannel_pool", 1),
    # The environment must not lead a request somewhere else than to its endpoint.
    ("grpc.enable_http_proxy", 0),
]


class GrpcTransport:
    """Of one endpoint; several threads share its connection."""

    def __init__(self, url: str, tls: Tls) -> None:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        self._target = f"{_bracketed(parts.hostname or '')}:{parts.port or (443 if secure else 80)}"
        self._secure = secure
        self._tls = tls
        self._lock = threading.Lock()
        self._client: Any = None

    def send(self, request: Request, seconds: float) -> Reply:
        """As in `Transport`."""
        sequence = request.sequence
        inputs = filled(triton.InferInput, request.inputs)
        client = self._connected()
        try:
            result = client.infer(
                request.model,
                inputs,
                model_version=request.version,
                outputs=[triton.InferRequestedOutput(name) for name in request.outputs] or None,
                request_id=request.request_id,
                sequence_id=sequence.sequence_id if sequence else 0,
                sequence_start=sequence.start if sequence else False,
                sequence_end=sequence.end if sequence else False,
                client_timeout=seconds,
            )
        except InferenceServerException as error:
            reply = _refused(error)
            if reply.outcome.is_silence:
                self._forget(client)
            return reply
        try:
            return Reply(Outcome.SERVED, "OK", outputs=_outputs(result))
        except Exception as error:  # whatever the bytes make tritonclient raise
            return Reply(Outcome.MISBEHAVED, "OK", f"an answer that cannot be read: {error!r}")

    def close(self) -> None:
        """As in `Transport`: calls that are under way keep their channel until they end."""
        with self._lock:
            self._client = None

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = triton.InferenceServerClient(
                    self._target,
                    ssl=self._secure,
                    root_certificates=_text(self._tls.ca_file),
                    private_key=_text(self._tls.key_file),
                    certificate_chain=_text(self._tls.certificate_file),
                    channel_args=_CHANNEL,
                )
            return self._client

    def _forget(self, client: Any) -> None:
        with self._lock:
            if self._client is client:
                self._client = None


def _refused(error: Any) -> Reply:
    code = str(error.status()).rpartition(".")[2]
    message = str(error.message())
    return Reply(grpc_outcome(code, message), code, message[:500])


def _outputs(result: Any) -> Tensors:
    return {one.name: result.as_numpy(one.name) for one in result.get_response().outputs}


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
