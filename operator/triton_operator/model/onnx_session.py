"""The one place that runs models: ONNX Runtime on one thread of this machine's CPU.

One thread and deterministic kernels, so that a model gives the same bits for the same input every
time. Rows that share a batch, other CPUs and other versions may still change the last bits.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from triton_operator.model import reasons
from triton_operator.model.errors import ModelFailure, ModelRefused
from triton_operator.model.sample_rows import Array, Feeds

_ONLY_FATAL = 4
"""What ONNX Runtime logs comes back as an exception anyway."""

_OF_THE_PROCESS = (ModelFailure, MemoryError)
"""Raised meanwhile, and no word about the model: a signal's failure, no memory left."""

_DATA_FOLDER = "session.model_external_initializers_file_folder_path"
"""Where a model that comes as bytes has its external data."""


class OnnxSession:
    """A loaded model.

    `optimized=False` loads faster, and runs slower. `exposed` names values between nodes that come
    after the outputs in what a run gives.
    """

    def __init__(
        self, path: Path, *, name: str, optimized: bool = True, exposed: Sequence[str] = ()
    ) -> None:
        """Raises ModelRefused: `ModelDoesNotRun`, with ONNX Runtime's own message."""
        self._name = name
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.use_deterministic_compute = True
        # From the second run on it would keep a block for all values beside what the first took.
        options.enable_mem_pattern = False
        options.log_severity_level = _ONLY_FATAL
        if not optimized:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        model: str | bytes = str(path)
        if exposed:
            options.add_session_config_entry(_DATA_FOLDER, str(path.parent))
            model = _with_outputs(path, exposed)
        try:
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        except _OF_THE_PROCESS:
            raise
        except Exception as error:  # Its exceptions have no common base but this one.
            raise ModelRefused(
                reasons.MODEL_DOES_NOT_RUN, f"ONNX Runtime does not load {name}: {error}"
            ) from error
        names = [output.name for output in self._session.get_outputs()]
        self.outputs = names[: len(names) - len(exposed)]

    def run(self, feeds: Feeds) -> list[Array]:
        """The outputs, in the order of `outputs`, then the exposed values.

        Raises:
            ModelRefused: `ModelDoesNotRun`.
        """
        try:
            return [np.asarray(result) for result in self._session.run(None, dict(feeds))]
        except _OF_THE_PROCESS:
            raise
        except Exception as error:
            raise ModelRefused(
                reasons.MODEL_DOES_NOT_RUN,
                f"{self._name} fails on inputs of shapes "
                f"{ {name: list(array.shape) for name, array in feeds.items()} }: {error}",
            ) from error


def _with_outputs(path: Path, names: Sequence[str]) -> bytes:
    """The model file with these values as further outputs; ONNX Runtime infers their types."""
    model = onnx.load_model(path, load_external_data=False)
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    serialized: bytes = model.SerializeToString()
    return serialized
