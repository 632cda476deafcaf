"""A connection to a cluster that the hub does not trust: to whom it speaks, and what it takes."""

from __future__ import annotations

import asyncio
import math
import ssl
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from e2e.harness.pki import Authority, Pair
from triton_operator.controllers import member_connection
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiTooMuch, ApiUnavailable
from triton_operator.controllers.kinds import NAMESPACE
from triton_operator.controllers.member_connection import connect_to_member, tls_context
from triton_operator.fleet.member_kubeconfig import MemberKubeconfig, RefusedKubeconfig

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def serving(authority: Authority) -> Pair:
    return authority.issue("server", "/CN=server", ["DNS:localhost"])


@pytest.fixture(scope="module")
def client(authority: Authority) -> Pair:
    return authority.issue("client", "/CN=client")


def asked(
    handler: Handler, authority: Authority, serving: Pair, host: str = "localhost", **how: Any
) -> Any:
    """What `GET namespace kube-system` gives, of a server that has `handler` everywhere."""

    async def scenario() -> Any:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.pair.cert)
        context.load_cert_chain(serving.cert, serving.key)
        context.verify_mode = ssl.CERT_OPTIONAL
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        port = runner.addresses[0][1]
        believed = how.pop("believed", authority.pair.cert.read_text())
        usual = {"authority": believed, "token": "t"}
        connection = await connect_to_member(
            MemberKubeconfig(server=f"https://{host}:{port}", **{**usual, **how})
        )
        try:
            return await ApiServer(connection).get(NAMESPACE, "", "kube-system")
        finally:
            await connection.session.close()
            await runner.cleanup()

    return asyncio.run(scenario())


async def echo(request: web.Request) -> web.Response:
    transport = request.transport
    assert transport is not None
    found = transport.get_extra_info("peercert") or {}
    return web.json_response(
        {"token": request.headers.get("Authorization"), "subject": found.get("subject")}
    )


def test_it_speaks_as_its_account(authority: Authority, serving: Pair, client: Pair) -> None:
    assert asked(echo, authority, serving) == {"token": "Bearer t", "subject": None}
    pair = {"certificate": client.cert.read_text(), "key": client.key.read_text()}
    assert asked(echo, authority, serving, token="", **pair) == {
        "token": None,
        "subject": [[["commonName", "client"]]],
    }


@pytest.mark.parametrize("trusts", ["another authority", "the hub's own", "another name"])
def test_whoever_does_not_prove_who_it_is_hears_nothing(
    trusts: str, authority: Authority, serving: Pair, tmp_path: Path
) -> None:
    heard = []

    async def listen(request: web.Request) -> web.Response:
        heard.append(request)
        return web.json_response({})

    how: dict[str, Any] = {}
    if trusts == "another authority":
        how["believed"] = Authority.create(tmp_path).pair.cert.read_text()
    elif trusts == "the hub's own":
        how["believed"] = ""
    else:
        how["host"] = "127.0.0.1"
    with pytest.raises(ApiUnavailable, match="certificate"):
        asked(listen, authority, serving, **how)
    assert heard == []


def test_it_leads_nowhere_else(authority: Authority, serving: Pair) -> None:
    """Or a cluster could have the hub ask what only the hub reaches, with a token too."""
    heard: list[str] = []

    async def redirect(request: web.Request) -> web.Response:
        heard.append(request.path)
        raise web.HTTPTemporaryRedirect("/elsewhere")

    with pytest.raises(ApiUnavailable, match="which is not followed"):
        asked(redirect, authority, serving)
    assert heard == ["/api/v1/namespaces/kube-system"]


@pytest.mark.parametrize(("size", "fits"), [(90, True), (110, False)])
def test_an_answer_has_to_fit(
    size: int, fits: bool, authority: Authority, serving: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(member_connection, "MOST_BYTES", 100)

    async def talk(request: web.Request) -> web.StreamResponse:
        # Without a length that would tell.
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'"' + b"x" * (size - 2) + b'"')
        return response

    if fits:
        assert len(asked(talk, authority, serving)) == size - 2
    else:
        with pytest.raises(ApiTooMuch, match="an answer of more than"):
            asked(talk, authority, serving)


def test_credentials_that_cannot_be_read_are_refused(authority: Authority, client: Pair) -> None:
    broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    certificate, key = client.cert.read_text(), authority.pair.key.read_text()
    with pytest.raises(RefusedKubeconfig, match="certificate-authority-data"):
        tls_context(MemberKubeconfig("https://a", authority=broken, token="t"))
    with pytest.raises(RefusedKubeconfig, match="no pair"):
        tls_context(MemberKubeconfig("https://a", certificate=certificate, key=key))
    with pytest.raises(RefusedKubeconfig, match="client-certificate-data"):
        tls_context(MemberKubeconfig("https://a", certificate=broken, key=key))


def test_a_name_that_takes_for_ever_holds_up_nobody_else(
    authority: Authority, serving: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The threads of the process are few, and a dead name server keeps each for half a minute."""
    import socket

    end, real = threading.Event(), socket.getaddrinfo

    def slow(host: Any, *arguments: Any, **more: Any) -> Any:
        if host == "dead.example":
            end.wait(30)
        return real(host, *arguments, **more)

    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        connections = [
            await connect_to_member(MemberKubeconfig("https://dead.example", token="t"))
            for _ in range(40)
        ]
        tasks = [asyncio.create_task(ApiServer(one).get(NAMESPACE, "", "a")) for one in connections]
        await asyncio.sleep(0.2)
        began = loop.time()
        await asyncio.to_thread(lambda: None)
        took = loop.time() - began
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in connections:
            await one.session.close()
        end.set()
        return took

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    assert asyncio.run(scenario()) < 5


def test_nothing_of_its_bounds_is_open() -> None:
    bounds = member_connection.BOUNDS
    assert max(bounds.pages, bounds.rows, bounds.memory) < math.inf
    assert bounds.page_size * 64 * 1024 < member_connection.MOST_BYTES, "a page of services fits"
    assert bounds.line >= 1.5 * 2**20, "and an event of any object"


def test_its_thread_ends_with_it() -> None:
    """And not whenever the last reference to it is found to be gone: each new connection to a
    cluster that fails would leave a thread behind."""

    def running() -> set[threading.Thread]:
        return {one for one in threading.enumerate() if one.name.startswith("member-names")}

    async def scenario() -> None:
        before = running()
        connection = await connect_to_member(MemberKubeconfig("https://localhost:1", token="t"))
        with pytest.raises(ApiUnavailable):
            await ApiServer(connection).get(NAMESPACE, "", "kube-system")
        (thread,) = running() - before
        await connection.session.close()
        thread.join(5)
        assert not thread.is_alive()
        assert connection.session.closed

    asyncio.run(scenario())
