"""Which backend of Triton serves which format, and how it is told its number of threads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from triton_operator.api.enums import ModelFormat


@dataclass(frozen=True)
class Backend:
    """`platform` is Triton's older name for backend and format together; empty: it has none.

    `threads_parameter` is the key in `parameters` for the threads of one instance on a CPU;
    `cpu_parameters` are what else a CPU wants.
    """

    name: str
    platform: str = ""
    threads_parameter: str | None = None
    cpu_parameters: Mapping[str, str] = field(default_factory=dict)


BACKENDS: Mapping[ModelFormat, Backend] = MappingProxyType(
    {
        ModelFormat.ONNX: Backend("onnxruntime", threads_parameter="intra_op_thread_count"),
        ModelFormat.TENSORRT: Backend("tensorrt", "tensorrt_plan"),
        ModelFormat.OPENVINO: Backend(
            "openvino",
            threads_parameter="INFERENCE_NUM_THREADS",
            # One stream per instance: OpenVINO's own choice counts the cores of the node.
            cpu_parameters={"NUM_STREAMS": "1"},
        ),
        ModelFormat.TORCHSCRIPT: Backend(
            "pytorch", "pytorch_libtorch", threads_parameter="INTRA_OP_THREAD_COUNT"
        ),
    }
)
