"""Questions to a Prometheus over HTTP, by prometheus-api-client, with everything bounded.

The client takes any time and any number of bytes, follows redirects with its headers, asks three
times, and says `KeyError` where an answer is not one. It is given a session without these habits.
"""

import io
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError, ReadTimeoutError

TIMEOUT_SECONDS = 5.0
MAX_BYTES = 64 * 2**20
"""An hour of one service with 100 replicas is 10 MB."""
_MAX_VALUE_BYTES = 2**16
_NO_ANSWER = (KeyError, TypeError, AttributeError, RecursionError)
"""What the client raises where an answer has another form."""


class PrometheusSilent(Exception):
    """There is no usable answer; the text says why, without secrets.

    `away`: it may not answer anybody at the moment, so that others need not ask as well.
    """

    def __init__(self, why: str, away: bool = True) -> None:
        super().__init__(why[:300])
        self.away = away


class NoHeaderValue(ValueError):
    """A file has nothing that a header can carry; the text says why, and nothing of it."""


@dataclass(frozen=True)
class PrometheusAddress:
    """Where a Prometheus is, and how to ask it.

    `token_file` has a bearer token, each of `header_files` the value of a header by its name: a
    tenant, or another kind of authorization. They are read at each question, because what is
    mounted there changes. `ca_file` has certificates to trust instead of the system's.
    """

    url: str
    token_file: Path | None = None
    ca_file: Path | None = None
    header_files: Mapping[str, Path] = field(default_factory=dict)
    timeout_seconds: float = TIMEOUT_SECONDS

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:  # a port that is no number, half of an IPv6 address
            usable = False
        if not usable:
            raise ValueError("the URL of Prometheus must be http:// or https://, and HOST[:PORT]")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError(
                "the URL of Prometheus must have no user, query or fragment: "
                "put credentials into the token file or a header"
            )


class PrometheusConnection:
    """Synchronous: to be called in threads, from several at a time."""

    def __init__(self, address: PrometheusAddress) -> None:
        url = address.url.rstrip("/")
        session = requests.Session()
        # No proxy, .netrc or certificates of the environment: only what the address says.
        session.trust_env = False
        session.max_redirects = 0
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        if address.ca_file is not None:
            session.verify = str(address.ca_file)
        self._session = session
        self._client = PrometheusConnect(
            url,
            headers={"Accept-Encoding": "identity"},
            auth=_FromFiles(address),
            session=session,
            timeout=address.timeout_seconds,
        )
        # The client has just put its own adapter there, which asks again and reads without end.
        session.mount(url, _BoundedAdapter(address.timeout_seconds))

    def instant(self, query: str) -> Any:
        """`data.result` of a query as of now.

        Raises:
            PrometheusSilent: there is none.
        """
        return self._answer(lambda: self._client.custom_query(query))

    def range(self, query: str, start: float, end: float, step_seconds: int) -> Any:
        """`data.result` of a query at each step; times are seconds since the epoch, whole ones.

        Raises:
            PrometheusSilent: there is none.
        """
        return self._answer(
            lambda: self._client.custom_query_range(
                query,
                datetime.fromtimestamp(start, UTC),
                datetime.fromtimestamp(end, UTC),
                str(step_seconds),
            )
        )

    def close(self) -> None:
        """Close what is idle."""
        self._session.close()

    def _answer(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except PrometheusApiClientException as error:
            # 4xx: it is there, and means this question; but who may not ask, may never.
            text = str(error)
            meant = text.startswith(("HTTP Status Code 400", "HTTP Status Code 422"))
            raise PrometheusSilent(f"Prometheus refuses: {text}", away=not meant) from error
        except requests.TooManyRedirects as error:
            raise PrometheusSilent("Prometheus redirects; give its own URL") from error
        except requests.Timeout as error:
            raise PrometheusSilent("Prometheus did not answer in time") from error
        except (requests.JSONDecodeError, *_NO_ANSWER) as error:
            raise PrometheusSilent(f"what answers is no Prometheus: {error!r}") from error
        except (requests.RequestException, OSError) as error:
            raise PrometheusSilent(f"Prometheus cannot be asked: {error}") from error


class _FromFiles(AuthBase):
    """Puts what is in the files now into a request."""

    def __init__(self, address: PrometheusAddress) -> None:
        self._address = address

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        try:
            for name, path in self._address.header_files.items():
                request.headers[name] = header_value(path, f"the file of header {name}")
            if self._address.token_file is not None:
                token = header_value(self._address.token_file, "the token file")
                request.headers["Authorization"] = f"Bearer {token}"
        except NoHeaderValue as error:
            raise PrometheusSilent(str(error)) from error
        return request


def header_value(path: Path, name: str) -> str:
    """The one line in a file, without the space around it; `name` is what messages call the file.

    Raises:
        NoHeaderValue: the file cannot be read, or no header can have such a value.
    """
    try:
        with path.open("rb") as file:
            value = file.read(_MAX_VALUE_BYTES + 1).decode("ascii").strip()
    except OSError as error:
        raise NoHeaderValue(f"{name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise NoHeaderValue(f"{name} is no text in ASCII") from error
    if not value or not value.isprintable() or len(value) > _MAX_VALUE_BYTES:
        raise NoHeaderValue(f"{name} has not one line of text, of at most 64 KiB, in it")
    return value


class _BoundedAdapter(HTTPAdapter):
    """Reads answers as a whole, within a time and a number of bytes.

    The timeout of `requests` is between two bytes; a server that drips would hold a thread forever.
    """

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__(max_retries=0)
        self._timeout_seconds = timeout_seconds

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        until = time.monotonic() + self._timeout_seconds
        response = super().send(*args, **{**kwargs, "stream": True})
        if response.headers.get("Content-Encoding", "identity") != "identity":
            response.close()
            raise requests.ConnectionError("it compresses what it was asked not to")
        body = io.BytesIO()
        try:
            while part := response.raw.read1(2**16):
                body.write(part)
                if body.tell() > MAX_BYTES:
                    raise requests.ConnectionError(f"its answer is longer than {MAX_BYTES} bytes")
                if time.monotonic() > until:
                    raise requests.Timeout
        except BaseException as error:
            response.raw.close()
            if isinstance(error, ReadTimeoutError):
                raise requests.Timeout from error
            if isinstance(error, HTTPError):
                raise requests.ConnectionError(error) from error
            raise
        body.seek(0)
        response.raw.release_conn()
        response.raw = body
        return response
