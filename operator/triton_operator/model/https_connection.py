"""HTTPS connections to stores: who is trusted, where redirects lead, who sees credentials."""

import os
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import urljoin, urlsplit, urlunsplit

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

from triton_operator import __version__
from triton_operator.model import reasons
from triton_operator.model.credentials import Credentials
from triton_operator.model.errors import SourceRefused
from triton_operator.model.http_answers import REDIRECTS, TRY_AGAIN, Broken
from triton_operator.model.proxies import proxy_for, tunnel_status, without_password

T = TypeVar("T")

_MOST_REDIRECTS = 5


class HttpsConnection:
    """Sends GET requests with `credentials` to the origin of `url`, and without them elsewhere.

    `ca_file` has more certificate authorities, those of the platform. `environment` says which
    proxies to use.

    Raises:
        SourceRefused: `CredentialsInvalid`.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        ca_file: Path | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._origin = _origin(url)
        self._authorization = credentials.authorization
        self._trust = _trust(credentials, ca_file)
        self._environment = environment
        self._pools: dict[str | None, urllib3.PoolManager] = {}

    def get(
        self, url: str, headers: dict[str, str], timeout: urllib3.Timeout
    ) -> urllib3.BaseHTTPResponse:
        """The answer at the end of all redirects, its body not yet read; close it after use.

        Raises:
            Broken: no answer; it may work later.
            SourceRefused: `RedirectRefused`, `SourceNotTrusted`.
        """
        for _ in range(_MOST_REDIRECTS + 1):
            sent = {
                "User-Agent": f"triton-operator/{__version__}",
                "Accept": "*/*",
                "Accept-Encoding": "identity",
                **headers,
            }
            if self._authorization is not None and _origin(url) == self._origin:
                sent["Authorization"] = self._authorization
            response = self._request(url, sent, timeout)
            if response.status not in REDIRECTS:
                return response
            response.close()
            url = _redirected(url, response.headers.get("Location"))
        raise SourceRefused(
            reasons.REDIRECT_REFUSED,
            f"{without_query(url)} is the end of more than {_MOST_REDIRECTS} redirects",
        )

    def _request(
        self, url: str, headers: dict[str, str], timeout: urllib3.Timeout
    ) -> urllib3.BaseHTTPResponse:
        proxy = proxy_for(url, self._environment)
        pool = self._pool(proxy)
        try:
            return caught(
                lambda: pool.request(
                    "GET",
                    url,
                    headers=headers,
                    timeout=timeout,
                    retries=False,
                    redirect=False,
                    preload_content=False,
                    decode_content=False,
                )
            )
        except ssl.SSLCertVerificationError as error:
            raise SourceRefused(
                reasons.SOURCE_NOT_TRUSTED,
                f"the certificate of {without_query(url)} is not trusted "
                f"({error.verify_message}); put its authority as `ca.crt` into the Secret of "
                "spec.model.secretName, or for all services into the chart's trustBundle",
            ) from error
        except Broken as error:
            if proxy is None:
                raise
            raise _by_proxy(error, without_password(proxy), urlsplit(url).hostname) from error

    def _pool(self, proxy: str | None) -> urllib3.PoolManager:
        if proxy not in self._pools:
            self._pools[proxy] = (
                urllib3.PoolManager(ssl_context=self._trust, maxsize=1)
                if proxy is None
                else urllib3.ProxyManager(
                    proxy, ssl_context=self._trust, proxy_ssl_context=self._trust, maxsize=1
                )
            )
        return self._pools[proxy]


def _by_proxy(error: Broken, proxy: str, host: str | None) -> Broken | SourceRefused:
    """What went wrong, with the proxy in it: whoever sees only the store's name looks there."""
    answers = [tunnel_status(str(cause)) for cause in _causes(error)]
    status = next((answer for answer in answers if answer is not None), None)
    if status is None:
        return Broken(f"{error}, through the proxy {proxy}", timeout=error.timeout)
    said = f"the proxy {proxy} answers {status} for {host}"
    if 400 <= status < 500 and status not in TRY_AGAIN:
        return SourceRefused(
            reasons.SOURCE_FORBIDDEN,
            f"{said}; let it through there, or name the host in the chart's proxy.noProxy",
        )
    return Broken(said, timeout=status == 504)


def without_query(url: str) -> str:
    """`url` for messages and logs: a query may hold a signature."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "…" if parts.query else "", ""))


def checked_address(uri: str) -> str:
    """`uri` without its fragment.

    Raises:
        SourceRefused: `UnsupportedSource`: not https, no host, or credentials in the address.
    """
    try:
        parts = urlsplit(uri)
        usable = parts.scheme == "https" and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise SourceRefused(
            reasons.UNSUPPORTED_SOURCE,
            f"'{uri.partition('?')[0]}' is no usable address: https://HOST/PATH",
        )
    if parts.username is not None or parts.password is not None:
        raise SourceRefused(
            reasons.UNSUPPORTED_SOURCE,
            f"the address at {parts.hostname} has credentials in it; put them into a Secret and "
            "name it in spec.model.secretName",
        )
    return uri.partition("#")[0]


def _redirected(url: str, location: str | None) -> str:
    name = without_query(url)
    if not location:
        raise SourceRefused(reasons.REDIRECT_REFUSED, f"{name} redirects, but not where to")
    target = urljoin(url, location)
    if urlsplit(target).scheme != "https":
        raise SourceRefused(
            reasons.REDIRECT_REFUSED,
            f"{name} redirects to {without_query(target)}, which is not encrypted; use an address "
            "that stays on https",
        )
    return checked_address(target)


def _origin(url: str) -> tuple[str | None, int]:
    parts = urlsplit(url)
    return parts.hostname, parts.port or 443


def _trust(credentials: Credentials, ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    files = {
        credentials.ca_file: "the key 'ca.crt' of the Secret with credentials",
        ca_file: "the chart's trustBundle",
    }
    for file, name in files.items():
        if file is None:
            continue
        try:
            context.load_verify_locations(cafile=file)
        except OSError as error:
            raise SourceRefused(
                reasons.CREDENTIALS_INVALID, f"{name} has no PEM certificates"
            ) from error
    return context


def caught(call: Callable[[], T]) -> T:
    """What `call` gives back; the library's errors as `Broken`, a bad certificate as itself.

    Their text is not used: it may hold the address with its query.
    """
    try:
        return call()
    except (HTTPError, OSError) as error:
        for cause in _causes(error):
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise cause from None
        if any(_is_timeout(cause) for cause in _causes(error)):
            raise Broken("nothing came in time", timeout=True) from error
        told = [c.strerror for c in _causes(error) if isinstance(c, OSError) and c.strerror]
        what = told[-1] if told else type(error).__name__
        raise Broken(f"the connection failed ({what})") from error


def _is_timeout(error: BaseException) -> bool:
    # The library counts every refused connection as a kind of timeout.
    return isinstance(error, ReadTimeoutError | ConnectTimeoutError) and not isinstance(
        error, NewConnectionError
    )


def _causes(error: BaseException) -> list[BaseException]:
    """The error, and what it was made from: the library wraps in `args`, Python in `__cause__`."""
    found: list[BaseException] = []
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is None or one in found:
            continue
        found.append(one)
        pending += [one.__cause__, one.__context__]
        pending += [arg for arg in one.args if isinstance(arg, BaseException)]
    return found
