"""Which proxy leads to an address: HTTPS_PROXY, HTTP_PROXY and NO_PROXY, as curl and Go read them.

Names in small letters go first. NO_PROXY lists, with commas between them: hosts (their subdomains
count too), `.domain`, either with `:port`, addresses, ranges (`10.0.0.0/8`), and `*` for all.

User and password are in the address, or in two variables of their own. Neither is ever shown.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from triton_operator.model import reasons
from triton_operator.model.authorization import basic
from triton_operator.model.errors import SourceRefused

_ADDRESS = re.compile(
    r"(?P<scheme>(?i:https?))://(?:(?P<user>[^\s/?#]*)@)?"
    r"(?P<host>(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?)/?"
)
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")


USERNAME, PASSWORD = "TRITON_OPERATOR_PROXY_USERNAME", "TRITON_OPERATOR_PROXY_PASSWORD"
"""Environment variables for a proxy whose address has neither; their values are not quoted."""


@dataclass(frozen=True)
class Proxy:
    """A proxy. `address` has neither user nor password, so that it can be shown."""

    address: str
    authorization: str | None = field(default=None, repr=False)
    """The value of Proxy-Authorization; only the proxy gets it."""

    @property
    def headers(self) -> dict[str, str]:
        """What lets a request, or the opening of a tunnel, in."""
        return {} if self.authorization is None else {"Proxy-Authorization": self.authorization}


def proxy_for(url: str, environment: Mapping[str, str]) -> Proxy | None:
    """The proxy, or None where `url` is reached directly.

    Raises:
        SourceRefused: `CredentialsInvalid`, the environment has no usable address or password.
    """
    parts = urlsplit(url)
    name = f"{parts.scheme}_proxy"
    given = environment.get(name) or environment.get(name.upper()) or ""
    if not given.strip():
        return None
    direct = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or (80 if parts.scheme == "http" else 443)
    if any(_matches(entry.strip().lower(), host, port) for entry in direct.split(",")):
        return None
    return _proxy(given.strip(), name.upper(), environment)


def _proxy(given: str, name: str, environment: Mapping[str, str]) -> Proxy:
    # A character that should have been quoted makes a part of the password look like the host or
    # the port, and urllib's own errors would say it.
    found = _ADDRESS.fullmatch(given if "://" in given else f"http://{given}")
    if found is None or not 0 < int(found["port"] or 1) < 65536:
        raise _invalid(
            f"{name} is no address of a proxy: http://HOST:PORT, with http://USER:PASSWORD@ before "
            "the host if it wants them, both quoted as in any address (%2F for /)"
        )
    address = f"{found['scheme'].lower()}://{found['host']}"
    if found["user"] is not None:
        user, _, password = found["user"].partition(":")
        return Proxy(address, _basic(unquote(user), unquote(password), f"the user in {name}"))
    user, password = (environment.get(one, "").rstrip("\r\n") for one in (USERNAME, PASSWORD))
    if not user and not password:
        return Proxy(address)
    if not user or not password:
        raise _invalid("the username or the password for the proxy is empty")
    return Proxy(address, _basic(user, password, "the username for the proxy"))


def _basic(user: str, password: str, what: str) -> str:
    if ":" in user:
        raise _invalid(f"{what} has a ':' in it, which basic authentication cannot carry")
    if not (user + password).isprintable():
        raise _invalid(f"{what}, or the password, has a control character in it")
    return basic(user, password)


def _invalid(what: str) -> SourceRefused:
    return SourceRefused(
        reasons.CREDENTIALS_INVALID,
        f"{what}; correct the chart's proxy values, or the Secret of proxy.secretName",
    )


def tunnel_status(text: str) -> int | None:
    """What a proxy answered instead of connecting, from the text of Python's own error."""
    found = _TUNNEL.search(text)
    return int(found[1]) if found else None


def _matches(entry: str, host: str, port: int) -> bool:
    if entry in ("", "*"):
        return entry == "*"
    address = _address(host)
    if address is not None:
        return _address_matches(entry, address, port)
    name, separator, wanted = entry.rpartition(":")
    if separator and wanted.isdigit():
        if int(wanted) != port:
            return False
        entry = name
    domain = entry.removeprefix("*").lstrip(".")
    return host == domain or host.endswith(f".{domain}")


def _address_matches(
    entry: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> bool:
    try:
        return address in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        name, separator, wanted = entry.rpartition(":")
        same_port = bool(separator) and wanted.isdigit() and int(wanted) == port
        return same_port and _address(name.strip("[]")) == address


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
