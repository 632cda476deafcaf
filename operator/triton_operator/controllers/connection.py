"""One HTTP session to the API server, shared by kopf's watches and the operator's own writes.

The official client finds the cluster and its credentials (pod, kubeconfig, exec plug-ins, token
refresh); requests go through plain aiohttp, at a quarter of the CPU of its generated classes.
"""

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import Configuration

from triton_operator import __version__
from triton_operator.controllers.answer_bounds import UNBOUNDED, AnswerBounds
from triton_operator.controllers.denials import Denials
from triton_operator.controllers.watch_streams import Middleware, WatchStreams

KEY = "BearerToken"


@dataclass(frozen=True)
class Connection:
    """The API server's root address, a session that authenticates every request, and what is heard
    on it: its watches, and answers 403. `bounds`: how much it may answer.
    """

    server: str
    session: aiohttp.ClientSession
    streams: WatchStreams = field(default_factory=WatchStreams)
    denials: Denials = field(default_factory=Denials)
    bounds: AnswerBounds = UNBOUNDED


class UnverifiedServer(config.ConfigException):
    """A configuration that cannot tell who answers; the text says why, and what to do."""


async def connect(
    kubeconfig: Path | None = None, *, for_kopf: bool = True, verified: bool = False
) -> Connection:
    """A connection from a kubeconfig, from the pod that this runs in, or from the default files.

    `for_kopf`: answers that kopf could not cope with are held back until something is done about
    them. Whoever watches without kopf wants to hear them. `verified`: only to a server that proves
    who it is, by a certificate.

    Raises:
        UnverifiedServer: it is not asked to, or cannot.
        kubernetes.aio.config.ConfigException: there is no usable configuration.
    """
    settings = Configuration()
    if kubeconfig is not None:
        await config.load_kube_config(str(kubeconfig), client_configuration=settings)
    else:
        try:
            config.load_incluster_config(client_configuration=settings)
        except config.ConfigException:
            await config.load_kube_config(client_configuration=settings)
    if verified:
        _refuse_unverified(settings, kubeconfig)
    streams, denials = WatchStreams(), Denials()
    listeners = (streams.middleware(), denials.middleware()) if for_kopf else ()
    session = _session(settings, listeners)
    return Connection(settings.host.rstrip("/"), session, streams, denials)


def _refuse_unverified(settings: Configuration, kubeconfig: Path | None) -> None:
    where = f"{kubeconfig or 'the configuration'}: {settings.host}"
    if not settings.host.startswith("https://"):
        raise UnverifiedServer(
            f"{where} is not reached by https: anybody on the way could take the token and say "
            "what runs here; give it the https:// address of the API server"
        )
    if not settings.verify_ssl:
        raise UnverifiedServer(
            f"{where} is not asked to prove who it is, so anybody on the way could take the token "
            "and say what runs here; remove insecure-skip-tls-verify, and give "
            "certificate-authority-data"
        )


def _session(settings: Configuration, listeners: tuple[Middleware, ...]) -> aiohttp.ClientSession:
    context = ssl.create_default_context(cafile=settings.ssl_ca_cert)
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    if not settings.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return aiohttp.ClientSession(
        # Watches hold their connections; the number of workers bounds the rest.
        connector=aiohttp.TCPConnector(limit=0, ssl=context),
        headers={"User-Agent": f"triton-operator/{__version__}"},
        middlewares=(_authenticator(settings), *listeners),
        proxy=settings.proxy or None,
        auto_decompress=True,
    )


def _authenticator(
    settings: Configuration,
) -> Callable[
    [aiohttp.ClientRequest, aiohttp.ClientHandlerType], Awaitable[aiohttp.ClientResponse]
]:
    """Sets the token anew for every request: a pod's token is replaced about once an hour."""

    async def authenticate(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        token = await settings.get_api_key_with_prefix(KEY)
        if token:
            request.headers["Authorization"] = token
        return await handler(request)

    return authenticate
