"""The client of a fleet: a real Triton is the endpoint that answers, and the other one does not."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from e2e.harness.paths import REPOSITORY
from e2e.harness.ports import free_ports
from e2e.harness.triton import FLAGS, put_model, running_triton
from tests.unit.client.servers import (
    BUSY,
    Seen,
    answering,
    hanging,
    refused_url,
    serving,
)
from triton_operator.client import (
    Answer,
    FleetClient,
    NotServedLocally,
    Outcome,
    Protocol,
    RequestRefused,
)

ROWS = np.zeros((2, 2048), np.int32)
DEADLINE = 10.0
"""Seconds: long for magika, as machines are busy. Half of it is a hanging endpoint's at first."""

MODEL = """
backend: "onnxruntime" max_batch_size: 16
input { name: "bytes" data_type: TYPE_INT32 dims: [2048] }
output { name: "target_label" data_type: TYPE_FP32 dims: [214] }
instance_group { kind: KIND_CPU count: 1 }
"""
# A request waits for others for a second, and is too late after a millisecond.
REJECTING = (
    MODEL
    + """
dynamic_batching {
  preferred_batch_size: [16] max_queue_delay_microseconds: 1000000
  default_queue_policy { timeout_action: REJECT default_timeout_microseconds: 1000 }
}
"""
)


# No two inputs of a sequence are in one batch, and each of them needs the flags of its place.
SEQUENCE = MODEL + "sequence_batching { max_sequence_idle_microseconds: 60000000 }"
MODELS = {"magika": MODEL, "rejecting": REJECTING, "sequence": SEQUENCE, "broken": MODEL}
ELSEWHERE = (
    b'{"model_name": "m", "model_version": "1", "outputs": [{"name": "target_label",'
    b' "datatype": "FP32", "shape": [1], "data": [0.5]}]}'
)


@dataclass(frozen=True)
class Served:
    """One server that speaks both."""

    http: str
    grpc: str

    def row(self, protocol: Protocol, **more: Any) -> dict[str, Any]:
        url = self.http if protocol is Protocol.HTTP else self.grpc
        return {"cluster": "cloud", "protocol": protocol, "url": url, "priority": 1, **more}


def store(url: str, protocol: Protocol, **more: Any) -> dict[str, Any]:
    return {"cluster": "store", "protocol": protocol, "url": url, "local": True, **more}


def remote(server: Seen) -> dict[str, Any]:
    return {"cluster": "other", "protocol": "HTTP", "url": server.url, "priority": 1}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, model_file: Path) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("fleet")
    no_model = folder / "no-model"
    no_model.write_bytes(b"this is no model")
    for name, config in MODELS.items():
        text = {"config.pbtxt": f'name: "{name}"\n{config}'}
        put_model(folder / "models", name, no_model if name == "broken" else model_file, text)
    (port,) = free_ports(1)
    flags = [*FLAGS, "--allow-grpc=true", "--grpc-address=127.0.0.1", f"--grpc-port={port}"]
    with running_triton(folder / "models", folder / "triton.log", "magika", flags) as url:
        yield Served(url, f"http://127.0.0.1:{port}")


@pytest.fixture(params=list(Protocol))
def protocol(request: pytest.FixtureRequest) -> Protocol:
    return Protocol(request.param)


def asked(client: FleetClient, model: str = "magika", **more: Any) -> Answer:
    return client.infer(model, {"bytes": ROWS}, deadline_seconds=DEADLINE, **more)


def test_both_protocols_serve_the_same(server: Served) -> None:
    answers = []
    for protocol in Protocol:
        with FleetClient([server.row(protocol)]) as client:
            answers.append(asked(client, outputs=["target_label"]))

    first, second = (one.outputs["target_label"] for one in answers)
    assert first.shape == (2, 214)
    assert first.sum(axis=1) == pytest.approx([1, 1], abs=1e-3)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("trouble", ["refuses", "hangs", "busy"])
def test_the_next_one_serves_within_the_deadline(
    server: Served, protocol: Protocol, trouble: str
) -> None:
    with serving(hanging) as silent, serving(BUSY) as busy:
        url = {"refuses": refused_url(), "hangs": silent.url, "busy": busy.url}[trouble]
        with FleetClient([store(url, protocol), server.row(protocol)]) as client:
            began = time.monotonic()
            answer = asked(client)
            took = time.monotonic() - began

    assert answer.cluster == "cloud"
    assert answer.outputs["target_label"].shape == (2, 214)
    first, second = answer.attempts
    assert (first.cluster, second.cluster) == ("store", "cloud")
    # A gateway that speaks HTTP/1.1 is no server at all for gRPC.
    busy_outcome = Outcome.OVERLOADED if protocol is Protocol.HTTP else Outcome.UNREACHABLE
    outcomes = {"refuses": Outcome.UNREACHABLE, "hangs": Outcome.TIMED_OUT, "busy": busy_outcome}
    assert first.outcome is outcomes[trouble]
    assert first.budget_seconds < DEADLINE
    assert took <= DEADLINE, "the client's own promise"


def test_a_hanging_edge_costs_what_the_cloud_leaves_and_then_nothing(
    server: Served, protocol: Protocol
) -> None:
    with (
        serving(hanging) as silent,
        FleetClient([store(silent.url, protocol), server.row(protocol)]) as client,
    ):
        answers = [client.infer("magika", {"bytes": ROWS}, deadline_seconds=6.0) for _ in range(5)]

    assert [one.cluster for one in answers] == ["cloud"] * 5
    assert [len(one.attempts) for one in answers[:3]] == [2, 2, 2]
    assert [len(one.attempts) for one in answers[3:]] == [1, 1]
    # At first both have the same part; what the cloud needs is known then.
    budgets = [one.attempts[0].budget_seconds for one in answers[:3]]
    assert budgets[0] <= 3.0 < budgets[1]


def test_what_tritons_queue_rejects_is_served_elsewhere(server: Served, protocol: Protocol) -> None:
    """In its own words, of a model whose requests are all too late in the queue."""
    with serving(answering("200 OK", ELSEWHERE)) as other:
        rows = [server.row(protocol, priority=0), remote(other)]
        with FleetClient(rows) as client:
            answer, *later = [asked(client, "rejecting") for _ in range(4)]

    assert answer.cluster == "other"
    assert answer.attempts[0].outcome is Outcome.OVERLOADED
    assert "timeout expired" in answer.attempts[0].message
    assert {len(one.attempts) for one in later} == {2}, "it may have room for the next one"


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"bytes": np.zeros((1, 7), np.int32)}, "unexpected shape"),
        ({"bytes": np.zeros((1, 2048), np.float32)}, "data-type"),
        ({"none": ROWS}, "none"),
    ],
    ids=["shape", "type", "name"],
)
def test_what_the_model_refuses_is_not_asked_elsewhere(
    server: Served, protocol: Protocol, inputs: dict[str, Any], words: str
) -> None:
    with (
        serving(BUSY) as other,
        FleetClient([server.row(protocol, priority=0), remote(other)]) as client,
    ):
        with pytest.raises(RequestRefused, match=words):
            client.infer("magika", inputs, deadline_seconds=DEADLINE)
        assert other.connections == 0


@pytest.mark.parametrize("model", ["no-such-model", "broken"])
def test_a_model_that_is_not_loaded_may_be_elsewhere(
    server: Served, protocol: Protocol, model: str
) -> None:
    with serving(answering("200 OK", ELSEWHERE)) as other:
        rows = [server.row(protocol, priority=0), remote(other)]
        with FleetClient(rows) as client:
            answer = asked(client, model)

    assert answer.cluster == "other"
    assert answer.attempts[0].outcome in (Outcome.NOT_THERE, Outcome.OVERLOADED)
    assert model in answer.attempts[0].message


def test_a_sequence_is_one_for_triton_too(server: Served, protocol: Protocol) -> None:
    with FleetClient([server.row(protocol)]) as client:
        sequence = client.sequence("sequence")
        for end in (False, False, True):
            part = sequence.infer({"bytes": ROWS[:1]}, deadline_seconds=DEADLINE, end=end)
            assert part.outputs["target_label"].shape == (1, 214)
        other = client.sequence("sequence", sequence_id=sequence.sequence_id)
        other._endpoint = client.endpoints[0]  # as if it had begun
        with pytest.raises(RequestRefused, match="START"):
            other.infer({"bytes": ROWS[:1]}, deadline_seconds=DEADLINE)


@pytest.mark.parametrize("trouble", ["refuses", "hangs", "busy"])
def test_what_must_stay_is_not_sent_to_a_remote(protocol: Protocol, trouble: str) -> None:
    """The remote would answer: it is the only one that does, and it sees nothing at all."""
    with serving(hanging) as silent, serving(BUSY) as busy, serving(hanging) as remote:
        url = {"refuses": refused_url(), "hangs": silent.url, "busy": busy.url}[trouble]
        rows = [
            store(url, protocol, priority=5),
            {
                "cluster": "cloud",
                "protocol": protocol,
                "url": remote.url,
                "priority": 0,
                "weightPercent": 100,
            },
        ]
        with FleetClient(rows) as client:
            for _ in range(5):
                with pytest.raises(NotServedLocally, match="no local endpoint answered"):
                    client.infer("magika", {"bytes": ROWS}, deadline_seconds=0.2, local_only=True)
            # Until here: what may leave does, so that the remote is one that can be reached.
            assert (remote.connections, remote.received) == (0, b"")
            with pytest.raises(Exception, match="cloud"):
                client.infer("magika", {"bytes": ROWS}, deadline_seconds=0.2)
        assert remote.received


def test_what_must_stay_is_served_here(server: Served, protocol: Protocol) -> None:
    with (
        serving(BUSY) as remote,
        FleetClient(
            [
                server.row(protocol, cluster="store", local=True),
                {"cluster": "cloud", "protocol": "HTTP", "url": remote.url, "weightPercent": 100},
            ]
        ) as client,
    ):
        assert asked(client, local_only=True).cluster == "store"
        assert remote.connections == 0


def test_the_example_says_who_served(server: Served, protocol: Protocol, tmp_path: Path) -> None:
    np.savez(tmp_path / "tensors.npz", bytes=ROWS)
    rows = [store(refused_url(), protocol), server.row(protocol)]
    (tmp_path / "endpoints.json").write_text(json.dumps({"endpoints": rows}))
    example = REPOSITORY / "examples" / "fleet" / "client.py"
    files = tmp_path / "endpoints.json", tmp_path / "tensors.npz"
    command: list[str | Path] = [sys.executable, example, files[0], "magika", files[1]]
    command += ["--times", "2", "--deadline", str(DEADLINE)]

    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout.count("ms  cloud after store Unreachable\n") == 2
    assert "cloud Served 2\n" in ran.stdout

    ran = subprocess.run([*command, "--local-only"], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stdout.count("kept here, and not served: magika must be served here") == 2
    assert "cloud" not in ran.stdout
