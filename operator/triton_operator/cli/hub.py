"""`triton-operator hub`: the hub of a fleet."""

import asyncio
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from triton_operator.cli.exit_codes import FAILED
from triton_operator.cli.run import LogFormat

if TYPE_CHECKING:
    from triton_operator.hub.options import HubOptions


def hub(
    kubeconfig: Path | None = typer.Option(None, help="Outside a cluster: which kubeconfig."),
    http_port: int = typer.Option(8080, help="Port of /metrics, /healthz and /readyz; 0: none."),
    workers: int = typer.Option(8, min=1, max=128, help="Looks at the same time."),
    place_seconds: float = typer.Option(
        30.0, min=1, max=600, help="Time between two placements of a service without news."
    ),
    dns_domain: list[str] = typer.Option(
        [],
        help="A domain in which services may have names by spec.placement.dns; more than once for "
        "several, never for none.",
    ),
    leader_election: bool = typer.Option(
        True, help="Write only while holding a Lease, so that several replicas can run."
    ),
    lease_name: str = typer.Option("triton-operator-hub", help="Name of that Lease."),
    lease_namespace: str = typer.Option(
        "default", envvar="POD_NAMESPACE", help="Namespace of that Lease."
    ),
    lease_seconds: float = typer.Option(
        12.0, min=3, max=300, help="How long after a leader's last sign another replica waits."
    ),
    push_namespace: str = typer.Option(
        "default",
        envvar="POD_NAMESPACE",
        help="Namespace of the Secrets with kubeconfigs of clusters that the hub pushes to.",
    ),
    log_format: LogFormat = typer.Option(LogFormat.TEXT, help="json or text."),
    verbose: bool = typer.Option(False, help="Log everything."),
) -> None:
    """Place services of a fleet on its clusters.

    It ends at SIGTERM.
    """
    from triton_operator.controllers.leadership import LeaseOptions
    from triton_operator.controllers.logs import configure_logs
    from triton_operator.hub.options import HubOptions

    configure_logs(as_json=log_format is LogFormat.JSON, verbose=verbose)
    options = HubOptions(
        kubeconfig=kubeconfig,
        http_port=http_port,
        identity=os.environ.get("POD_NAME", "triton-operator-hub"),
        lease=LeaseOptions(lease_namespace, lease_name, lease_seconds) if leader_election else None,
        workers=workers,
        place_seconds=place_seconds,
        dns_domains=tuple(domain_of(one) for one in dns_domain),
        push_namespace=push_namespace,
    )
    raise typer.Exit(asyncio.run(_until_stopped(options)))


def domain_of(text: str) -> str:
    """A domain as a flag has it. Raises BadParameter where it is none."""
    from triton_operator.api.placement_dns import HOSTNAME_PATTERN, MOST_HOSTNAME

    if len(text) > MOST_HOSTNAME or not re.fullmatch(HOSTNAME_PATTERN, text):
        raise typer.BadParameter(
            f"{text!r} is no domain: lower-case DNS labels joined by dots, such as "
            "models.example.com",
            param_hint="--dns-domain",
        )
    return text


async def _until_stopped(options: "HubOptions") -> int:
    import logging

    from triton_operator.controllers.leadership import LeaseLost
    from triton_operator.controllers.stopping import stop_on_signals
    from triton_operator.hub.process import run_hub

    logger = logging.getLogger(__name__)
    stop = asyncio.Event()
    stop_on_signals(stop)
    try:
        await run_hub(options, stop)
    except LeaseLost as lost:
        # A new process knows nothing of what the old one had in hand, and starts as a follower.
        logger.error("Another hub leads: this one ends.", extra={"why": str(lost)})
        return FAILED
    except Exception:
        logger.exception("The hub ends with an error.")
        return FAILED
    return 0
