"""Asks a Triton over HTTP: tritonclient writes and reads the bodies, `http.client` carries them.

tritonclient's own connections belong to one thread, and have no deadline for the whole of a
request. Neither proxies of the environment are used here nor redirects followed.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from urllib.parse import quote, urlsplit

import tritonclient.http as triton

from triton_operator.client.outcome import Outcome, Reply, Tensors, http_outcome
from triton_operator.client.request import Request, filled
from triton_operator.client.timed_connection import TimedConnection
from triton_operator.client.tls import Tls

MOST_IDLE = 32
LONGEST_KEPT_SECONDS = 30.0
"""A Service chooses the pod of a connection once. An older connection gets no request, so that pods
which came later get some, and those that go lose theirs in time."""
LARGEST_ANSWER = 2**31 - 1
"""In bytes; as in gRPC."""
_HEADER_LENGTH = "Inference-Header-Content-Length"


class HttpTransport:
    """Of one endpoint, for several threads: each request has a connection of its own."""

    def __init__(self, url: str, tls: Tls) -> None:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        self._context: ssl.SSLContext | None = tls.context() if secure else None
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if secure else 80)
        self._prefix = parts.path.rstrip("/")
        self._lock = threading.Lock()
        self._idle: list[TimedConnection] = []
        self._closed = False

    def send(self, request: Request, seconds: float) -> Reply:
        """As in `Transport`."""
        deadline = time.monotonic() + seconds
        body, headers = _body(request)
        connection = self._taken()
        connection.deadline = deadline
        kept = False
        try:
            connection.request("POST", self._path(request), body, headers)
            response = connection.getresponse()
            content = response.read(LARGEST_ANSWER)
            if response.length:  # known, and not all of it came
                return Reply(Outcome.UNREACHABLE, "", "the connection broke within the answer")
            kept = not response.will_close
        except TimeoutError:
            return Reply(Outcome.TIMED_OUT)
        except ssl.SSLCertVerificationError as error:
            return Reply(Outcome.UNREACHABLE, "", f"its certificate: {error.verify_message}")
        except OSError as error:
            return Reply(Outcome.UNREACHABLE, "", str(error) or type(error).__name__)
        except http.client.HTTPException as error:
            return Reply(Outcome.MISBEHAVED, "", f"no answer of HTTP: {error!r}"[:500])
        finally:
            self._given_back(connection, kept)
        return _reply(response, content)

    def close(self) -> None:
        """As in `Transport`."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _path(self, request: Request) -> str:
        version = f"/versions/{quote(request.version, safe='')}" if request.version else ""
        return f"{self._prefix}/v2/models/{quote(request.model, safe='')}{version}/infer"

    def _taken(self) -> TimedConnection:
        while True:
            with self._lock:
                if not self._idle:
                    break
                connection = self._idle.pop()
            young = time.monotonic() < connection.born + LONGEST_KEPT_SECONDS
            if young and connection.is_usable():
                return connection
            connection.close()
        return TimedConnection(self._host, self._port, self._context)

    def _given_back(self, connection: TimedConnection, kept: bool) -> None:
        with self._lock:
            if kept and not self._closed and len(self._idle) < MOST_IDLE:
                self._idle.append(connection)
                return
        connection.close()


def _body(request: Request) -> tuple[bytes, dict[str, str]]:
    sequence = request.sequence
    body, json_bytes = triton.InferenceServerClient.generate_request_body(
        filled(triton.InferInput, request.inputs),
        outputs=[triton.InferRequestedOutput(name) for name in request.outputs] or None,
        request_id=request.request_id,
        sequence_id=sequence.sequence_id if sequence else 0,
        sequence_start=sequence.start if sequence else False,
        sequence_end=sequence.end if sequence else False,
    )
    headers = {"Content-Type": "application/octet-stream"}
    if json_bytes is not None:
        headers[_HEADER_LENGTH] = str(json_bytes)
    return body, headers


def _reply(response: http.client.HTTPResponse, content: bytes) -> Reply:
    outcome = http_outcome(response.status)
    if outcome is not Outcome.SERVED:
        return Reply(outcome, str(response.status), _words(content))
    try:
        outputs = _outputs(content, response.getheader(_HEADER_LENGTH))
    except Exception as error:  # whatever the bytes make tritonclient raise
        outcome = Outcome.MISBEHAVED
        return Reply(outcome, "200", f"an answer that cannot be read: {error!r}"[:500])
    return Reply(outcome, "200", outputs=outputs)


def _outputs(content: bytes, header_length: str | None) -> Tensors:
    result = triton.InferenceServerClient.parse_response_body(
        content, header_length=None if header_length is None else int(header_length)
    )
    return {one["name"]: result.as_numpy(one["name"]) for one in result.get_response()["outputs"]}


def _words(content: bytes) -> str:
    """Triton's own, if there are some."""
    try:
        said = json.loads(content)["error"]
    except (ValueError, KeyError, TypeError):
        said = content[:500].decode(errors="replace")
    return str(said)[:500]
