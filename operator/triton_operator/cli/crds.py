"""`triton-operator crds`: the CustomResourceDefinitions, ready for `kubectl apply`."""

import json
from enum import StrEnum

import typer


class Manifests(StrEnum):
    """The form of objects that are there to be applied."""

    YAML = "yaml"
    JSON = "json"


def crds(
    output: Manifests = typer.Option(
        Manifests.YAML, "--output", "-o", help="yaml or json; `kubectl apply` takes both."
    ),
) -> None:
    """Print the CustomResourceDefinitions.

    For `kubectl apply --server-side -f -`.
    """
    from triton_operator.api.crd import all_crds, crds_yaml

    if output is Manifests.YAML:
        typer.echo(crds_yaml(), nl=False)
    else:
        # kubectl takes no array.
        whole = {"apiVersion": "v1", "kind": "List", "items": all_crds()}
        typer.echo(json.dumps(whole, indent=2))
