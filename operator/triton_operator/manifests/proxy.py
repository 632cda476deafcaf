"""The proxy through which models are fetched, as the environment that every HTTP library reads."""

from dataclasses import dataclass
from typing import Any

from triton_operator.manifests.claims import claim_of

ALWAYS_DIRECT = ("localhost", "127.0.0.1", "::1", ".svc", ".cluster.local")
"""Names that only the pod or the cluster knows: no proxy outside could reach them."""


HTTPS_KEY, HTTP_KEY = "HTTPS_PROXY", "HTTP_PROXY"
USERNAME_KEY, PASSWORD_KEY = "username", "password"
"""Keys of the Secret; the last two are those of Kubernetes' type basic-auth."""

USERNAME, PASSWORD = "TRITON_OPERATOR_PROXY_USERNAME", "TRITON_OPERATOR_PROXY_PASSWORD"
"""What the container that fetches reads them from: apart, so that nobody has to quote them."""


@dataclass(frozen=True)
class Proxy:
    """Addresses of the proxies for https:// and http://, and the names that are reached directly.

    Empty texts mean that there is no such proxy. `no` holds host names, domains (`.example.com`),
    addresses, and ranges of addresses (`10.0.0.0/8`). `secret` names a Secret in the namespace of
    each service: with user and password for these addresses, or, if there are none, with whole
    addresses.
    """

    https: str = ""
    http: str = ""
    no: tuple[str, ...] = ()
    secret: str = ""


NO_PROXY = Proxy()


def proxy_environment(proxy: Proxy, uri: str) -> list[dict[str, Any]]:
    """Environment of a container that fetches `uri`; nothing where the model is in a claim.

    Every name in capitals and in small letters: libraries do not agree on which one counts. What
    the Secret has to have is not optional: a pod that started without it would try the stores
    directly, and fail late, without a word about the Secret.
    """
    if claim_of(uri) or not (proxy.https or proxy.http or proxy.secret):
        return []
    rows: list[dict[str, Any]] = []
    if proxy.secret and not (proxy.https or proxy.http):
        for name, optional in ((HTTPS_KEY, False), (HTTP_KEY, True)):
            rows += [
                _from_secret(spelled, proxy.secret, name, optional=optional)
                for spelled in (name, name.lower())
            ]
    elif proxy.secret:
        rows.append(_from_secret(USERNAME, proxy.secret, USERNAME_KEY))
        rows.append(_from_secret(PASSWORD, proxy.secret, PASSWORD_KEY))
    direct = ",".join(dict.fromkeys((*ALWAYS_DIRECT, *proxy.no)))
    values = {HTTPS_KEY: proxy.https, HTTP_KEY: proxy.http, "NO_PROXY": direct}
    return rows + [
        {"name": spelled, "value": value}
        for name, value in values.items()
        if value
        for spelled in (name, name.lower())
    ]


def _from_secret(name: str, secret: str, key: str, *, optional: bool = False) -> dict[str, Any]:
    chosen: dict[str, Any] = {"name": secret, "key": key}
    if optional:
        chosen["optional"] = True
    return {"name": name, "valueFrom": {"secretKeyRef": chosen}}
