"""Talks with the Triton that is measured: HTTP over connections that stay open.

`tritonclient` would build every request anew, and would bring gevent into the image; here the bytes
of a request are made once. Requests of several senders come from as many threads.
"""

import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, urlsplit

from triton_operator.model import reasons
from triton_operator.model.errors import WorkFailed, printable
from triton_operator.model.measurement.batch_times import batch_totals
from triton_operator.model.measurement.request_body import RequestBody
from triton_operator.triton.batch_statistics import BatchTotal

ANSWER_SECONDS = 120.0
"""For one answer: a batch that takes longer is measured by nobody."""
MOST_SENDERS = 256
_JSON_LIMIT = 16 << 20


class TritonClient:
    """One model of one Triton at `url` (`http://HOST:PORT`). Closes its connections at the end.

    `clock` gives seconds and never goes back.
    """

    def __init__(self, url: str, model: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._host, self._port = _address(url)
        self._url = url
        self._model_path = f"/v2/models/{quote(model, safe='')}"
        self.model = model
        self._clock = clock
        self._local = threading.local()
        self._open: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._senders = 0

    def __enter__(self) -> "TritonClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close everything: Triton stops no sooner."""
        self._retire()
        for connection in self._open:
            connection.close()
        self._open.clear()

    def version(self) -> str:
        """Triton's own version, such as 2.51.0."""
        return str(self._json("/v2").get("version", ""))

    def config(self) -> Mapping[str, Any]:
        """The model's config as Triton completed it."""
        return self._json(f"{self._model_path}/config")

    def is_ready(self) -> bool:
        """Whether the model is loaded; False too while nothing answers."""
        try:
            status, _ = self._exchange("GET", f"{self._model_path}/ready")
        except WorkFailed:
            return False
        return status == http.client.OK

    def totals(self) -> dict[int, BatchTotal]:
        """What was executed since the model was loaded."""
        return batch_totals(self._json(f"{self._model_path}/stats"), self.model)

    def send(self, body: RequestBody, times: int, senders: int = 1) -> list[float]:
        """Send it `times` in a row from each of the senders; what each took the client, in seconds.

        Raises:
            WorkFailed: a request is refused, or the server is gone.
        """
        if senders == 1:
            return self._send_in_a_row(body, times)
        tasks = [
            self._senders_of(senders).submit(self._send_in_a_row, body, times)
            for _ in range(senders)
        ]
        return [seconds for task in tasks for seconds in task.result()]

    def send_for(self, body: RequestBody, seconds: float, senders: int) -> int:
        """Send it from all senders for that long, each one as soon as it is answered; how often.

        Raises:
            WorkFailed: a request is refused, or the server is gone.
        """
        end = self._clock() + seconds

        def send_until_then() -> int:
            count = 0
            while self._clock() < end:
                self._infer(body)
                count += 1
            return count

        tasks = [self._senders_of(senders).submit(send_until_then) for _ in range(senders)]
        return sum(task.result() for task in tasks)

    def _send_in_a_row(self, body: RequestBody, times: int) -> list[float]:
        took = []
        for _ in range(times):
            began = self._clock()
            self._infer(body)
            took.append(self._clock() - began)
        return took

    def _infer(self, body: RequestBody) -> None:
        headers = {
            "Content-Type": "application/octet-stream",
            "Inference-Header-Content-Length": str(body.json_bytes),
        }
        status, answer = self._exchange("POST", f"{self._model_path}/infer", body.content, headers)
        if status != http.client.OK:
            raise WorkFailed(
                reasons.REQUEST_REFUSED,
                f"{self.model}, batch of {body.rows}: {status}: {_error_of(answer)}",
            )

    def _json(self, path: str) -> Mapping[str, Any]:
        status, answer = self._exchange("GET", path)
        if status != http.client.OK:
            raise WorkFailed(
                reasons.TRITON_MISBEHAVES,
                f"{self._url}{path} answers {status}: {_error_of(answer)}",
            )
        try:
            read = json.loads(answer[:_JSON_LIMIT])
        except ValueError as error:
            raise WorkFailed(
                reasons.TRITON_MISBEHAVES, f"{self._url}{path} answers no JSON: {error}"
            ) from error
        if not isinstance(read, Mapping):
            raise WorkFailed(reasons.TRITON_MISBEHAVES, f"{self._url}{path} answers no object")
        return read

    def _exchange(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        connection = self._connection()
        try:
            connection.request(method, path, body or None, dict(headers or {}))
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()  # the next request opens it again
            raise WorkFailed(
                reasons.TRITON_UNREACHABLE,
                f"{self._url}{path}: {error or type(error).__name__}",
                retryable=True,
            ) from error

    def _connection(self) -> http.client.HTTPConnection:
        """This thread's own."""
        if (found := getattr(self._local, "connection", None)) is None:
            found = http.client.HTTPConnection(self._host, self._port, timeout=ANSWER_SECONDS)
            self._local.connection = found
            with self._lock:
                self._open.append(found)
        return found

    def _senders_of(self, count: int) -> ThreadPoolExecutor:
        """A pool whose threads, and so connections, stay while the number does."""
        if self._pool is None or self._senders != count:
            self._retire()
            self._pool = ThreadPoolExecutor(max_workers=count)
            self._senders = count
        return self._pool

    def _retire(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


def _address(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise WorkFailed(reasons.INVALID_ARGUMENTS, f"{url}: {error}") from error
    if parts.scheme != "http" or not host or parts.path not in ("", "/") or parts.query:
        raise WorkFailed(reasons.INVALID_ARGUMENTS, f"{url} is not like http://HOST:PORT")
    return host, port or 8000


def _error_of(answer: bytes) -> str:
    """Triton's own words, if there are some."""
    try:
        said = json.loads(answer)["error"]
    except (ValueError, KeyError, TypeError):
        said = answer[:300].decode(errors="replace") or "no words"
    return printable(str(said))
