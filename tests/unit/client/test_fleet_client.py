"""The whole client, on servers on the loopback."""

from __future__ import annotations

import ast
import json
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import triton_operator.client as package
from tests.unit.client.servers import BUSY, FINE, Seen, answering, hanging, refused_url, serving
from triton_operator.client import (
    BadEndpoints,
    BadInput,
    BreakerState,
    FleetClient,
    NotServed,
    NotServedLocally,
    Outcome,
    RequestRefused,
    SequenceLost,
)

X = {"x": np.arange(3, dtype=np.int32)}


def local(url: str, **more: Any) -> dict[str, Any]:
    return {
        "cluster": "store",
        "protocol": "HTTP",
        "url": url,
        "tier": "Edge",
        "local": True,
        **more,
    }


def remote(url: str, **more: Any) -> dict[str, Any]:
    return {"cluster": "cloud", "protocol": "HTTP", "url": url, "priority": 1, **more}


def test_an_answer_says_who_served() -> None:
    with serving(BUSY) as store, serving(FINE) as cloud:
        client = FleetClient([local(store.url), remote(cloud.url, tier="Cloud")])
        answer = client.infer("m", X, deadline_seconds=20)
        client.close()

    assert answer.outputs["y"].tolist() == [4, 5]
    assert (answer.cluster, answer.tier, answer.local) == ("cloud", "Cloud", False)
    assert answer.fell_back
    assert client.counts().attempts == {
        "cloud": {Outcome.SERVED: 1},
        "store": {Outcome.OVERLOADED: 1},
    }


def test_what_must_stay_reaches_nobody_else() -> None:
    with serving(FINE) as cloud, serving(answering("500 Broken")) as broken:
        for url in (refused_url(), broken.url):
            client = FleetClient([remote(cloud.url, priority=0, weightPercent=100), local(url)])
            for _ in range(5):
                with pytest.raises(NotServedLocally):
                    client.infer("m", X, deadline_seconds=20, local_only=True)
            client.close()
        assert (cloud.connections, cloud.received) == (0, b"")


def test_a_file_that_changes_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triton_operator.client.endpoint_file.LOOK_SECONDS", 0.0)
    file = tmp_path / "endpoints.json"
    with serving(FINE) as first, serving(FINE) as second:
        file.write_text(json.dumps({"endpoints": [local(first.url)]}))
        with FleetClient(file) as client:
            assert client.infer("m", X, deadline_seconds=20).cluster == "store"
            file.write_text(json.dumps({"endpoints": [remote(second.url)]}))
            assert client.infer("m", X, deadline_seconds=20).cluster == "cloud"
            file.write_text("{")
            assert client.infer("m", X, deadline_seconds=20).cluster == "cloud"
            assert "endpoints.json" in client.problem
            assert [one.cluster for one in client.endpoints] == ["cloud"]


def test_a_list_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(BadEndpoints, match=r"endpoints\[0\]\.url"):
        FleetClient([local("nowhere")])
    with pytest.raises(BadEndpoints, match="No such file"):
        FleetClient(tmp_path / "endpoints.json")


@pytest.mark.parametrize("deadline", [0.0, -1.0, float("nan"), float("inf"), 4000.0])
def test_a_deadline_has_bounds(deadline: float) -> None:
    client = FleetClient([local(refused_url())])
    with pytest.raises(BadInput, match="deadline_seconds"):
        client.infer("m", X, deadline_seconds=deadline)


def test_names_of_outputs_are_a_list() -> None:
    client = FleetClient([local(refused_url())])
    with pytest.raises(BadInput, match="outputs"):
        client.infer("m", X, deadline_seconds=1, outputs="y")


def test_a_sequence_stays_where_it_began() -> None:
    with serving(BUSY) as store, serving(FINE) as cloud:
        client = FleetClient([local(store.url), remote(cloud.url)])
        sequence = client.sequence("m", sequence_id=7)
        parts = [sequence.infer(X, deadline_seconds=20, end=end) for end in (False, False, True)]
        with pytest.raises(RuntimeError, match="sequence 7 is over"):
            sequence.infer(X, deadline_seconds=20)
        client.close()

    assert [one.cluster for one in parts] == ["cloud"] * 3
    assert [len(one.attempts) for one in parts] == [2, 1, 1]
    assert cloud.received.count(b'"sequence_start":true') == 1
    assert cloud.received.count(b'"sequence_end":true') == 1
    assert cloud.received.count(b'"sequence_id":7') == 3


def test_a_sequence_whose_endpoint_is_gone_is_lost_and_not_repeated() -> None:
    def once(connection: socket.socket, seen: Seen) -> None:
        seen.read_request(connection)
        body = b'{"model_name": "m", "model_version": "1", "outputs": []}'
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        seen.read_request(connection)

    with serving(once) as store, serving(FINE) as cloud:
        client = FleetClient([local(store.url), remote(cloud.url)])
        sequence = client.sequence("m")
        sequence.infer(X, deadline_seconds=20)
        with pytest.raises(SequenceLost, match="begin it anew: store"):
            sequence.infer(X, deadline_seconds=20)
        with pytest.raises(RuntimeError, match="is over"):
            sequence.infer(X, deadline_seconds=20)
        client.close()

    assert store.received.count(b"POST") == 2
    assert cloud.connections == 0


def test_a_sequence_that_must_stay_follows_what_the_list_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triton_operator.client.endpoint_file.LOOK_SECONDS", 0.0)
    file = tmp_path / "endpoints.json"
    with serving(FINE) as store:
        file.write_text(json.dumps({"endpoints": [local(store.url)]}))
        client = FleetClient(file)
        sequence = client.sequence("m", local_only=True)
        sequence.infer(X, deadline_seconds=20)
        file.write_text(json.dumps({"endpoints": [local(store.url, local=False)]}))
        with pytest.raises(NotServedLocally):
            sequence.infer(X, deadline_seconds=20)
        client.close()

    assert store.received.count(b"POST") == 1


def test_the_request_itself_is_wrong() -> None:
    with (
        serving(answering("400 Bad Request", b'{"error": "unexpected shape"}')) as store,
        serving(FINE) as cloud,
    ):
        client = FleetClient([local(store.url), remote(cloud.url)])
        with pytest.raises(RequestRefused, match="unexpected shape") as caught:
            client.infer("m", X, deadline_seconds=20)
        client.close()

    assert (caught.value.cluster, caught.value.status) == ("store", "400")
    assert cloud.connections == 0


def test_threads_share_a_client() -> None:
    with serving(BUSY) as store, serving(FINE) as cloud:
        client = FleetClient([local(store.url), remote(cloud.url)])
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: client.infer("m", X, deadline_seconds=60), range(64)))
        client.close()

    assert {one.cluster for one in answers} == {"cloud"}
    assert client.counts().attempts["cloud"] == {Outcome.SERVED: 64}
    assert cloud.received.count(b"POST") == 64
    assert cloud.connections <= 8


def test_breakers_are_told() -> None:
    with serving(hanging) as store:
        client = FleetClient([local(store.url)])
        for _ in range(3):
            with pytest.raises(NotServed):
                client.infer("m", X, deadline_seconds=0.05)
        assert client.breakers() == {("store", store.url): BreakerState.OPEN}
        client.close()
    assert client.counts().not_served == 3


def test_the_package_says_what_it_offers() -> None:
    tree = ast.parse(Path(package.__file__).read_text())
    imported = {
        alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }

    assert sorted(package.__all__) == package.__all__
    assert set(package.__all__) == imported


def test_importing_it_brings_neither_the_operator_nor_a_protocol() -> None:
    """An application pays for what it asks with."""
    code = "import sys, triton_operator.client; print(*sorted(sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    modules = set(ran.stdout.split())

    assert not modules & {"kopf", "kubernetes", "aiohttp", "grpc", "gevent", "yaml"}
    ours = {name for name in modules if name.startswith("triton_operator.")}
    assert {name.split(".")[1] for name in ours} == {"api", "client"}
