"""What in a repository executes code of its author, inside Triton or beside it.

Everything is taken for code that is not known to be data: backends are listed by name, files by
their name and their first bytes.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from triton_operator.api.repository import ENSEMBLE
from triton_operator.model.repository.listing import Listing

DATA_BACKENDS = frozenset({"onnxruntime", "tensorrt", "openvino", "fil", ENSEMBLE})
"""Backends of Triton that compute what a file of data says. A TorchScript file is a program, and
may read and write files (docs/decisions)."""

CODE_SUFFIXES = (".so", ".py", ".pyc", ".pyd", ".dll", ".sh")
PROGRAM_HEADS = (b"\x7fELF", b"#!", b"MZ")

CODE_PARAMETERS = frozenset(
    {
        "EXECUTION_ENV_PATH",
        "TRITON_BATCH_STRATEGY_PATH",
        "CPU_EXTENSION_PATH",
        "trt_extra_plugin_lib_paths",
    }
)
"""Parameters whose value is loaded as a library or a Python environment."""


def code_in(configs: Iterable[Any], listing: Listing) -> list[str]:
    """One sentence for each thing that executes code, in the order in which it is found."""
    found = [sentence for config in configs for sentence in _of_config(config)]
    found += [
        f"the file '{path}' is a program or a library"
        for path in sorted(listing.sizes)
        if _is_program(path, listing.heads.get(path, b""))
    ]
    return found


def _of_config(config: Any) -> Iterator[str]:
    """`config` is a ModelConfig with its name and backend filled in."""
    model = f"model '{config.name}'"
    if config.backend not in DATA_BACKENDS:
        yield f"{model} runs in the backend '{config.backend}'"
    if config.runtime:
        yield f"{model} has 'runtime', which names a library"
    if config.model_operations.op_library_filename:
        yield f"{model} has 'model_operations.op_library_filename'"
    if config.HasField("model_repository_agents"):
        yield f"{model} has 'model_repository_agents'"
    for key, row in config.parameters.items():
        if key in CODE_PARAMETERS or _names_library(row.string_value):
            yield f"{model} has the parameter '{key}'"
    accelerators = config.optimization.execution_accelerators
    for row in (
        *accelerators.gpu_execution_accelerator,
        *accelerators.cpu_execution_accelerator,
    ):
        for key, value in row.parameters.items():
            if key in CODE_PARAMETERS or _names_library(value):
                yield f"{model} has the accelerator parameter '{key}'"


def _names_library(value: str) -> bool:
    return value.endswith(".so") or ".so." in value or ".so;" in value


def _is_program(path: str, head: bytes) -> bool:
    name = path.rsplit("/", 1)[-1].lower()
    return name.endswith(CODE_SUFFIXES) or ".so." in name or head.startswith(PROGRAM_HEADS)
