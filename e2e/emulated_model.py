"""A model that stands in for an accelerator: each batch of b requests sleeps 20 + 10 b ms.

Sleeping costs no processor time, so that many replicas of a real Triton fit on two cores, each with
its own queue, its own batches and its own metrics. Loading sleeps too: the cold start is chosen,
and is the same on a busy machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NAME = "emulated"
REPOSITORY = "repository"
MAX_BATCH_SIZE = 8
CODE = b"""\
import json
import os
import time

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        parameters = json.loads(args["model_config"])["parameters"]
        given = {name: float(value["string_value"]) for name, value in parameters.items()}
        self.base = given["base_seconds"]
        self.per_request = given["per_request_seconds"]
        # The file is made with the pod: a slow start of everything before this is made up for.
        loaded = os.stat("/etc/hostname").st_mtime + given["load_seconds"]
        time.sleep(max(0.0, loaded - time.time()))

    def execute(self, requests):
        time.sleep(self.base + self.per_request * len(requests))
        return [
            pb_utils.InferenceResponse(
                [pb_utils.Tensor("y", pb_utils.get_input_tensor_by_name(one, "x").as_numpy())]
            )
            for one in requests
        ]
"""


@dataclass(frozen=True)
class EmulatedModel:
    """`load_seconds`: how long after its pod the model is loaded; probes find that a moment later.

    Its config says nothing of instances and batches: the operator fills that in, and with it who is
    rejected.
    """

    load_seconds: float
    base_seconds: float = 0.020
    per_request_seconds: float = 0.010

    def files(self) -> Mapping[str, bytes]:
        """The model repository, in a folder of its own: path → content."""
        folder = f"{REPOSITORY}/{NAME}"
        return {f"{folder}/config.pbtxt": self._config().encode(), f"{folder}/1/model.py": CODE}

    def write(self, folder: Path) -> Mapping[str, Path]:
        """Write the repository into `folder`; path within it → file."""
        for path, content in self.files().items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        return {path: folder / path for path in self.files()}

    def _config(self) -> str:
        parameters = {
            "base_seconds": self.base_seconds,
            "per_request_seconds": self.per_request_seconds,
            "load_seconds": self.load_seconds,
        }
        return "\n".join(
            [
                f'name: "{NAME}"',
                'backend: "python"',
                f"max_batch_size: {MAX_BATCH_SIZE}",
                'input { name: "x" data_type: TYPE_FP32 dims: [ 1 ] }',
                'output { name: "y" data_type: TYPE_FP32 dims: [ 1 ] }',
                *(
                    f'parameters {{ key: "{key}" value {{ string_value: "{value}" }} }}'
                    for key, value in parameters.items()
                ),
                "",
            ]
        )
