"""Facts of model repositories for tests: an ensemble of a Python and an ONNX model."""

from typing import Any

from tests.unit.planning.building import DIGEST
from triton_operator.api.enums import ModelFormat
from triton_operator.api.model_profile import ModelFacts, ModelFile
from triton_operator.api.repository import (
    RepositoryDevice,
    RepositoryFacts,
    RepositoryModel,
    SilentField,
)
from triton_operator.api.tensors import Tensor

RAW = Tensor(name="raw", datatype="FP32", shape=[-1, 4])
Y = Tensor(name="y", datatype="FP32", shape=[-1, 3])


def row(name: str, backend: str, **changes: Any) -> RepositoryModel:
    """A model of the repository whose config says nothing but its tensors and batch size."""
    silent = [SilentField.INSTANCE_GROUP, SilentField.SCHEDULING, SilentField.METRIC_TAGS]
    if backend == "onnxruntime":
        silent.append(SilentField.THREADS)
    values: dict[str, Any] = {
        "max_batch_size": 8,
        "inputs": [RAW],
        "outputs": [Y],
        "device": RepositoryDevice.ANY,
        "silent": [SilentField.METRIC_TAGS] if backend == "ensemble" else silent,
    }
    return RepositoryModel(name=name, backend=backend, **{**values, **changes})


CLASSIFIER = row("classifier", "onnxruntime")
PIPELINE = row("pipeline", "ensemble")
PREPARE = row("prepare", "python")


def repository_facts(
    *models: RepositoryModel, code: tuple[str, ...] = (), **changes: Any
) -> ModelFacts:
    """Facts as a Job reports them; by default of the whole ensemble."""
    values: dict[str, Any] = {
        "format": ModelFormat.TRITON_REPOSITORY,
        "batchable": False,
        "reason": "a repository",
        "size_bytes": 4096,
        "files": [ModelFile(path="repository.tar.gz", digest=DIGEST, size_bytes=1024)],
        "repository": RepositoryFacts(
            models=list(models or (CLASSIFIER, PIPELINE, PREPARE)), code=list(code)
        ),
    }
    return ModelFacts(**{**values, **changes})
