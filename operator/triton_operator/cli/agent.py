"""`triton-operator agent`: a cluster's agent of a fleet."""

import asyncio
from pathlib import Path

import typer

from triton_operator.cli.exit_codes import FAILED
from triton_operator.cli.run import LogFormat


def agent(
    hub_kubeconfig: Path = typer.Option(
        ...,
        help="Kubeconfig of the hub, of an account that reaches the mailbox; read again "
        "whenever the connection fails.",
    ),
    mailbox: str = typer.Option(..., help="Namespace at the hub: fleet- and the cluster's name."),
    kubeconfig: Path | None = typer.Option(
        None, help="Outside of this cluster: which kubeconfig leads to it."
    ),
    heartbeat_seconds: float = typer.Option(
        15.0, min=1, max=300, help="Time between two signs of life; as in the InferenceCluster."
    ),
    log_format: LogFormat = typer.Option(LogFormat.TEXT, help="json or text."),
    verbose: bool = typer.Option(False, help="Log everything."),
) -> None:
    """Apply what a hub asks of this cluster, and tell it what became of that, until SIGTERM."""
    from triton_operator.controllers.logs import configure_logs

    configure_logs(as_json=log_format is LogFormat.JSON, verbose=verbose)
    raise typer.Exit(
        asyncio.run(_until_stopped(hub_kubeconfig, kubeconfig, mailbox, heartbeat_seconds))
    )


async def _until_stopped(
    hub_kubeconfig: Path, kubeconfig: Path | None, mailbox: str, heartbeat_seconds: float
) -> int:
    import logging

    from triton_operator.agent.sync import sync
    from triton_operator.controllers.connection import connect
    from triton_operator.controllers.stopping import ends_before, stop_on_signals

    stop = asyncio.Event()
    stop_on_signals(stop)
    try:
        await ends_before(
            stop,
            sync(
                lambda: connect(hub_kubeconfig),
                lambda: connect(kubeconfig),
                mailbox,
                heartbeat_seconds=heartbeat_seconds,
            ),
        )
    except Exception:
        logging.getLogger(__name__).exception("The agent ends with an error.")
        return FAILED
    return 0
