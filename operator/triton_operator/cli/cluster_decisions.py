"""`triton-operator cluster decisions`: what the autoscalers of a service's clusters decided."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from triton_operator.cli.asking import asking
from triton_operator.cli.output import OUTPUT, Output, print_documents, print_lines, print_table

if TYPE_CHECKING:
    from triton_operator.cli.fleet_decisions import Told

COLUMNS = ("TIME", "CLUSTER", "NUMBER", "REPLICAS", "MESSAGE")


def cluster_decisions(
    name: str = typer.Argument(..., help="InferenceService, by its name at the hub."),
    namespace: str | None = typer.Option(
        None, "--namespace", "-n", help="Default: the kubeconfig's."
    ),
    cluster: str | None = typer.Option(None, help="Only of this cluster."),
    output: Output = OUTPUT,
    kubeconfig: Path | None = typer.Option(None, help="Of the hub; default: as kubectl."),
) -> None:
    """Print the last changes of a service's replicas.

    By the autoscalers of all of its clusters, in the order of time.

    Each cluster's agent tells up to 30, those of while its link was cut too. Reads at the hub, with
    the rights to list inferenceworks and inferenceclusters. Exit codes: 0 printed, 2 no such
    service, not in that cluster, or no decision yet, 4 the hub cannot be asked.
    """
    from triton_operator.cli.fleet_decisions import NothingTold
    from triton_operator.cli.live import namespace_of_context

    with asking(NothingTold):
        place = namespace or namespace_of_context(kubeconfig)
        told = asyncio.run(_told(place, name, cluster, kubeconfig))
    if output is Output.TABLE:
        _print(told, f"{place}/{name}")
    else:
        rows = [{"cluster": where, **one.wire()} for where, one in told.rows]
        print_documents([rows], output)


def _print(told: "Told", name: str) -> None:
    from triton_operator.cli.log_summary import count

    clusters = len({where for where, _ in told.rows})
    print_table(
        f"{name}: {count(len(told.rows), 'change')} in {count(clusters, 'cluster')}",
        COLUMNS,
        [
            (one.time, where, str(one.number), f"{one.from_} -> {one.to}", one.reason)
            for where, one in told.rows
        ],
    )
    if told.silent:
        print_lines(["", *told.silent])


async def _told(namespace: str, name: str, cluster: str | None, kubeconfig: Path | None) -> "Told":
    from triton_operator.cli.fleet_decisions import told_decisions
    from triton_operator.cli.live import cluster as connected

    async with connected(kubeconfig) as server:
        return await told_decisions(server, namespace, name, cluster)
