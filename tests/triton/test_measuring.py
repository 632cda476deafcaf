"""Measuring a real model on a real Triton: what is said was executed, and nothing else."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.triton.conftest import LARGEST, THREADS
from triton_operator.api.model_profile import ModelProfileSpec
from triton_operator.cli.main import app
from triton_operator.model import reasons
from triton_operator.model.errors import WorkFailed
from triton_operator.model.measurement.batch_times import rows_executed, since
from triton_operator.model.measurement.inputs import generated_inputs
from triton_operator.model.measurement.probe import Probe, Settings
from triton_operator.model.measurement.request_body import RequestBody
from triton_operator.model.measurement.schedule import batch_sizes
from triton_operator.model.measurement.served_model import served_model
from triton_operator.model.measurement.session import Session
from triton_operator.model.measurement.triton_client import TritonClient


class CountingClient(TritonClient):
    """Knows how many rows it has sent one after the other, and how many at once."""

    sent_rows = 0
    loaded_rows = 0

    def send(self, body: RequestBody, times: int, senders: int = 1) -> list[float]:
        self.sent_rows += body.rows * times * senders
        return super().send(body, times, senders)

    def send_for(self, body: RequestBody, seconds: float, senders: int) -> int:
        answered = super().send_for(body, seconds, senders)
        self.loaded_rows += body.rows * answered
        return answered


def test_what_triton_executed_is_what_was_sent(triton: str) -> None:
    with CountingClient(triton, "magika") as client:
        model = served_model(client.config())
        before = client.totals()
        found = Probe(
            client,
            generated_inputs(model.inputs, batched=True, seed="a"),
            Settings(largest=LARGEST, budget_seconds=8.0),
            clock=time.monotonic,
            sleep=time.sleep,
            own_cpu=time.process_time,
        ).measure()
        executed = since(before, client.totals())

    sizes = tuple(row.batch_size for row in found.sizes)
    # On a busy machine the budget may not last for the largest.
    assert len(sizes) >= 3
    assert sizes == batch_sizes(LARGEST)[: len(sizes)]
    assert rows_executed(executed) == client.sent_rows + client.loaded_rows
    for row in found.sizes:
        assert 0 < row.executions <= executed[row.batch_size].executions
        assert row.seconds <= row.client_seconds * 1.5, "what the client sees has all of it in it"
    first, last = found.sizes[0], found.sizes[-1]
    assert last.seconds > 1.5 * first.seconds, "magika's work grows with the batch"


def test_the_config_is_read_from_triton(triton: str) -> None:
    with TritonClient(triton, "magika") as client:
        model = served_model(client.config())

    assert (model.engine, model.max_batch_size, model.instances) == ("onnxruntime", LARGEST, 1)
    assert model.threads == THREADS
    assert [(row.name, row.datatype, row.shape) for row in model.inputs] == [
        ("bytes", "INT32", [-1, 2048])
    ]


def test_a_command_prints_a_profile_to_commit(triton: str, model_file: Path) -> None:
    arguments = ["--url", triton, "--name", "magika", "--budget", "4", "--max-batch", "2"]
    ran = CliRunner().invoke(app, ["model", "measure", str(model_file), *arguments, "-o", "json"])

    assert ran.exit_code == 0, ran.output
    profile = json.loads(ran.stdout)
    spec = ModelProfileSpec.model_validate(profile["spec"])
    (row,) = spec.measurements
    assert spec.facts is not None
    assert profile["metadata"]["name"] == spec.digest.replace(":", "-")
    assert [one.batch_size for one in row.latency] == [1, 2]
    assert all(float(one.milliseconds) > 0 for one in row.latency)
    assert (row.source, row.engine) == ("Measured", "onnxruntime")
    assert (row.instances, row.threads) == (1, THREADS)
    assert row.hardware.triton_release == "24.10"
    assert row.hardware.cpu
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    assert [line["batchSize"] for line in lines] == [1, 2]


def test_a_table_has_a_row_for_each_size(triton: str, model_file: Path) -> None:
    arguments = ["--url", triton, "--name", "magika", "--budget", "2", "--max-batch", "2"]
    ran = CliRunner().invoke(app, ["model", "measure", str(model_file), *arguments])

    assert ran.exit_code == 0, ran.output
    assert "MILLISECONDS" in ran.stdout
    assert [line.split()[0] for line in ran.stdout.splitlines()[2:4]] == ["1", "2"]


def test_a_model_that_does_not_load_is_a_result(triton: str, model_file: Path) -> None:
    names = ["--name", "broken", "--name", "magika"]
    arguments = ["--url", triton, *names, "--budget", "4", "--max-batch", "1", "-o", "json"]
    ran = CliRunner().invoke(app, ["model", "measure", str(model_file), *arguments])

    assert ran.exit_code == 1
    assert "broken: ModelNotLoaded" in ran.stderr
    assert len(json.loads(ran.stdout)["spec"]["measurements"]) == 1


def test_samples_go_to_the_model(triton: str, tmp_path: Path) -> None:
    good, wrong = tmp_path / "good.npz", tmp_path / "wrong.npz"
    np.savez(good, bytes=np.arange(4 * 2048, dtype=np.int32).reshape(4, 2048) % 256)
    np.savez(wrong, bytes=np.zeros((4, 2047), np.int32))

    found = Session(triton, "a", samples=good, largest=2).measured("magika", 2.0)
    assert [row.batch_size for row in found.sizes] == [1, 2]
    with pytest.raises(WorkFailed, match="has the shape"):
        Session(triton, "a", samples=wrong).measured("magika", 2.0)


def test_triton_says_itself_what_is_wrong_with_a_request(triton: str) -> None:
    with TritonClient(triton, "magika") as client, pytest.raises(WorkFailed) as caught:
        client.send(RequestBody(b'{"inputs": []}', 14, 1), 1)

    assert caught.value.failure.reason == reasons.REQUEST_REFUSED
    assert "expected 1 inputs" in caught.value.failure.message


def test_others_who_send_requests_are_noticed(triton: str) -> None:
    """The statistics count theirs too; a number with theirs in it would not be the model's."""
    with TritonClient(triton, "magika") as one, TritonClient(triton, "magika") as other:
        model = served_model(one.config())
        inputs = generated_inputs(model.inputs, batched=True, seed="a")

        class Stranger(CountingClient):
            def send(self, body: RequestBody, times: int, senders: int = 1) -> list[float]:
                other.send(body, 1)
                return super().send(body, times, senders)

        with Stranger(triton, "magika") as disturbed, pytest.raises(WorkFailed) as caught:
            Probe(
                disturbed,
                inputs,
                Settings(largest=1, budget_seconds=2.0),
                clock=time.monotonic,
                sleep=time.sleep,
                own_cpu=time.process_time,
            ).measure()

    assert caught.value.failure.reason == reasons.MEASUREMENT_DISTURBED
