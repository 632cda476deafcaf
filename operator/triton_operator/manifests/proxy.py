"""The proxy through which models are fetched, as the environment that every HTTP library reads."""

from dataclasses import dataclass

from triton_operator.manifests.claims import claim_of

ALWAYS_DIRECT = ("localhost", "127.0.0.1", "::1", ".svc", ".cluster.local")
"""Names that only the pod or the cluster knows: no proxy outside could reach them."""


@dataclass(frozen=True)
class Proxy:
    """Addresses of the proxies for https:// and http://, and the names that are reached directly.

    Empty texts mean that there is no such proxy. `no` holds host names, domains (`.example.com`),
    addresses, and ranges of addresses (`10.0.0.0/8`).
    """

    https: str = ""
    http: str = ""
    no: tuple[str, ...] = ()


NO_PROXY = Proxy()


def proxy_environment(proxy: Proxy, uri: str) -> list[dict[str, str]]:
    """Environment of a container that fetches `uri`; nothing where the model is in a claim.

    Every name in capitals and in small letters: libraries do not agree on which one counts.
    """
    if claim_of(uri) or not (proxy.https or proxy.http):
        return []
    direct = ",".join(dict.fromkeys((*ALWAYS_DIRECT, *proxy.no)))
    values = {"HTTPS_PROXY": proxy.https, "HTTP_PROXY": proxy.http, "NO_PROXY": direct}
    return [
        {"name": spelled, "value": value}
        for name, value in values.items()
        if value
        for spelled in (name, name.lower())
    ]
