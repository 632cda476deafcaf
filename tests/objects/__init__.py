"""Objects written by hand: for each kind the smallest one, and one with every field."""

from pathlib import Path
from typing import Any

import yaml

from triton_operator.api.crd.kinds import KINDS, Kind
from triton_operator.api.group import API_VERSION

_HERE = Path(__file__).parent
_EXAMPLES = _HERE.parents[1] / "examples"


def written(name: str) -> dict[str, Any]:
    """The object in `tests/objects/<name>.yaml`, such as `servingpool-smallest`."""
    document: dict[str, Any] = yaml.safe_load((_HERE / f"{name}.yaml").read_text(encoding="utf-8"))
    return document


def all_written() -> list[dict[str, Any]]:
    """Every object of this API in this folder and among the examples for users."""
    paths = [*sorted(_HERE.glob("*.yaml")), *sorted(_EXAMPLES.rglob("*.yaml"))]
    documents = [
        document
        for path in paths
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    ]
    return [
        document for document in documents if document and document["apiVersion"] == API_VERSION
    ]


def kind_of(document: dict[str, Any]) -> Kind:
    """The kind of an object of this API."""
    return next(kind for kind in KINDS if kind.name == document["kind"])


def title(document: dict[str, Any]) -> str:
    """Names the object in a test's id."""
    return f"{document['kind']}-{document['metadata']['name']}"


def with_text_quantities(value: Any) -> Any:
    """`value` as the API writes it: a quantity given as an integer becomes a string."""
    if isinstance(value, dict):
        return {
            name: str(field)
            if name in ("cpu", "memory", "nvidia.com/gpu") and isinstance(field, int)
            else with_text_quantities(field)
            for name, field in value.items()
        }
    if isinstance(value, list):
        return [with_text_quantities(item) for item in value]
    return value
