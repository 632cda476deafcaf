"""A connection to the API server of a cluster that the hub pushes to. It is not trusted.

It is told nothing but its own credentials, leads nowhere else, and says no more than fits.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from triton_operator import __version__
from triton_operator.controllers.answer_bounds import AnswerBounds, too_much
from triton_operator.controllers.connection import Connection
from triton_operator.fleet.member_kubeconfig import MemberKubeconfig, RefusedKubeconfig

MOST_BYTES = 2 * 2**20
"""Of one answer: an object has 1.5 MiB at most, and a page of services of 64 KiB each as much."""
BOUNDS = AnswerBounds(page_size=25, pages=6_000, rows=150_000, memory=32 * 2**20, line=MOST_BYTES)
"""Rows: no cluster has more pods by Kubernetes' own limits."""


async def connect_to_member(kubeconfig: MemberKubeconfig) -> Connection:
    """A connection that proves with whom it speaks, and is closed by closing its session.

    Raises:
        RefusedKubeconfig: certificate or key cannot be used.
    """
    context = await asyncio.to_thread(tls_context, kubeconfig)
    headers = {"User-Agent": f"triton-operator/{__version__}"}
    if kubeconfig.token:
        headers["Authorization"] = f"Bearer {kubeconfig.token}"
    session = aiohttp.ClientSession(
        connector=_Connector(limit=0, ssl=context, resolver=_OwnThread()),
        headers=headers,
        middlewares=(_lead_nowhere,),
        response_class=_Bounded,
        trust_env=False,
    )
    return Connection(kubeconfig.server, session, bounds=BOUNDS)


def tls_context(kubeconfig: MemberKubeconfig) -> ssl.SSLContext:
    """Who is believed, and the client's certificate; blocks for a moment.

    Raises:
        RefusedKubeconfig: certificate or key cannot be used.
    """
    try:
        context = ssl.create_default_context(cadata=kubeconfig.authority or None)
    except (ssl.SSLError, ValueError) as error:
        raise RefusedKubeconfig(
            "cluster.certificate-authority-data: it has no certificate that can be read"
        ) from error
    if kubeconfig.certificate:
        # Python's TLS reads a client's certificate from a file only: one that nobody else can
        # open, and that is gone once it was read.
        try:
            with tempfile.TemporaryDirectory(prefix="member-") as folder:
                file = Path(folder) / "client.pem"
                file.touch(mode=0o600)
                file.write_text(f"{kubeconfig.certificate}\n{kubeconfig.key}\n", encoding="ascii")
                # Without a question for a password on some terminal.
                context.load_cert_chain(file, password="")
        except (ssl.SSLError, ValueError) as error:
            raise RefusedKubeconfig(
                "user.client-certificate-data and client-key-data: they cannot be read, or are no "
                "pair"
            ) from error
    return context


async def _lead_nowhere(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """No API server redirects: whoever does would have the hub ask others in its own network."""
    response = await handler(request)
    if 300 <= response.status < 400:
        response.close()
        raise aiohttp.ClientPayloadError(f"a redirect ({response.status}), which is not followed")
    return response


class _Bounded(aiohttp.ClientResponse):
    """An answer of a length that the hub can bear."""

    async def read(self) -> bytes:
        parts, size = [], 0
        async for part in self.content.iter_any():
            size += len(part)
            if size > MOST_BYTES:
                self.close()
                raise too_much(f"an answer of more than {MOST_BYTES / 2**20:g} MiB")
            parts.append(part)
        self._body = b"".join(parts)
        return self._body


class _Connector(aiohttp.TCPConnector):
    """Ends with the thread of its resolver: aiohttp leaves one that it was given as it is."""

    async def close(self, *, abort_ssl: bool = False) -> None:
        try:
            await super().close(abort_ssl=abort_ssl)
        finally:
            await self._resolver.close()


class _OwnThread(AbstractResolver):
    """Names are looked up in a thread of this connection: one that takes minutes holds up only
    this cluster, where the threads of the process are shared."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="member-names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._pool, lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
        )
        return [_row(host, one) for one in found]

    async def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _row(host: str, found: tuple[Any, ...]) -> ResolveResult:
    family, _, proto, _, address = found
    return ResolveResult(
        hostname=host,
        host=address[0],
        port=address[1],
        family=family,
        proto=proto,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
