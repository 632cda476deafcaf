"""Small model repositories: an ensemble of a Python model and an ONNX model, and archives of it."""

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tests.unit.model.building import linear

Files = Mapping[str, bytes]

CLASSIFIER = b"""\
backend: "onnxruntime"
max_batch_size: 8
input { name: "x" data_type: TYPE_FP32 dims: [ 4 ] }
output { name: "y" data_type: TYPE_FP32 dims: [ 3 ] }
"""
PREPARE = b"""\
# As its author wrote it.
name: "prepare"
backend: "python"
max_batch_size: 8
input [ { name: "raw" data_type: TYPE_FP32 dims: [ 4 ] } ]
output [ { name: "x" data_type: TYPE_FP32 dims: [ 4 ] } ]
instance_group [ { kind: KIND_CPU count: 1 } ]
"""
PREPARE_PY = b"""\
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        return [
            pb_utils.InferenceResponse(
                [
                    pb_utils.Tensor(
                        "x", pb_utils.get_input_tensor_by_name(request, "raw").as_numpy() * 2
                    )
                ]
            )
            for request in requests
        ]
"""
PIPELINE = b"""\
platform: "ensemble"
max_batch_size: 8
input { name: "raw" data_type: TYPE_FP32 dims: [ 4 ] }
output { name: "y" data_type: TYPE_FP32 dims: [ 3 ] }
ensemble_scheduling {
  step {
    model_name: "prepare"
    model_version: -1
    input_map { key: "raw" value: "raw" }
    output_map { key: "x" value: "ready" }
  }
  step {
    model_name: "classifier"
    model_version: -1
    input_map { key: "x" value: "ready" }
    output_map { key: "y" value: "y" }
  }
}
"""


def data_only() -> dict[str, bytes]:
    """One ONNX model, whose config says little."""
    return {
        "classifier/config.pbtxt": CLASSIFIER,
        "classifier/1/model.onnx": linear().SerializeToString(),
    }


def ensemble() -> dict[str, bytes]:
    """`pipeline` doubles its input in Python and gives it to `classifier`."""
    return {
        **data_only(),
        "prepare/config.pbtxt": PREPARE,
        "prepare/1/model.py": PREPARE_PY,
        "pipeline/config.pbtxt": PIPELINE,
    }


def placed(files: Files, folder: Path) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def tarred(files: Files, *, mode: str = "w:gz", prefix: str = "") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as tar:  # type: ignore[call-overload]
        for path, data in files.items():
            info = tarfile.TarInfo(prefix + path)
            # As of a file on disk: a fraction of a second needs an extended header.
            info.mtime = 1_700_000_000.5
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def zipped(files: Files, *, prefix: str = "") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(prefix + path, data)
    return packed.getvalue()
