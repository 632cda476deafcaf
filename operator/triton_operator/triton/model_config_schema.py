"""Triton's `inference.ModelConfig` message, loaded without the gRPC client it ships with.

Importing `tritonclient.grpc.model_config_pb2` runs the package's `__init__`, which loads gRPC's C
core and numpy: 38 MiB and 140 ms for a process that sends no requests. The generated module alone
needs protobuf only (6 MiB, 25 ms), so it is executed from its file. Where the package is imported
as well, both are the same classes: protobuf keeps one class per message of its pool.
"""

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

_PACKAGED = "tritonclient.grpc.model_config_pb2"


@cache
def schema() -> ModuleType:
    """The generated module (`ModelConfig`, `ModelInput`, `DataType`, …).

    Raises:
        ModuleNotFoundError: the package `tritonclient` is not installed.
    """
    if _PACKAGED in sys.modules:
        return sys.modules[_PACKAGED]
    package = importlib.util.find_spec("tritonclient")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError(
            "the package tritonclient is not installed: it holds the schema of config.pbtxt",
            name="tritonclient",
        )
    path = Path(package.submodule_search_locations[0], "grpc", "model_config_pb2.py")
    spec = importlib.util.spec_from_file_location(f"{__name__}_pb2", path)
    if spec is None or spec.loader is None:  # only for a file name without a known suffix
        raise ModuleNotFoundError(f"{path} cannot be loaded", name=_PACKAGED)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
