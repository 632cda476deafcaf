"""A pod that makes a copy again has the memory that it takes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from tests.unit.model import nets
from tests.unit.model.building import model, saved, value
from triton_operator.api.conversion_method import Method
from triton_operator.manifests.converting import conversion_resources
from triton_operator.model.conversion.activation_ranges import encoded
from triton_operator.model.conversion.conversion import convert_model
from triton_operator.model.conversion.record import Calibration
from triton_operator.model.conversion.source_model import read_source
from triton_operator.planning.quantities import size_bytes

BASE_BYTES = 512 * 2**20
"""Hides a factor that is too small where models are small, so it is taken off here."""
LIBRARIES_BYTES = 80 * 2**20
"""At least so much of the peak is Python, NumPy, ONNX and its runtime."""

# The peak of this process' own memory: what `getrusage` has begins with that of its parent.
PROGRAM = """
import sys
from triton_operator.model.conversion.__main__ import main
code = main(sys.argv[1:])
(peak,) = (line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(1024 * int(peak))
sys.exit(code)
"""


def convolutions(rows: str | int = "n") -> onnx.ModelProto:
    """80 MB in ten layers, and little to compute."""
    width, layers = 472, 10
    chain = ["x", *(f"h{layer}" for layer in range(1, layers)), "y"]
    nodes = [
        nets.node("Conv", [chain[i], f"w{i}"], [chain[i + 1]], pads=[1, 1, 1, 1])
        for i in range(layers)
    ]
    tensors = [nets.weights(f"w{layer}", width, width, 3, 3) for layer in range(layers)]
    shape = [rows, width, 2, 2]
    return model(nodes, [value("x", shape)], [value("y", shape)], weights=tensors)


def product(rows: str | int = "n") -> onnx.ModelProto:
    """64 MB in one Gemm, of which ONNX Runtime's tool makes the most copies."""
    nodes = [nets.node("Gemm", ["x", "w"], ["y"], transB=1)]
    ends = [value("x", [rows, 4096])], [value("y", [rows, 4096])]
    return model(nodes, *ends, weights=[nets.weights("w", 4096, 4096)])


@pytest.mark.parametrize(
    ("method", "net"),
    [
        (Method.INT8_STATIC, convolutions),
        (Method.INT8_DYNAMIC, product),
        (Method.FP16, convolutions),
        (Method.DYNAMIC_BATCH, lambda: convolutions(rows=1)),
        (Method.DYNAMIC_BATCH, lambda: product(rows=1)),
    ],
)
def test_making_a_copy_again_fits_into_its_container(
    method: Method, net: Callable[[], onnx.ModelProto], tmp_path: Path
) -> None:
    path = saved(net(), tmp_path, "model.onnx")
    source = read_source(path)
    calibration = None
    if method is Method.INT8_STATIC:
        names = ["x", *(f"h{layer}" for layer in range(1, 10)), "y"]
        ranges = encoded(dict.fromkeys(names, 4.0))
        calibration = Calibration(samples_digest="sha256:" + "ab" * 32, ranges=ranges)
    record = convert_model(source, method, tmp_path / "copy.onnx", calibration=calibration)
    (tmp_path / "config.pbtxt").write_text('name: "m"')
    given = {
        "model": path,
        "report": tmp_path / "report",
        "model-digest": source.digest,
        "method": method,
        "digest": record.artifact_digest,
        "files": json.dumps([file.wire() for file in record.files]),
        "into": tmp_path / "m/1",
        "config": tmp_path / "config.pbtxt",
        "config-into": tmp_path / "m/config.pbtxt",
    }
    if calibration:
        given |= {"ranges": calibration.ranges, "samples-digest": calibration.samples_digest}

    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, "rebuild", *(f"--{k}={v}" for k, v in given.items())],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )

    limit = size_bytes(conversion_resources(source.facts, method.precision).limits["memory"])
    assert (tmp_path / "m/1/model.onnx").exists()
    assert source.facts.size_bytes > 60 * 2**20
    assert int(ran.stdout) - LIBRARIES_BYTES < limit - BASE_BYTES


RUNS = """
import sys
from pathlib import Path
import numpy as np
from triton_operator.model.onnx_session import OnnxSession
from triton_operator.model.verification.half_values import half_values

def held():
    (size,) = (line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
    return 1024 * int(size)

path = Path(sys.argv[1])
session = OnnxSession(path, name="the model", exposed=half_values(path).names)
feeds = {"x": np.zeros((1, 8, 512, 512), "f4")}
values = sum(array.nbytes for array in session.run(feeds))
first = held()
for _ in range(3):
    session.run(feeds)
print(values, held() - first)
"""


def test_values_between_nodes_are_there_for_one_run_only(tmp_path: Path) -> None:
    chain = ["x", *(f"h{layer}" for layer in range(1, 8)), "y"]
    nodes = [nets.node("Conv", [chain[i], "w"], [chain[i + 1]]) for i in range(8)]
    shape = ["n", 8, 512, 512]
    net = model(
        nodes, [value("x", shape)], [value("y", shape)], weights=[nets.weights("w", 8, 8, 1, 1)]
    )
    path = tmp_path / "half.onnx"
    convert_model(read_source(saved(net, tmp_path, "model.onnx")), Method.FP16, path)

    ran = subprocess.run(
        [sys.executable, "-c", RUNS, str(path)], capture_output=True, text=True, check=True
    )

    values, more = map(int, ran.stdout.split())
    assert values > 8 * 8 * 512 * 512 * 2
    assert more < values / 2
