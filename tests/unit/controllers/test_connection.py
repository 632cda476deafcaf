"""The connection: found where people keep it, and authenticated anew with every request."""

import asyncio
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from kubernetes.aio.config import ConfigException

from triton_operator import __version__
from triton_operator.controllers.connection import UnverifiedServer, connect


def kubeconfig(
    folder: Path, server: str, cluster: dict[str, Any] | None = None, **user: Any
) -> Path:
    path = folder / "kubeconfig"
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
                "clusters": [{"name": "k", "cluster": {"server": server, **(cluster or {})}}],
                "users": [{"name": "u", "user": user}],
            }
        )
    )
    return path


def headers_of_requests(folder: Path, count: int, **user: Any) -> list[dict[str, str]]:
    """The headers of requests that a connection with such a user makes."""
    seen: list[dict[str, str]] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(dict(request.headers))
        return web.json_response({})

    async def scenario() -> None:
        application = web.Application()
        application.router.add_get("/version", handle)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        # With a slash at the end, as some tools write it.
        connection = await connect(kubeconfig(folder, f"http://{host}:{port}/", **user))
        try:
            assert connection.server == f"http://{host}:{port}"
            for _ in range(count):
                async with connection.session.get(f"{connection.server}/version") as response:
                    assert response.status == 200
        finally:
            await connection.session.close()
            await runner.cleanup()

    asyncio.run(scenario())
    return seen


def test_a_token_is_sent_with_every_request(tmp_path: Path) -> None:
    first, second = headers_of_requests(tmp_path, 2, token="secret")

    assert first["Authorization"] == second["Authorization"] == "Bearer secret"
    assert first["User-Agent"] == f"triton-operator/{__version__}"


def test_a_plug_in_is_asked_for_the_token(tmp_path: Path) -> None:
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "from the plug-in"},
    }
    script = tmp_path / "plug-in"
    script.write_text(f"#!/bin/sh\necho {shlex.quote(json.dumps(credential))}\n")
    script.chmod(0o755)
    plug_in = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": str(script),
        "interactiveMode": "Never",
    }

    (headers,) = headers_of_requests(tmp_path, 1, exec=plug_in)

    assert headers["Authorization"] == "Bearer from the plug-in"


def test_without_a_token_there_is_no_header(tmp_path: Path) -> None:
    (headers,) = headers_of_requests(tmp_path, 1)

    assert "Authorization" not in headers


def test_no_configuration_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigException):
        asyncio.run(connect(tmp_path / "absent"))


@pytest.mark.parametrize(
    ("server", "cluster", "words"),
    [
        pytest.param("http://hub.example", {}, "is not reached by https", id="no TLS"),
        pytest.param("http://127.0.0.1:8001", {}, "is not reached by https", id="on loopback too"),
        pytest.param(
            "https://hub.example",
            {"insecure-skip-tls-verify": True},
            "remove insecure-skip-tls-verify",
            id="any certificate",
        ),
    ],
)
def test_who_does_not_prove_who_it_is_can_be_refused(
    server: str, cluster: dict[str, Any], words: str, tmp_path: Path
) -> None:
    path = kubeconfig(tmp_path, server, cluster, token="secret")

    with pytest.raises(UnverifiedServer, match=words) as refused:
        asyncio.run(connect(path, verified=True))

    assert str(path) in str(refused.value)
    assert server in str(refused.value)
    assert "secret" not in str(refused.value)


def test_who_proves_it_is_not_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        path = kubeconfig(tmp_path, "https://hub.example", token="secret")
        await (await connect(path, verified=True)).session.close()

    asyncio.run(scenario())
