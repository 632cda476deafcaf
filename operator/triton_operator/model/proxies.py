"""Which proxy leads to an address: HTTPS_PROXY, HTTP_PROXY and NO_PROXY, as curl and Go read them.

Names in small letters go first. NO_PROXY lists, with commas between them: hosts (their subdomains
count too), `.domain`, either with `:port`, addresses, ranges (`10.0.0.0/8`), and `*` for all.
"""

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit, urlunsplit

from triton_operator.model.authorization import basic

_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")


def proxy_for(url: str, environment: Mapping[str, str]) -> str | None:
    """The proxy's address, or None where `url` is reached directly."""
    parts = urlsplit(url)
    name = f"{parts.scheme}_proxy"
    proxy = environment.get(name) or environment.get(name.upper()) or ""
    if not proxy.strip():
        return None
    direct = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or (80 if parts.scheme == "http" else 443)
    if any(_matches(entry.strip().lower(), host, port) for entry in direct.split(",")):
        return None
    return proxy.strip() if "://" in proxy else f"http://{proxy.strip()}"


def without_password(proxy: str) -> str:
    """`proxy` for messages and logs."""
    parts = urlsplit(proxy)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "", "", ""))


def proxy_headers(proxy: str) -> dict[str, str]:
    """What lets a user with a password in the proxy's address in; only the proxy gets it."""
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    return {"Proxy-Authorization": basic(unquote(parts.username), unquote(parts.password or ""))}


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
