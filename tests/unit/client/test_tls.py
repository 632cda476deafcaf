"""Servers are verified, whatever they speak."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from e2e.harness.pki import Authority, Pair
from tests.unit.client.grpc_servers import doubled, server
from tests.unit.client.servers import FINE, Seen, serving
from triton_operator.client import FleetClient, NotServed, Protocol, Tls

X = {"x": np.arange(3, dtype=np.int32)}


@dataclass(frozen=True)
class Authorities:
    """Ours with the certificates that it made, and one that nobody here knows."""

    ca: Path
    stranger: Path
    server: Pair
    client: Pair


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Authorities:
    folder = tmp_path_factory.mktemp("pki")
    ours = Authority.create(folder, "ours")
    stranger = Authority.create(folder, "stranger")
    return Authorities(
        ours.pair.cert,
        stranger.pair.cert,
        ours.issue("server", "/CN=server", ["IP:127.0.0.1"]),
        ours.issue("client", "/CN=client"),
    )


@pytest.fixture(params=list(Protocol))
def url(request: pytest.FixtureRequest, known: Authorities) -> Iterator[tuple[Protocol, str]]:
    """Of a server that wants to see a certificate."""
    if request.param is Protocol.HTTP:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(known.server.cert, known.server.key)
        context.load_verify_locations(known.ca)
        context.verify_mode = ssl.CERT_REQUIRED

        def handler(connection: Any, seen: Seen) -> None:
            with context.wrap_socket(connection, server_side=True) as secured:
                FINE(secured, seen)

        with serving(handler) as seen:
            yield Protocol.HTTP, f"https://127.0.0.1:{seen.port}"
        return
    pair = known.server.key.read_bytes(), known.server.cert.read_bytes()
    credentials = grpc.ssl_server_credentials([pair], known.ca.read_bytes(), True)
    with server(doubled, credentials=credentials) as address:
        yield Protocol.GRPC, address


def asked(url: tuple[Protocol, str], tls: Tls | None) -> list[int]:
    protocol, address = url
    row = {"cluster": "store", "protocol": protocol, "url": address}
    with FleetClient([row], tls=tls) as client:
        found: list[int] = client.infer("m", X, deadline_seconds=20).outputs["y"].tolist()
        return found


def test_both_ends_are_verified(url: tuple[Protocol, str], known: Authorities) -> None:
    tls = Tls(known.ca, known.client.cert, known.client.key)

    assert asked(url, tls) == ([4, 5] if url[0] is Protocol.HTTP else [0, 2, 4])


@pytest.mark.parametrize("who", ["the system's", "a stranger's"])
def test_a_server_of_another_authority_is_not_asked(
    url: tuple[Protocol, str], known: Authorities, who: str
) -> None:
    tls = None if who == "the system's" else Tls(known.stranger)
    with pytest.raises(NotServed, match=r"Unreachable .*(?i:certificate)"):
        asked(url, tls)


def test_a_server_that_is_not_told_who_asks(url: tuple[Protocol, str], known: Authorities) -> None:
    with pytest.raises(NotServed, match=r"Unreachable"):
        asked(url, Tls(known.ca))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Known when the client is made, not when the first request is."""
    with pytest.raises(OSError, match="No such file"):
        FleetClient(
            [{"cluster": "store", "protocol": "HTTP", "url": "https://127.0.0.1"}],
            tls=Tls(tmp_path / "gone.crt"),
        )
