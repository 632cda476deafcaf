"""`triton-operator crds`: the CustomResourceDefinitions, ready for `kubectl apply`."""

import typer


def crds() -> None:
    """Print the CustomResourceDefinitions as YAML."""
    from triton_operator.api.crd import crds_yaml

    typer.echo(crds_yaml(), nl=False)
