"""Reads what a user would apply, strictly: a typing mistake is an error with the field's path."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from triton_operator.api.group import API_VERSION
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import ModelProfileSpec
from triton_operator.api.serving_pool import ServingPoolSpec

Spec = TypeVar("Spec", bound=BaseModel)


class InvalidDocument(ValueError):
    """A file that cannot be used; the text says which document, which field and why."""


@dataclass(frozen=True)
class Service:
    """One InferenceService of a file."""

    name: str
    namespace: str
    spec: InferenceServiceSpec


@dataclass
class Documents:
    """What a file holds, by kind. Objects of other groups are passed over."""

    services: list[Service] = field(default_factory=list)
    pools: dict[str, ServingPoolSpec] = field(default_factory=dict)
    profiles: dict[str, ModelProfileSpec] = field(default_factory=dict)


def read_documents(path: Path) -> Documents:
    """The InferenceServices, ServingPools and ModelProfiles in a YAML or JSON file.

    Raises:
        InvalidDocument: unreadable, not YAML, or not as the API has it.
    """
    try:
        text = path.read_text()
        parsed = [document for document in yaml.safe_load_all(text) if document]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidDocument(f"{path}: {error}") from error
    documents = Documents()
    for document in _flat(parsed):
        if not isinstance(document, Mapping) or document.get("apiVersion") != API_VERSION:
            continue
        _take(documents, document)
    return documents


def _flat(parsed: Iterable[Any]) -> Iterable[Any]:
    for document in parsed:
        if isinstance(document, Mapping) and document.get("kind") == "List":
            yield from document.get("items") or ()
        else:
            yield document


def _take(documents: Documents, document: Mapping[str, Any]) -> None:
    kind = document.get("kind", "")
    metadata = document.get("metadata") or {}
    name = metadata.get("name", "")
    if not name:
        raise InvalidDocument(f"{kind}: metadata.name: is missing")
    where = f"{kind} {name}"
    spec = document.get("spec")
    match kind:
        case "InferenceService":
            documents.services.append(
                Service(
                    name,
                    metadata.get("namespace", "default"),
                    _strict(InferenceServiceSpec, spec, where),
                )
            )
        case "ServingPool":
            documents.pools[name] = _strict(ServingPoolSpec, spec, where)
        case "ModelProfile":
            profile = _strict(ModelProfileSpec, spec, where)
            documents.profiles[profile.digest] = profile
        case _:
            raise InvalidDocument(f"{where}: {API_VERSION} has no kind {kind!r}")


def _strict(model: type[Spec], spec: Any, where: str) -> Spec:
    try:
        return model.model_validate(spec, extra="forbid")
    except ValidationError as error:
        lines = [
            ".".join(["spec", *(str(part) for part in row["loc"])]) + f": {row['msg']}"
            for row in error.errors(include_url=False)
        ]
        raise InvalidDocument("\n".join(f"{where}: {line}" for line in lines)) from error
