"""A model file on this machine, as the operator's Job would see it."""

from dataclasses import dataclass
from pathlib import Path

from triton_operator.api.model_profile import ModelFacts


class UnusableModel(ValueError):
    """A file that is no model, or one that cannot be inspected here; the text says why."""


@dataclass(frozen=True)
class LocalModel:
    """What the file is."""

    digest: str
    facts: ModelFacts


def local_model(path: Path) -> LocalModel:
    """The digest and facts of a model file.

    Raises:
        UnusableModel: not there, not a model, or the `model` extra is not installed.
    """
    try:
        from triton_operator.model.digest import model_digest
        from triton_operator.model.errors import ModelFailure
        from triton_operator.model.inspection import inspect_model
    except ModuleNotFoundError as error:
        raise UnusableModel(
            f"{error.name} is not installed: pip install 'triton-operator[model]'"
        ) from error
    if not path.is_file():
        wrong = "is a directory; name the model file in it" if path.is_dir() else "no such file"
        raise UnusableModel(f"{path}: {wrong}")
    try:
        facts = inspect_model(path)
    except ModelFailure as error:
        raise UnusableModel(f"{path}: {error}") from error
    return LocalModel(model_digest(facts.files), facts)
