"""How fast a replica of an ensemble is, told by a real Triton: its models batch, it does not."""

import asyncio
import json
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from e2e.harness.triton import running_triton, triton_folder
from triton_operator.autoscaling.curve_memory import BatchReading, CurveMemory, curve, with_reading
from triton_operator.autoscaling.samples import PodTarget
from triton_operator.autoscaling.sources.batch_reader import BatchReader
from triton_operator.autoscaling.sources.pod_requests import PodRequests
from triton_operator.autoscaling.steps import Step

CODE = """\
import json
import time

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        given = json.loads(args["model_config"])["parameters"]
        self.base, self.per_row = (float(given[key]["string_value"]) for key in ("base", "per_row"))

    def execute(self, requests):
        inputs = [pb_utils.get_input_tensor_by_name(one, "x").as_numpy() for one in requests]
        time.sleep(self.base + self.per_row * sum(len(one) for one in inputs))
        return [pb_utils.InferenceResponse([pb_utils.Tensor("y", one)]) for one in inputs]
"""
TENSORS = """\
max_batch_size: 8
input { name: "x" data_type: TYPE_FP32 dims: [ 1 ] }
output { name: "y" data_type: TYPE_FP32 dims: [ 1 ] }
"""
PIPELINE = """\
platform: "ensemble"
ensemble_scheduling {
  step {
    model_name: "heavy"
    model_version: -1
    input_map { key: "x" value: "x" }
    output_map { key: "y" value: "between" }
  }
  step {
    model_name: "light"
    model_version: -1
    input_map { key: "x" value: "between" }
    output_map { key: "y" value: "y" }
  }
}
"""
HEAVY, LIGHT = (0.020, 0.010), (0.002, 0.001)
CLIENTS, TIMES = 8, 12


def put_python(folder: Path, base: float, per_row: float, more: str) -> None:
    (folder / "1").mkdir(parents=True)
    parameters = "".join(
        f'parameters {{ key: "{key}" value {{ string_value: "{value}" }} }}\n'
        for key, value in (("base", base), ("per_row", per_row))
    )
    (folder / "config.pbtxt").write_text(f'backend: "python"\n{TENSORS}{parameters}{more}\n')
    (folder / "1" / "model.py").write_text(CODE)
    # In the image these are in the system's own folder; here beside the backend of ONNX Runtime.
    for package in ("numpy", "numpy.libs"):
        (folder / "1" / package).symlink_to(triton_folder() / "backends" / "onnxruntime" / package)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where it answers: `pipeline` joins `heavy`, with four instances, and `light`, with two."""
    folder = tmp_path_factory.mktemp("ensemble")
    models = folder / "models"
    put_python(
        models / "heavy",
        *HEAVY,
        "dynamic_batching {} instance_group { count: 3 } instance_group { count: 1 }",
    )
    put_python(models / "light", *LIGHT, "instance_group { count: 2 kind: KIND_CPU }")
    put_python(models / "unused", *HEAVY, "dynamic_batching {}")
    (models / "pipeline" / "1").mkdir(parents=True)
    (models / "pipeline" / "config.pbtxt").write_text(TENSORS + PIPELINE)
    with running_triton(models, folder / "triton.log", "pipeline") as url:
        yield url


def read(url: str, model: str, before: BatchReading | None = None) -> BatchReading:
    place = urlsplit(url)
    assert place.hostname
    assert place.port
    target = PodTarget("shop", "a", 0, place.hostname, model)

    async def once(port: int) -> BatchReading | str:
        requests = PodRequests()
        try:
            return await BatchReader(requests, time.monotonic, port).reading(target, before)
        finally:
            await requests.close()

    found = asyncio.run(once(place.port))
    assert isinstance(found, BatchReading), found
    return found


def send(url: str, senders: int) -> None:
    """One row a request, from so many clients that wait for their answers."""
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [1.0]}
    body = json.dumps({"inputs": [tensor]}).encode()

    def client(_: int) -> None:
        for _ in range(TIMES):
            request = urllib.request.Request(f"{url}/v2/models/pipeline/infer", body)
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert answer.status == 200

    with ThreadPoolExecutor(senders) as pool:
        list(pool.map(client, range(senders)))


def test_the_curve_is_of_the_models_an_ensemble_joins(pipeline: str) -> None:
    first = read(pipeline, "pipeline")
    assert first.steps == (Step("heavy", 1, 8, 4), Step("light", 1, None, 2))
    send(pipeline, 1)
    send(pipeline, 5 * CLIENTS)
    second = read(pipeline, "pipeline", first)
    memory = with_reading(with_reading(CurveMemory(), first), second)

    found = curve(memory, "pipeline", None, 8)

    assert found is not None
    rows = {
        model: sum(size * executions for size, (executions, _) in totals.items())
        for model, totals in second.totals.items()
    }
    assert rows == dict.fromkeys(("heavy", "light"), TIMES * (1 + 5 * CLIENTS))
    assert max(second.totals["heavy"]) > 1, "requests came together"
    assert set(second.totals["light"]) == {1}, "it does not put them together"
    assert found.max_batch_size == 8
    assert 2 <= found.instances <= 4, "between light's and heavy's"
    # A sleep lasts at least as long as it says.
    assert found.seconds(1) >= (sum(HEAVY) + sum(LIGHT)) * 0.99
    assert found.seconds(8) >= (HEAVY[0] + 8 * HEAVY[1] + 8 * sum(LIGHT)) * 0.8
    assert found.seconds(8) < 8 * found.seconds(1) * 0.8, "batches win something"


def test_an_ensembles_own_statistics_know_no_batches(pipeline: str) -> None:
    """Why they are not read. Should a release tell batches there, this says so."""
    send(pipeline, CLIENTS)

    with urllib.request.urlopen(f"{pipeline}/v2/models/pipeline/stats", timeout=30) as answer:
        (row,) = json.load(answer)["model_stats"]

    assert [batch["batch_size"] for batch in row["batch_stats"]] == [1]


def test_a_single_models_instances_are_those_of_its_author(pipeline: str) -> None:
    assert read(pipeline, "heavy").steps == (Step("heavy", 1, 8, 4),)
    assert read(pipeline, "unused").steps[0].largest_batch == 8
