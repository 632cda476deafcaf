"""The CustomResourceDefinitions: the envelope around the schemas, linted."""

from typing import Any

from triton_operator.api.crd.kinds import CATEGORY, KINDS, Column, Kind
from triton_operator.api.crd.lint import violations
from triton_operator.api.crd.schema import VALIDATIONS, Schema, SchemaError, structural
from triton_operator.api.group import GROUP, VERSION


def all_crds() -> list[dict[str, Any]]:
    """Every CustomResourceDefinition of this API, ready to be applied.

    Raises:
        SchemaError: a model has no structural schema, or one that the lint refuses.
    """
    return [crd(kind) for kind in KINDS]


def crd(kind: Kind) -> dict[str, Any]:
    """The CustomResourceDefinition of `kind`.

    Raises:
        SchemaError: its schema cannot be written, or the lint refuses it.
    """
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [_column(column) for column in kind.columns],
        "schema": {"openAPIV3Schema": _root(kind)},
    }
    if subresources := _subresources(kind):
        version["subresources"] = subresources
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short_name],
                "categories": [CATEGORY],
            },
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "versions": [version],
        },
    }


def _column(column: Column) -> dict[str, Any]:
    shown = {
        "name": column.name,
        "type": column.type,
        "description": column.meaning,
        "jsonPath": column.path,
    }
    return shown | ({"priority": 1} if column.wide else {})


def _subresources(kind: Kind) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if kind.status is not None:
        found["status"] = {}
    if kind.scale is not None:
        found["scale"] = {
            "specReplicasPath": kind.scale.spec_replicas,
            "statusReplicasPath": kind.scale.status_replicas,
            "labelSelectorPath": kind.scale.selector,
        }
    return found


def _root(kind: Kind) -> Schema:
    properties: dict[str, Schema] = {
        "apiVersion": {"type": "string", "description": "Group and version of this API."},
        "kind": {"type": "string", "description": "Name of the kind."},
        "metadata": {"type": "object"},
        "spec": structural(kind.spec, f"{kind.name}.spec"),
    }
    if kind.status is not None:
        properties["status"] = structural(kind.status, f"{kind.name}.status", defaults=False)
    found = [
        problem
        for part in ("spec", "status")
        if part in properties
        for problem in violations(properties[part], f"{kind.name}.{part}")
    ]
    if found:
        raise SchemaError(kind.name, "\n  ".join(["the lint refuses its schema:", *found]))
    root: Schema = {
        "type": "object",
        "description": kind.summary,
        "required": ["spec"],
        "properties": properties,
    }
    return root | ({VALIDATIONS: list(kind.rules)} if kind.rules else {})
