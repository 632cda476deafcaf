"""The facts of the model that a service calls: as inspected, declared, or chosen in a repository.

Facts belong to a digest, and services share them. What only one service says about them (declared
tensors, the entry model, whether code may run) is joined to them here.
"""

from collections.abc import Sequence

from triton_operator.api.enums import Datatype, ModelFormat
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.model_source import DECLARED_FORMATS, DeclaredTensor, Model
from triton_operator.api.repository import ENSEMBLE, RepositoryModel
from triton_operator.api.tensors import Tensor
from triton_operator.planning.refusal import Refusal

FORMAT_MISMATCH = "FormatMismatch"
CODE_NOT_ALLOWED = "CodeNotAllowed"
ENTRY_MODEL_NOT_FOUND = "EntryModelNotFound"
ENTRY_MODEL_NEEDED = "EntryModelNeeded"

_MOST_NAMED = 10


def chosen_model(model: Model, facts: ModelFacts, *, allow_code: bool) -> ModelFacts | Refusal:
    """`facts` with the tensors that clients of this service send and get."""
    if facts.format != model.format:
        return Refusal(
            FORMAT_MISMATCH,
            f"spec.model.format is {model.format}, but the ModelProfile of this digest says "
            f"{facts.format}; correct the format, or delete the profile if it is wrong",
        )
    if model.format is ModelFormat.TRITON_REPOSITORY:
        return _of_repository(model, facts, allow_code=allow_code)
    if facts.repository is not None:
        # A profile may be a tenant's own; files of a repository would be delivered unjudged.
        return Refusal(
            FORMAT_MISMATCH,
            f"the ModelProfile of this digest says {facts.format} and lists the models of a "
            "repository: delete the profile",
        )
    if model.format not in DECLARED_FORMATS:
        return facts
    if model.format is ModelFormat.TORCHSCRIPT and not allow_code:
        return _no_code("a TorchScript file is a program")
    return _declared(model, facts)


def entry_model(facts: ModelFacts) -> RepositoryModel | None:
    """The repository's model whose tensors `facts` (of `chosen_model`) have; None: no repository.

    It comes first in the list of models.
    """
    return facts.repository.models[0] if facts.repository else None


def _declared(model: Model, facts: ModelFacts) -> ModelFacts:
    size = model.max_batch_size or 0
    return facts.model_copy(
        update={
            "inputs": _tensors(model.inputs or ()),
            "outputs": _tensors(model.outputs or ()),
            "batchable": size > 0,
            "max_batch_size": size,
            "reason": f"spec.model.maxBatchSize is {size}"
            if size
            else "spec.model declares no maxBatchSize",
        }
    )


def _tensors(rows: Sequence[DeclaredTensor]) -> list[Tensor]:
    return [
        Tensor(name=row.name, datatype=Datatype(row.datatype).value, shape=row.shape)
        for row in rows
    ]


def _of_repository(model: Model, facts: ModelFacts, *, allow_code: bool) -> ModelFacts | Refusal:
    repository = facts.repository
    if repository is None:
        return Refusal(
            FORMAT_MISMATCH, "the ModelProfile of this digest lists no models; delete the profile"
        )
    if repository.code and not allow_code:
        return _no_code(f"the repository executes code: {'; '.join(repository.code[:3])}")
    entry = _entry(model.entry_model, repository.models)
    if isinstance(entry, Refusal):
        return entry
    if not entry.inputs or not entry.outputs:
        return Refusal(
            ENTRY_MODEL_NEEDED,
            f"the config.pbtxt of model {entry.name}, which clients call, has no input or no "
            "output: declare them there (only an ONNX model whose config has neither tells them)",
        )
    others = [row for row in repository.models if row.name != entry.name]
    return facts.model_copy(
        update={
            "inputs": entry.inputs,
            "outputs": entry.outputs,
            "batchable": entry.max_batch_size > 0,
            "max_batch_size": entry.max_batch_size,
            "reason": f"max_batch_size is {entry.max_batch_size} in the config.pbtxt of model "
            f"{entry.name}",
            "repository": repository.model_copy(update={"models": [entry, *others]}),
        }
    )


def _entry(name: str | None, models: Sequence[RepositoryModel]) -> RepositoryModel | Refusal:
    listed = ", ".join(row.name for row in models[:_MOST_NAMED])
    if len(models) > _MOST_NAMED:
        listed += ", …"
    if name is not None:
        found = [row for row in models if row.name == name]
        if found:
            return found[0]
        return Refusal(
            ENTRY_MODEL_NOT_FOUND,
            f"spec.model.entryModel: there is no model {name} in the repository; it has {listed}",
        )
    if len(models) == 1:
        return models[0]
    ensembles = [row for row in models if row.backend == ENSEMBLE]
    if len(ensembles) == 1:
        return ensembles[0]
    return Refusal(
        ENTRY_MODEL_NEEDED,
        f"spec.model.entryModel: the repository has {listed}; name the one that clients call",
    )


def _no_code(what: str) -> Refusal:
    return Refusal(
        CODE_NOT_ALLOWED,
        f"{what}, and models of this namespace may not execute code: remove it, or have the "
        "namespace added to codeNamespaces of the operator's chart",
    )
