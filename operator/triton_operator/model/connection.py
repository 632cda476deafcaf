"""Connections to stores: who is trusted, where redirects lead, who sees credentials."""

import re
import ssl
from collections.abc import Callable, Container, Iterator, Mapping
from typing import TypeVar
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ReadTimeoutError,
)

from triton_operator import __version__
from triton_operator.model import reasons
from triton_operator.model.authorization import Authorization, Headers, Refusal
from triton_operator.model.errors import SourceRefused
from triton_operator.model.http_answers import GOOD, REDIRECTS, TAKEN, TRY_AGAIN, Broken
from triton_operator.model.network import Network
from triton_operator.model.proxies import Proxy, proxy_for, tunnel_status
from triton_operator.model.sent_address import sent_address

T = TypeVar("T")
Body = bytes | Iterator[bytes]
"""Whole, or in pieces; then a header has to say how many bytes there are."""

_MOST_REDIRECTS = 5
_MOST_LESSONS = 2
"""How often in a row an answer may say how to ask: with a token, then in another region."""
_REFUSAL_BYTES = 4096
_USER = re.compile(r"//[^/?#]*@")


class Connection:
    """Sends requests with `authorization` to the origin of `url`, and without it elsewhere."""

    def __init__(self, url: str, authorization: Authorization, network: Network) -> None:
        self._origin = origin(url)
        self._authorization = authorization
        self._requests = Requests(network)
        self._network = network

    @property
    def authorization(self) -> Authorization:
        """How this connection is let in."""
        return self._authorization

    def get(
        self, url: str, headers: Headers, timeout: urllib3.Timeout
    ) -> urllib3.BaseHTTPResponse | Refusal:
        """The answer at the end of all redirects, its body not yet read; close it after use.

        Raises:
            Broken: no answer; it may work later.
            SourceRefused: `RedirectRefused`, `SourceNotTrusted`, or as `authorization`.
        """
        redirects = 0
        while True:
            answer = self._answer("GET", url, headers, timeout, GOOD, lambda: None)
            if not isinstance(answer, Refusal) or answer.status not in REDIRECTS:
                return answer
            redirects += 1
            if redirects > _MOST_REDIRECTS:
                raise SourceRefused(
                    reasons.REDIRECT_REFUSED,
                    f"{without_query(url)} is the end of more than {_MOST_REDIRECTS} redirects",
                )
            url = _redirected(url, answer.headers.get("Location"), self._network)

    def send(
        self,
        method: str,
        url: str,
        headers: Headers,
        timeout: urllib3.Timeout,
        body: Callable[[], Body | None] = lambda: None,
    ) -> urllib3.BaseHTTPResponse | Refusal:
        """The answer to a request with a body, which is opened again for each try; close it after
        use. Redirects are refusals: what was meant for one store goes to no other.

        Raises:
            as `get`, and whatever the body does.
        """
        return self._answer(method, url, headers, timeout, TAKEN, body)

    def _answer(
        self,
        method: str,
        url: str,
        headers: Headers,
        timeout: urllib3.Timeout,
        good: Container[int],
        body: Callable[[], Body | None],
    ) -> urllib3.BaseHTTPResponse | Refusal:
        """What comes once there is nothing more to learn on how to ask."""
        ours = origin(url) == self._origin
        lessons = 0
        while True:
            where, sent = url, headers
            if ours:
                where, sent = self._authorization.authorized(url, sent, timeout)
            response = self._requests.send(method, where, sent, timeout, body=body())
            if response.status in good:
                return response
            refusal = refusal_of(response)
            if not (
                ours and lessons < _MOST_LESSONS and self._authorization.learns(refusal, timeout)
            ):
                return refusal
            lessons += 1


class Requests:
    """Single requests over `network`, straight or through its proxies; redirects are answers."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._pools: dict[Proxy | None, urllib3.PoolManager] = {}

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        timeout: urllib3.Timeout,
        *,
        form: Mapping[str, str] | None = None,
        body: Body | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """The answer, its body not yet read; close it after use. `form` is sent as the body.

        Raises:
            Broken: no answer; it may work later.
            SourceRefused: `SourceNotTrusted`, `SourceForbidden` by a proxy, `CredentialsInvalid`.
        """
        proxy = proxy_for(url, self._network.environment)
        named = {
            "User-Agent": f"triton-operator/{__version__}",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            **headers,
        }
        if form is not None:
            body = urlencode(form).encode()
            named["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            return caught(
                lambda: self._pool(proxy).request(
                    method,
                    url,
                    headers=named,
                    body=body,
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
                f"{self._network.secret_field}, or for all services into the chart's trustBundle",
            ) from error
        except Broken as error:
            if proxy is None:
                raise
            raise _by_proxy(error, proxy, urlsplit(url).hostname) from error

    def _pool(self, proxy: Proxy | None) -> urllib3.PoolManager:
        if proxy not in self._pools:
            trust = self._network.trust
            self._pools[proxy] = (
                urllib3.PoolManager(ssl_context=trust, maxsize=1)
                if proxy is None
                else urllib3.ProxyManager(
                    proxy.address,
                    proxy_headers=proxy.headers,
                    ssl_context=trust,
                    proxy_ssl_context=trust,
                    maxsize=1,
                )
            )
        return self._pools[proxy]


def _by_proxy(error: Broken, proxy: Proxy, host: str | None) -> Broken | SourceRefused:
    """What went wrong, with the proxy in it: whoever sees only the store's name looks there."""
    answers = [tunnel_status(str(cause)) for cause in _causes(error)]
    status = next((answer for answer in answers if answer is not None), None)
    if status is None:
        return Broken(f"{error}, through the proxy {proxy.address}", timeout=error.timeout)
    said = f"the proxy {proxy.address} answers {status} for {host}"
    if status == 407:
        advice = (
            "it wants a user and a password: name a Secret that has them in the chart's "
            "proxy.secretName"
            if proxy.authorization is None
            else "it does not take the user and password in the Secret of the chart's "
            "proxy.secretName"
        )
        return SourceRefused(reasons.SOURCE_FORBIDDEN, f"{said}; {advice}")
    if 400 <= status < 500 and status not in TRY_AGAIN:
        return SourceRefused(
            reasons.SOURCE_FORBIDDEN,
            f"{said}; let it through there, or name the host in the chart's proxy.noProxy",
        )
    return Broken(said, timeout=status == 504)


def refusal_of(response: urllib3.BaseHTTPResponse) -> Refusal:
    """What an answer other than the file says; closes it."""
    try:
        body = caught(lambda: response.read1(_REFUSAL_BYTES))
    except (Broken, ssl.SSLCertVerificationError):
        body = b""
    finally:
        response.close()
    return Refusal(response.status, response.headers, body)


def without_query(url: str) -> str:
    """`url` for messages and logs: a query may hold a signature, and a host a password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "…" if parts.query else "", ""))


def checked_address(uri: str, network: Network) -> str:
    """`uri` without its fragment.

    Raises:
        SourceRefused: `UnsupportedSource`: not https, no host, or credentials in the address.
    """
    try:
        parts = urlsplit(uri)
        usable = network.encrypted(uri) and bool(parts.hostname) and (parts.port or 1) > 0
        sent_address(uri)
    except ValueError:
        usable = False
    if not usable:
        raise SourceRefused(
            reasons.UNSUPPORTED_SOURCE,
            f"'{_USER.sub('//', uri.partition('?')[0])}' is no usable address: https://HOST/PATH",
        )
    if parts.username is not None or parts.password is not None:
        raise SourceRefused(
            reasons.UNSUPPORTED_SOURCE,
            f"the address at {parts.hostname} has credentials in it; put them into a Secret and "
            f"name it in {network.secret_field}",
        )
    return uri.partition("#")[0]


def _redirected(url: str, location: str | None, network: Network) -> str:
    name = without_query(url)
    if not location:
        raise SourceRefused(reasons.REDIRECT_REFUSED, f"{name} redirects, but not where to")
    target = urljoin(url, location)
    if not network.encrypted(target):
        raise SourceRefused(
            reasons.REDIRECT_REFUSED,
            f"{name} redirects to {without_query(target)}, which is not encrypted; use an address "
            "that stays on https",
        )
    return checked_address(target, network)


def origin(url: str) -> tuple[str, str | None, int]:
    """Scheme, host and port: who gets to see the credentials of a store."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


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
