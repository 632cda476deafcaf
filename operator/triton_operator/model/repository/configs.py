"""The config.pbtxt of every model: parsed, and checked against the folder that it is in."""

import re
from pathlib import PurePosixPath
from typing import Any

from google.protobuf import text_format

from triton_operator.api.repository import (
    ENSEMBLE,
    RepositoryDevice,
    RepositoryModel,
    SilentField,
)
from triton_operator.api.tensors import Tensor
from triton_operator.model import reasons
from triton_operator.model.errors import ModelRefused
from triton_operator.model.limits import RepositoryLimits
from triton_operator.model.repository.entry import CONFIG_NAME
from triton_operator.model.repository.listing import Listing
from triton_operator.triton.datatypes import UnknownDatatype, v2_name
from triton_operator.triton.model_config_schema import schema

NAME = re.compile(r"[A-Za-z0-9_][-._A-Za-z0-9]{0,127}")
"""Names of models are parts of URLs and keys of ConfigMaps too."""

BACKEND_OF_PLATFORM = {
    "ensemble": ENSEMBLE,
    "onnxruntime_onnx": "onnxruntime",
    "tensorrt_plan": "tensorrt",
    "pytorch_libtorch": "pytorch",
}

MODEL_FILES = {
    "onnxruntime": "model.onnx",
    "tensorrt": "model.plan",
    "openvino": "model.xml",
    "pytorch": "model.pt",
    "python": "model.py",
}
"""What a version folder has to hold, unless `default_model_filename` says otherwise."""

_MOST_TENSORS = 256
"""Inputs, and outputs, of one model: what a ModelProfile keeps."""

_DEEPEST = 40
"""Braces inside braces; ModelConfig itself needs 6, and the parser recurses."""


def read_configs(listing: Listing, limits: RepositoryLimits) -> dict[str, Any]:
    """Every model's ModelConfig by name, sorted, with name and backend filled in.

    Raises:
        ModelRefused: `RepositoryRefused`; the message has the file, and line and column or field.
    """
    _refuse_layout(listing, limits)
    return {name: _config(name, listing) for name in sorted(listing.configs)}


def as_fact(config: Any) -> RepositoryModel:
    """What planning needs of a config.

    Raises:
        ModelRefused: `RepositoryRefused`, for a tensor without a type.
    """
    return RepositoryModel(
        name=config.name,
        backend=config.backend,
        max_batch_size=config.max_batch_size,
        inputs=[_tensor(config, row) for row in config.input],
        outputs=[_tensor(config, row) for row in config.output],
        device=_device(config),
        silent=list(_silent(config)),
    )


def versions(name: str, listing: Listing) -> set[int]:
    """Numbers of a model's version folders."""
    found = set()
    for folder in listing.folders:
        parts = PurePosixPath(folder).parts
        if len(parts) == 2 and parts[0] == name and re.fullmatch("[1-9][0-9]{0,17}", parts[1]):
            found.add(int(parts[1]))
    return found


def refused(file: str, what: str) -> ModelRefused:
    """A failure about one file or folder of the repository."""
    return ModelRefused(reasons.REPOSITORY_REFUSED, f"'{file}' in the repository: {what}")


def _refuse_layout(listing: Listing, limits: RepositoryLimits) -> None:
    if CONFIG_NAME in listing.sizes:
        raise refused(
            CONFIG_NAME,
            "a repository has a folder for each model, and this is one model's; give the address "
            "of the folder above",
        )
    tops = sorted({PurePosixPath(folder).parts[0] for folder in listing.folders})
    if not tops:
        raise ModelRefused(
            reasons.REPOSITORY_REFUSED,
            "the repository has no folder; it needs NAME/config.pbtxt for each model",
        )
    if len(tops) > limits.models:
        raise ModelRefused(
            reasons.REPOSITORY_REFUSED,
            f"the repository has more than {limits.models} models; split it",
        )
    for name in tops:
        if not NAME.fullmatch(name):
            raise refused(
                name,
                "a model's name begins with a letter, a digit or '_' and has only these, '-' and "
                "'.', at most 128; rename or remove the folder",
            )
        if name not in listing.configs:
            raise refused(f"{name}/{CONFIG_NAME}", "is missing; every model needs its own")


def _config(name: str, listing: Listing) -> Any:
    file = f"{name}/{CONFIG_NAME}"
    config = _parsed(file, listing.configs[name])
    if config.name not in ("", name):
        raise refused(
            file, f"name: '{config.name}' is not the name of its folder, '{name}'; make them equal"
        )
    config.name = name
    config.backend = _backend(file, config)
    if config.max_batch_size < 0:
        raise refused(file, f"max_batch_size: {config.max_batch_size} is negative")
    for field, rows in (("input", config.input), ("output", config.output)):
        if len(rows) > _MOST_TENSORS or len({row.name for row in rows}) != len(rows):
            raise refused(file, f"{field}: more than {_MOST_TENSORS} tensors, or two with one name")
    is_ensemble = config.backend == ENSEMBLE
    if is_ensemble != config.HasField("ensemble_scheduling"):
        raise refused(
            file,
            "platform 'ensemble' and ensemble_scheduling go together; add or remove one",
        )
    if is_ensemble and config.instance_group:
        raise refused(file, "instance_group: an ensemble has none; set it in its steps' models")
    _refuse_missing_files(file, config, listing)
    return config


def _parsed(file: str, data: bytes) -> Any:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise refused(file, f"is no text in UTF-8 (byte {error.start})") from error
    depth = deepest = 0
    for character in text:
        if character in "{<[":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "}>]":
            depth -= 1
    if deepest > _DEEPEST:
        raise refused(file, f"braces are nested more than {_DEEPEST} deep")
    try:
        return text_format.Parse(text, schema().ModelConfig())
    except (text_format.ParseError, ValueError) as error:
        raise refused(file, f"line:column {error}") from error


def _backend(file: str, config: Any) -> str:
    by_platform = BACKEND_OF_PLATFORM.get(config.platform)
    if config.platform and by_platform is None:
        raise refused(
            file,
            f"platform: '{config.platform}' is none of {', '.join(BACKEND_OF_PLATFORM)}; "
            "say the backend with 'backend'",
        )
    if by_platform and config.backend and by_platform != config.backend:
        raise refused(
            file,
            f"backend: '{config.backend}' contradicts platform '{config.platform}'; remove one",
        )
    backend = by_platform or config.backend
    if not backend:
        raise refused(file, "has neither 'backend' nor 'platform'; add backend: \"onnxruntime\", …")
    if not re.fullmatch(r"[A-Za-z0-9_][-._A-Za-z0-9]{0,63}", backend):
        raise refused(file, f"backend: '{backend[:64]}' is no name of a backend")
    return str(backend)


def _refuse_missing_files(file: str, config: Any, listing: Listing) -> None:
    found = versions(config.name, listing)
    wanted = set(config.version_policy.specific.versions)
    if missing := sorted(wanted - found):
        raise refused(
            file, f"version_policy.specific: there is no folder '{config.name}/{missing[0]}'"
        )
    if config.backend == ENSEMBLE:
        return
    if not found:
        raise refused(
            f"{config.name}/1",
            "is missing; a model's files are in a folder whose name is a version, such as 1",
        )
    name = config.default_model_filename or MODEL_FILES.get(config.backend)
    if name is None:
        return
    if "/" in name or ".." in name:
        raise refused(file, f"default_model_filename: '{name[:200]}' is not a plain name")
    for version in sorted(wanted or found):
        path = f"{config.name}/{version}/{name}"
        if path not in listing.sizes and path not in listing.folders:
            raise refused(path, f"is missing; the backend '{config.backend}' loads this file")


def _tensor(config: Any, row: Any) -> Tensor:
    file = f"{config.name}/{CONFIG_NAME}"
    name = schema().DataType.Name(row.data_type)
    try:
        datatype = v2_name(name)
    except UnknownDatatype as error:
        raise refused(file, f"data_type of '{row.name[:100]}': {error}") from error
    if not row.name or len(row.name) > 512 or not row.name.isprintable():
        raise refused(file, f"name: '{row.name[:100]}' of an input or output is not usable")
    if not 0 < len(row.dims) <= 60 or any(axis == 0 or axis < -1 for axis in row.dims):
        raise refused(
            file, f"dims of '{row.name}': {list(row.dims)[:60]}; lengths are positive, or -1"
        )
    dims = list(row.dims)
    return Tensor(
        name=row.name,
        datatype=datatype,
        shape=[-1, *dims] if config.max_batch_size > 0 else dims,
    )


def _device(config: Any) -> RepositoryDevice:
    kinds = {row.kind for row in config.instance_group}
    if config.backend == "tensorrt" or schema().ModelInstanceGroup.KIND_GPU in kinds:
        return RepositoryDevice.GPU
    if kinds == {schema().ModelInstanceGroup.KIND_CPU}:
        return RepositoryDevice.CPU
    return RepositoryDevice.ANY


def _silent(config: Any) -> "list[SilentField]":
    ensemble = config.backend == ENSEMBLE
    fields = [
        (SilentField.INSTANCE_GROUP, not ensemble and not config.instance_group),
        (
            SilentField.SCHEDULING,
            not ensemble and config.WhichOneof("scheduling_choice") is None,
        ),
        (SilentField.METRIC_TAGS, not config.metric_tags),
        (
            SilentField.THREADS,
            config.backend == "onnxruntime" and "intra_op_thread_count" not in config.parameters,
        ),
        (SilentField.TENSORS, not config.input or not config.output),
    ]
    return [field for field, is_silent in fields if is_silent]
