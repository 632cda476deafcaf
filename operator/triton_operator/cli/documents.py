"""Reads what a user would apply, strictly: a typing mistake is an error with the field's path."""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel

from triton_operator.api.group import API_VERSION
from triton_operator.api.inference_cluster import InferenceClusterSpec
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.inference_work import InferenceWorkSpec
from triton_operator.api.model_profile import ModelProfileSpec
from triton_operator.api.serving_pool import ServingPoolSpec
from triton_operator.cli.admission import as_stored, refusals

Spec = TypeVar("Spec", bound=BaseModel)


STANDARD_INPUT = Path("-")
"""As kubectl has it."""


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
    """What a file holds, by kind. Objects of other groups are passed over.

    `of_the_fleet`: how many InferenceClusters and InferenceWorks; nothing is planned of these.
    """

    services: list[Service] = field(default_factory=list)
    pools: dict[str, ServingPoolSpec] = field(default_factory=dict)
    profiles: dict[str, ModelProfileSpec] = field(default_factory=dict)
    of_the_fleet: int = 0

    def add_profile(self, profile: ModelProfileSpec) -> None:
        """One more profile; several of a digest are read together, as the operator does."""
        before = self.profiles.get(profile.digest)
        if before is not None:
            profile = profile.model_copy(
                update={
                    "facts": before.facts or profile.facts,
                    "measurements": [*before.measurements, *profile.measurements],
                    "conversions": [*before.conversions, *profile.conversions],
                }
            )
        self.profiles[profile.digest] = profile


class _Loader(yaml.SafeLoader):
    """Reads as kubectl does: what looks like a time stays text."""


_Loader.yaml_implicit_resolvers = {
    first: [row for row in rows if row[0] != "tag:yaml.org,2002:timestamp"]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_documents(path: Path) -> Documents:
    """The InferenceServices, ServingPools and ModelProfiles in YAML or JSON; `-`: standard input.

    Raises:
        InvalidDocument: unreadable, not YAML, or not as the API has it; names all that is wrong in
            all objects.
    """
    try:
        text = sys.stdin.read() if path == STANDARD_INPUT else path.read_text()
        parsed = list(yaml.load_all(text, Loader=_Loader))
    except IsADirectoryError as error:
        raise InvalidDocument(f"{path}: is a directory; name one file in it") from error
    except OSError as error:
        raise InvalidDocument(f"{path}: {error.strerror or error}") from error
    except yaml.MarkedYAMLError as error:
        place = f"line {mark.line + 1}: " if (mark := error.problem_mark) else ""
        raise InvalidDocument(f"{path}: {place}not YAML: {error.problem}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidDocument(f"{path}: not YAML: {error}") from error
    documents = Documents()
    problems = []
    for document in _flat(parsed):
        if not isinstance(document, Mapping) or document.get("apiVersion") != API_VERSION:
            continue
        try:
            _take(documents, _as_json(document))
        except InvalidDocument as error:
            problems.append(str(error))
    if problems:
        raise InvalidDocument("\n".join(problems))
    return documents


def _flat(parsed: Iterable[Any]) -> Iterable[Any]:
    for document in parsed:
        if isinstance(document, Mapping) and document.get("kind") == "List":
            yield from document.get("items") or ()
        else:
            yield document


def _as_json(document: Mapping[Any, Any]) -> dict[str, Any]:
    """The document as it travels: every key a text, nothing that only YAML knows."""
    try:
        travelled: dict[str, Any] = json.loads(json.dumps(document, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InvalidDocument(f"{document.get('kind')}: cannot be sent as JSON: {error}") from error
    return travelled


def _take(documents: Documents, document: Mapping[str, Any]) -> None:
    kind = document.get("kind", "")
    metadata = document.get("metadata")
    if not isinstance(metadata, Mapping) or not metadata.get("name"):
        raise InvalidDocument(f"{kind}: metadata.name: is missing")
    for part in ("name", "namespace"):
        if not isinstance(metadata.get(part) or "", str):
            raise InvalidDocument(f"{kind}: metadata.{part}: {metadata[part]} needs quotes")
    name = metadata["name"]
    match kind:
        case "InferenceService":
            spec = _admitted(InferenceServiceSpec, kind, document)
            documents.services.append(Service(name, metadata.get("namespace") or "default", spec))
        case "ServingPool":
            documents.pools[name] = _admitted(ServingPoolSpec, kind, document)
        case "ModelProfile":
            documents.add_profile(_admitted(ModelProfileSpec, kind, document))
        case "InferenceCluster":
            _admitted(InferenceClusterSpec, kind, document)
            documents.of_the_fleet += 1
        case "InferenceWork":
            _admitted(InferenceWorkSpec, kind, document)
            documents.of_the_fleet += 1
        case _:
            raise InvalidDocument(f"{kind} {name}: {API_VERSION} has no kind {kind!r}")


def _admitted(model: type[Spec], kind: str, document: Mapping[str, Any]) -> Spec:
    if problems := refusals(kind, document):
        raise InvalidDocument("\n".join(problems))
    return model.model_validate(as_stored(kind, document)["spec"])
