"""`triton-operator cluster drain` and `undrain`: take a cluster of a fleet out of use, and back."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from triton_operator.cli.asking import asking
from triton_operator.cli.cluster import KUBECONFIG
from triton_operator.cli.exit_codes import FAILED
from triton_operator.cli.output import (
    OUTPUT,
    Output,
    print_documents,
    print_error,
    print_lines,
    print_table,
)

if TYPE_CHECKING:
    from triton_operator.cli.draining import Drained

NAME = typer.Argument(..., help="Of the cluster: `cluster list` has the names.")
HEADINGS = ("SERVICE", "READY", "STATE", "WHY")


def drain(
    name: str = NAME,
    wait: bool = typer.Option(True, help="Wait until nothing is served there any more."),
    timeout_seconds: float = typer.Option(
        1800.0, min=1, help="How long to wait; the cluster stays marked after it."
    ),
    output: Output = OUTPUT,
    kubeconfig: Path | None = KUBECONFIG,
) -> None:
    """Take a cluster out of use.

    Others get ready first, then requests go there, then it stops.

    It is marked with the taint NoSelect, which stays until `cluster undrain`. Exit codes: 0 nothing
    is served there any more, or with --no-wait: it is marked; 1 something still is; 2 no such
    cluster; 4 the hub cannot be asked.
    """
    from triton_operator.cli.draining import NoSuchCluster

    with asking(NoSuchCluster):
        found = asyncio.run(_drained(name, timeout_seconds if wait else 0.0, kubeconfig))
    _print(found, output)
    if wait and not found.is_empty:
        print_error(
            f"{name} still serves after {timeout_seconds:.0f} s. It stays marked, and goes on: "
            f"`triton-operator cluster drain {name}` waits again, `undrain` takes the mark away"
        )
        raise typer.Exit(FAILED)


def undrain(
    name: str = NAME, output: Output = OUTPUT, kubeconfig: Path | None = KUBECONFIG
) -> None:
    """Use a cluster again.

    That takes the mark of `cluster drain` away, and placements use it as they want it.

    Exit codes: 0 it is not drained, 1 another taint NoSelect drains it, 2 no such cluster, 4 the
    hub cannot be asked.
    """
    from triton_operator.cli.draining import NoSuchCluster

    with asking(NoSuchCluster):
        found, others = asyncio.run(_undrained(name, kubeconfig))
    _print(found, output)
    if others:
        print_error(
            f"{name} is still drained, by a taint NoSelect that somebody else has set: "
            f"{', '.join(others)}. Take it out of spec.taints: "
            f"`kubectl edit inferencecluster {name}`"
        )
        raise typer.Exit(FAILED)


def _print(found: "Drained", output: Output) -> None:
    if output is not Output.TABLE:
        print_documents([found.document()], output)
        return
    mark = "drained" if found.is_marked else "not drained"
    if found.is_empty:
        print_lines([f"{found.cluster} is {mark}, and serves nothing"])
        return
    count = len(found.services)
    services = "1 service" if count == 1 else f"{count} services"
    title = f"{found.cluster} is {mark}, {found.state}, and has {services}"
    print_table(title, HEADINGS, [one.row() for one in found.services])


async def _drained(name: str, seconds: float, kubeconfig: Path | None) -> "Drained":
    from triton_operator.cli.draining import drained
    from triton_operator.cli.live import connected

    async with connected(kubeconfig) as connection:
        return await drained(connection, name, seconds, print_error)


async def _undrained(name: str, kubeconfig: Path | None) -> tuple["Drained", list[str]]:
    from triton_operator.cli.draining import undrained
    from triton_operator.cli.live import connected

    async with connected(kubeconfig) as connection:
        return await undrained(connection, name)
