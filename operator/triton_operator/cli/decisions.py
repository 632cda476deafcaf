"""`triton-operator decisions`: what the autoscaler of a service decided, for people or `replay`."""

import asyncio
import sys
from enum import StrEnum
from pathlib import Path

import typer

from triton_operator.cli.asking import asking
from triton_operator.cli.exit_codes import INVALID
from triton_operator.cli.output import print_error, print_lines


class LogForm(StrEnum):
    """How a log looks."""

    TABLE = "table"
    JSON = "json"


def decisions(
    name: str = typer.Argument(..., help="InferenceService."),
    namespace: str | None = typer.Option(
        None, "--namespace", "-n", help="Default: the kubeconfig's."
    ),
    output: LogForm = typer.Option(
        LogForm.TABLE,
        "--output",
        "-o",
        help="table for people, json for `replay`: a line for each decision.",
    ),
    operator_namespace: str | None = typer.Option(
        None, help="Where the operator runs; default: look in all namespaces."
    ),
    kubeconfig: Path | None = typer.Option(None, help="Which kubeconfig; default: as kubectl."),
) -> None:
    """Print why a service has so many replicas.

    Of about the last hour: each change, or everything that was decided. Reads from the operator
    that leads, through the API server: with the rights to list pods and leases and to get
    pods/proxy where it runs. Exit codes: 0 printed, 2 no decisions on such a service or wrong
    options, 4 the cluster or the operator cannot be asked.
    """
    from triton_operator.cli.live import namespace_of_context
    from triton_operator.cli.operator_pods import NotThere

    with asking(NotThere):
        place = namespace or namespace_of_context(kubeconfig)
        log = asyncio.run(_log(place, name, operator_namespace, kubeconfig))
    if output is LogForm.JSON:
        sys.stdout.buffer.write(log)
    else:
        _print(log, place, name)


def _print(log: bytes, namespace: str, name: str) -> None:
    from triton_operator.autoscaling.decision_record import UnreadableRecord, record_in
    from triton_operator.autoscaling.replay import as_recorded, target_changes
    from triton_operator.cli.log_summary import head_lines, print_changes

    everything = f"`triton-operator decisions {name} -n {namespace} -o json`"
    lines = log.decode(errors="replace").splitlines()
    try:
        records = ((number, record_in(line, number)) for number, line in enumerate(lines, 1))
        steps = list(as_recorded(records))
    except UnreadableRecord as error:
        print_error(f"the operator is of another version: {error}; {everything} has its own words")
        raise typer.Exit(INVALID) from error
    if not steps:
        print_error(f"no decision on {namespace}/{name} yet")
        raise typer.Exit(INVALID)
    print_lines([*head_lines(f"{namespace}/{name}", steps), ""])
    print_changes(list(target_changes(steps)), f"{everything} has all")
    print_lines(["", f"everything they were made from, for `triton-operator replay`: {everything}"])


async def _log(
    namespace: str, name: str, operator_namespace: str | None, kubeconfig: Path | None
) -> bytes:
    from triton_operator.cli.live import connected
    from triton_operator.cli.operator_pods import decisions_of, leading_pods
    from triton_operator.controllers.api_server import ApiServer

    async with connected(kubeconfig) as connection:
        pods = await leading_pods(ApiServer(connection), operator_namespace)
        return await decisions_of(connection, pods, namespace, name)
