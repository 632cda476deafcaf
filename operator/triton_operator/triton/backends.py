"""Which backend of Triton serves which format, and how it is told its threads and files."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from triton_operator.api.enums import Engine, ModelFormat


@dataclass(frozen=True)
class Backend:
    """`platform` is Triton's older name for backend and format together; empty: it has none.

    `threads_parameter` is the key in `parameters` for the threads of one instance on a CPU;
    `cpu_parameters` are what else a CPU wants. `file` is that of the model, where it is not the one
    that the backend looks for.
    """

    name: str
    platform: str = ""
    threads_parameter: str | None = None
    cpu_parameters: Mapping[str, str] = field(default_factory=dict)
    file: str = ""


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

ENGINE_NAMES: Mapping[Engine, str] = MappingProxyType(
    {
        Engine.TENSORRT: f"{BACKENDS[ModelFormat.ONNX].name}-tensorrt",
        Engine.OPENVINO: BACKENDS[ModelFormat.OPENVINO].name,
    }
)
"""How a ModelProfile calls what runs an ONNX model beside ONNX Runtime itself."""
_ONNX_FILE = "model.onnx"


def backend_of(format: ModelFormat, engine: Engine | None = None) -> Backend:
    """The backend for a model of that format, an ONNX one with `engine`; None: ONNX Runtime's own.

    OpenVINO is a backend of its own and not an accelerator of ONNX Runtime, as that one takes no
    parameters, and would start a thread for each core of the *node* (onnxruntime.cc).
    """
    if engine is Engine.OPENVINO:
        return replace(BACKENDS[ModelFormat.OPENVINO], file=_ONNX_FILE)
    return BACKENDS[format]
