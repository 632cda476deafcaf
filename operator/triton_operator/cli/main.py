"""The commands. Each is imported when it is called: a table of help should not load kopf."""

import typer

from triton_operator import __version__
from triton_operator.cli.agent import agent
from triton_operator.cli.check_installation import check_installation
from triton_operator.cli.cluster import cluster_list, join
from triton_operator.cli.cluster_decisions import cluster_decisions
from triton_operator.cli.compare import compare
from triton_operator.cli.convert import convert
from triton_operator.cli.crds import crds
from triton_operator.cli.decisions import decisions
from triton_operator.cli.drain import drain, undrain
from triton_operator.cli.explain import explain
from triton_operator.cli.hub import hub
from triton_operator.cli.inspect import inspect
from triton_operator.cli.measure import measure
from triton_operator.cli.plan import plan
from triton_operator.cli.replay import replay
from triton_operator.cli.run import run
from triton_operator.cli.verify import verify

app = typer.Typer(
    name="triton-operator",
    help="InferenceServices become measured, explained NVIDIA Triton deployments.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
model = typer.Typer(
    help="Look at model files, convert, verify and measure them.", no_args_is_help=True
)
app.add_typer(model, name="model")

cluster = typer.Typer(
    help="Look at the clusters of a fleet, join and drain them.", no_args_is_help=True
)
app.add_typer(cluster, name="cluster")

app.command()(run)
app.command()(agent)
app.command()(hub)
app.command()(plan)
app.command()(explain)
app.command()(decisions)
app.command()(replay)
app.command()(crds)
app.command()(check_installation)
cluster.command("list")(cluster_list)
cluster.command("join")(join)
cluster.command("drain")(drain)
cluster.command("undrain")(undrain)
cluster.command("decisions")(cluster_decisions)
model.command("inspect")(inspect)
model.command("convert")(convert)
model.command("verify")(verify)
model.command("compare")(compare)
model.command("measure")(measure)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """InferenceServices become measured, explained NVIDIA Triton deployments."""


def main() -> None:
    """The entry point of `triton-operator`."""
    app()


if __name__ == "__main__":
    main()
