"""Which files of a repository are ONNX models that Triton reads."""

from collections.abc import Mapping
from typing import Any

from triton_operator.api.repository import ENSEMBLE
from triton_operator.model import reasons
from triton_operator.model.errors import ModelRefused
from triton_operator.model.limits import InspectionLimits, RepositoryLimits
from triton_operator.model.repository.code import DATA_BACKENDS
from triton_operator.model.repository.configs import MODEL_FILES, refused, versions
from triton_operator.model.repository.found import OnnxFile
from triton_operator.model.repository.listing import Listing

SUFFIX = ".onnx"


def onnx_files(
    configs: Mapping[str, Any], listing: Listing, limits: RepositoryLimits
) -> list[OnnxFile]:
    """The ONNX files of all models that are data, sorted by path.

    A version folder's files that end in `.onnx` count, and whatever ONNX Runtime is told to load.
    What a program (a Python model, say) does with its own files is not known here.

    Raises:
        ModelRefused: `RepositoryRefused` for too many, `ModelTooLarge` for one too large.
    """
    found: dict[str, OnnxFile] = {}
    for name, config in configs.items():
        if config.backend not in DATA_BACKENDS - {ENSEMBLE}:
            continue
        numbers = versions(name, listing)
        loaded = _loaded(config, numbers, listing)
        paths = {
            path
            for number in numbers
            for path in listing.sizes
            if path.startswith(f"{name}/{number}/") and path.lower().endswith(SUFFIX)
        }
        silent = not config.input and not config.output
        asked = _asked(config, numbers, listing) if silent else None
        for path in paths | loaded:
            found[path] = OnnxFile(
                path=path,
                model=name,
                libraries=bool(config.model_operations.op_library_filename),
                tells_tensors=path == asked,
            )
    if len(found) > limits.onnx_files:
        raise ModelRefused(
            reasons.REPOSITORY_REFUSED,
            f"the repository has {len(found)} ONNX files; at most {limits.onnx_files} are "
            "inspected: split it, or remove old versions",
        )
    most = InspectionLimits().model_bytes
    for path in found:
        if listing.sizes[path] > most:
            raise ModelRefused(
                reasons.MODEL_TOO_LARGE,
                f"'{path}' in the repository has {listing.sizes[path]} bytes; at most {most} can "
                "be parsed. Save it with external data",
            )
    return [found[path] for path in sorted(found)]


def _loaded(config: Any, numbers: set[int], listing: Listing) -> set[str]:
    """Files that ONNX Runtime opens as models, whatever they are called."""
    if config.backend != "onnxruntime":
        return set()
    names = {_main_name(config), *config.cc_model_filenames.values()}
    for name in names:
        if "/" in name or name in ("", ".", ".."):
            file = f"{config.name}/config.pbtxt"
            raise refused(file, f"cc_model_filenames: '{name[:200]}' is not a plain name")
    paths = {
        _inside(f"{config.name}/{number}/{name}", listing) for number in numbers for name in names
    }
    return {path for path in paths if path in listing.sizes}


def _asked(config: Any, numbers: set[int], listing: Listing) -> str | None:
    """The file that says what the served version takes and gives."""
    if config.backend != "onnxruntime" or not numbers:
        return None
    served = max(set(config.version_policy.specific.versions) or numbers)
    return _inside(f"{config.name}/{served}/{_main_name(config)}", listing)


def _main_name(config: Any) -> str:
    return config.default_model_filename or MODEL_FILES["onnxruntime"]


def _inside(path: str, listing: Listing) -> str:
    """The backend takes a folder too; the model is then the file `model.onnx` in it."""
    return f"{path}/{MODEL_FILES['onnxruntime']}" if path in listing.folders else path
