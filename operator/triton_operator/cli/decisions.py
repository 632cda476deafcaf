"""`triton-operator decisions`: what the autoscaler of a service decided, as a file."""

import asyncio
import sys
from pathlib import Path

import typer

from triton_operator.cli.asking import asking
from triton_operator.cli.exit_codes import INVALID
from triton_operator.cli.output import print_error


def decisions(
    name: str = typer.Argument(..., help="InferenceService."),
    namespace: str | None = typer.Option(
        None, "--namespace", "-n", help="Default: the kubeconfig's."
    ),
    output: Path | None = typer.Option(
        None, "--output", "-o", help="File to write; default: standard output."
    ),
    operator_namespace: str | None = typer.Option(
        None, help="Where the operator runs; default: look in all namespaces."
    ),
    kubeconfig: Path | None = typer.Option(None, help="Which kubeconfig; default: as kubectl."),
) -> None:
    """Export the decisions on a service's replicas, about the last hour, for `replay`.

    Reads from the operator that leads, through the API server: with the rights to list pods and
    leases and to get pods/proxy where it runs. Exit codes: 0 exported, 2 no decisions on such a
    service or wrong options, 4 the cluster or the operator cannot be asked.
    """
    from triton_operator.cli.live import namespace_of_context
    from triton_operator.cli.operator_pods import NotThere

    with asking(NotThere):
        place = namespace or namespace_of_context(kubeconfig)
        log = asyncio.run(_log(place, name, operator_namespace, kubeconfig))
    if output is None:
        sys.stdout.buffer.write(log)
        return
    try:
        output.write_bytes(log)
    except OSError as error:
        print_error(str(error))
        raise typer.Exit(INVALID) from error
    count = log.count(b"\n")
    print_error(
        f"{count:,} decisions on {place}/{name}: {output}; "
        f"`triton-operator replay {output} --plot plot.html` shows them"
    )


async def _log(
    namespace: str, name: str, operator_namespace: str | None, kubeconfig: Path | None
) -> bytes:
    from triton_operator.cli.live import connected
    from triton_operator.cli.operator_pods import decisions_of, leading_pods
    from triton_operator.controllers.api_server import ApiServer

    async with connected(kubeconfig) as connection:
        pods = await leading_pods(ApiServer(connection), operator_namespace)
        return await decisions_of(connection, pods, namespace, name)
