"""`triton-operator agent`: a cluster's agent of a fleet."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from triton_operator.cli.exit_codes import FAILED, INVALID
from triton_operator.cli.run import LogFormat

if TYPE_CHECKING:
    from triton_operator.agent.link import Connector


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
    renew_token: bool = typer.Option(
        True,
        help="Ask the hub for another token at two thirds of its life, and write it to where the "
        "kubeconfig is from.",
    ),
    hub_secret: str = typer.Option(
        "", help="Secret that --hub-kubeconfig is mounted from; omitted: it is a file."
    ),
    hub_secret_key: str = typer.Option("kubeconfig", help="Key in that Secret."),
    namespace: str = typer.Option(
        "default", envvar="POD_NAMESPACE", help="Namespace of that Secret."
    ),
    log_format: LogFormat = typer.Option(LogFormat.TEXT, help="json or text."),
    verbose: bool = typer.Option(False, help="Log everything."),
) -> None:
    """Apply what a fleet's hub asks of this cluster.

    It tells the hub what became of that, and ends at SIGTERM. Exit codes: 0 it was told to end, 1
    an error, 2 a kubeconfig by which nobody knows who answers.
    """
    from triton_operator.controllers.logs import configure_logs

    configure_logs(as_json=log_format is LogFormat.JSON, verbose=verbose)
    secret = (namespace, hub_secret, hub_secret_key) if hub_secret else None
    raise typer.Exit(
        asyncio.run(
            _until_stopped(
                hub_kubeconfig, kubeconfig, mailbox, heartbeat_seconds, renew_token, secret
            )
        )
    )


async def _until_stopped(
    hub_kubeconfig: Path,
    kubeconfig: Path | None,
    mailbox: str,
    heartbeat_seconds: float,
    renews: bool,
    secret: tuple[str, str, str] | None,
) -> int:
    import logging

    from triton_operator.agent.sync import sync
    from triton_operator.agent.token_store import Store, TokenFile, TokenSecret
    from triton_operator.controllers.connection import Connection, UnverifiedServer, connect
    from triton_operator.controllers.stopping import ends_before, stop_on_signals

    async def to_hub() -> Connection:
        return await connect(hub_kubeconfig, for_kopf=False, verified=True)

    async def to_member() -> Connection:
        return await connect(kubeconfig, for_kopf=False, verified=True)

    store: Store | None = None
    if renews:
        store = TokenSecret(to_member, *secret) if secret else TokenFile(hub_kubeconfig)
    stop = asyncio.Event()
    stop_on_signals(stop)
    try:
        await _refuse_unverified(to_hub, to_member)
        await ends_before(
            stop,
            sync(
                to_hub,
                to_member,
                mailbox,
                heartbeat_seconds=heartbeat_seconds,
                hub_kubeconfig=hub_kubeconfig,
                store=store,
            ),
        )
    except UnverifiedServer as error:
        logging.getLogger(__name__).error("The agent does not begin: %s", error)
        return INVALID
    except Exception:
        logging.getLogger(__name__).exception("The agent ends with an error.")
        return FAILED
    return 0


async def _refuse_unverified(*connectors: "Connector") -> None:
    """Before anything else: later, a link waits for a better file.

    Raises:
        UnverifiedServer: a configuration cannot tell who answers.
    """
    from kubernetes.aio.config import ConfigException

    from triton_operator.controllers.connection import UnverifiedServer

    for one in connectors:
        try:
            await (await one()).session.close()
        except UnverifiedServer:
            raise
        except (ConfigException, OSError):
            continue  # it may come yet
