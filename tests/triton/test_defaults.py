"""What the benchmark of the planner calls Triton's defaults is what Triton makes of silence."""

import json
import re
import urllib.request
from pathlib import Path

from bench.planner.ways import DEFAULT_BATCH, DEFAULT_INSTANCES
from e2e.harness.triton import FLAGS, put_model, running_triton
from triton_operator.triton.server_flags import AS_CONFIGURED

SILENT = """
name: "silent" backend: "onnxruntime" max_batch_size: 4
input { name: "bytes" data_type: TYPE_INT32 dims: [2048] }
output { name: "target_label" data_type: TYPE_FP32 dims: [214] }
"""


def test_instances_and_the_batch_that_is_completed(model_file: Path, tmp_path: Path) -> None:
    put_model(tmp_path / "models", "silent", model_file, {"config.pbtxt": SILENT})
    log = tmp_path / "log"
    flags = [flag for flag in FLAGS if flag != AS_CONFIGURED]
    with (
        running_triton(tmp_path / "models", log, "silent", flags) as url,
        urllib.request.urlopen(f"{url}/v2/models/silent/config", timeout=10) as answer,
    ):
        config = json.load(answer)

    (group,) = config["instance_group"]
    assert (group["kind"], group["count"]) == ("KIND_CPU", DEFAULT_INSTANCES)
    # Our backend completes nothing; the server tells each backend what it is to complete.
    told = re.search(r'"default-max-batch-size":"(\d+)"', log.read_text())
    assert told is not None
    assert int(told[1]) == DEFAULT_BATCH
