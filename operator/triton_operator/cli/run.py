"""`triton-operator run`: the operator process."""

import asyncio
import gc
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from triton_operator.cli.companion_flags import duration, labels_of, operator_of, peers_of
from triton_operator.cli.exit_codes import FAILED
from triton_operator.cli.fetch_flags import (
    bundle_of,
    direct_names,
    proxy_address,
    proxy_of,
    resources_of,
    secret_name,
    secret_names,
)
from triton_operator.cli.metric_flags import MetricFlags, metrics_of
from triton_operator.triton.releases import DEFAULT_IMAGE, NEWEST

if TYPE_CHECKING:
    from triton_operator.controllers.operator_options import OperatorOptions


class LogFormat(StrEnum):
    """How log lines look."""

    JSON = "json"
    TEXT = "text"


def run(
    image: str = typer.Option(
        ..., help="The operator's own image; inspections and downloads of models run in it."
    ),
    image_pull_policy: str = typer.Option("IfNotPresent", help="Pull policy of that image."),
    namespace: list[str] = typer.Option([], help="Watch only this namespace; may be repeated."),
    kubeconfig: Path | None = typer.Option(None, help="Outside a cluster: which kubeconfig."),
    cpu_image: str = typer.Option(DEFAULT_IMAGE, help="Triton image of CPU pools without one."),
    cpu_release: str = typer.Option(str(NEWEST), help="Triton release in that image, YY.MM."),
    gpu_image: str = typer.Option(DEFAULT_IMAGE, help="Triton image of GPU pools without one."),
    gpu_release: str = typer.Option(str(NEWEST), help="Triton release in that image, YY.MM."),
    http_port: int = typer.Option(8080, help="Port of /metrics, /healthz and /readyz; 0: none."),
    workers: int = typer.Option(16, min=1, max=128, help="Reconciles at the same time."),
    sweep_seconds: float = typer.Option(600.0, min=1, help="Time between looks at everything."),
    max_model_bytes: int = typer.Option(20 * 2**30, min=1, help="Largest model to fetch."),
    fetch_timeout_seconds: int = typer.Option(1800, min=1, help="Longest download of a model."),
    image_pull_secret: list[str] = typer.Option(
        [],
        callback=secret_names,
        help="Secret in each service's namespace that pulls images; may be repeated.",
    ),
    ca_bundle_file: Path | None = typer.Option(
        None, help="PEM file of more certificate authorities of model stores; read again by sweeps."
    ),
    allow_code_in: list[str] = typer.Option(
        [],
        help="Namespace whose models may execute code (Python backends, TorchScript, libraries); "
        "may be repeated, * is all.",
    ),
    https_proxy: str = typer.Option(
        "", callback=proxy_address, help="Proxy to https:// stores of models."
    ),
    http_proxy: str = typer.Option(
        "", callback=proxy_address, help="Proxy for what a store's library asks over http://."
    ),
    proxy_secret: str = typer.Option(
        "",
        callback=secret_name,
        help="Secret in each service's namespace with `username` and `password` for these proxies, "
        "or without their addresses here, with `HTTPS_PROXY` whole.",
    ),
    no_proxy: str = typer.Option(
        "", callback=direct_names, help="Hosts, domains and ranges without proxy, comma-separated."
    ),
    inspection_resources: str = typer.Option(
        "", metavar="JSON", help='Of inspection Jobs: {"requests": {…}, "limits": {…}}.'
    ),
    fetch_resources: str = typer.Option(
        "", metavar="JSON", help="Of the containers that fetch models, in the same form."
    ),
    network_policies: bool = typer.Option(
        False, help="Make a NetworkPolicy for each service: callers and Prometheus may connect."
    ),
    prometheus_peers: str = typer.Option(
        "",
        metavar="JSON",
        help='Who may read metrics then: [{"namespaceSelector": {…}, "podSelector": {…}}].',
    ),
    operator_peer: str = typer.Option(
        "",
        metavar="JSON",
        help="The operator's own pods, which ask for devices and metrics then: "
        '{"namespaceSelector": {…}, "podSelector": {…}}; omitted: it runs outside of the cluster.',
    ),
    pod_monitors: bool = typer.Option(
        True, help="Make a PodMonitor for each service where the cluster knows that kind."
    ),
    pod_monitor_label: list[str] = typer.Option(
        [], metavar="KEY=VALUE", help="Label of PodMonitors, as Prometheus selects them by."
    ),
    pod_monitor_interval: str = typer.Option(
        "", callback=duration, help="Time between two scrapes in PodMonitors, such as 5s."
    ),
    prometheus_url: str = typer.Option(
        "", help="Prometheus that scrapes the pods, as source of their metrics; omitted: the pods."
    ),
    prometheus_token_file: Path | None = typer.Option(
        None, help="File with the bearer token for it; read again at each question."
    ),
    prometheus_ca_file: Path | None = typer.Option(
        None, help="PEM file of the authorities that its certificate is from."
    ),
    prometheus_header: list[str] = typer.Option(
        [], metavar="NAME=FILE", help="Header for it, whose value is in a file; may be repeated."
    ),
    prometheus_label: list[str] = typer.Option(
        [],
        metavar="NAME=VALUE",
        help="Label that its series must have, such as cluster=prod; may be repeated.",
    ),
    prometheus_namespace_label: str = typer.Option(
        "namespace", help="Its label with a pod's namespace."
    ),
    prometheus_pod_label: str = typer.Option(
        "pod", help='Its label with a pod\'s name; "": pods are told by the address in `instance`.'
    ),
    scrape_seconds: float = typer.Option(
        1.0, min=0.5, max=60, help="Time between two looks at the metrics of a service."
    ),
    leader_election: bool = typer.Option(
        True, help="Write only while holding a Lease, so that several replicas can run."
    ),
    lease_name: str = typer.Option("triton-operator", help="Name of that Lease."),
    lease_namespace: str = typer.Option(
        "default", envvar="POD_NAMESPACE", help="Namespace of that Lease."
    ),
    lease_seconds: float = typer.Option(
        12.0, min=3, max=300, help="How long after a leader's last sign another replica waits."
    ),
    log_format: LogFormat = typer.Option(LogFormat.TEXT, help="json or text."),
    verbose: bool = typer.Option(False, help="Log everything."),
) -> None:
    """Watch InferenceServices and make them serve.

    It ends at SIGTERM.
    """
    from triton_operator.controllers.leadership import LeaseOptions
    from triton_operator.controllers.logs import configure_logs
    from triton_operator.controllers.operator_options import OperatorOptions
    from triton_operator.manifests.companions import Companions, Monitors, Policies
    from triton_operator.manifests.fetching import (
        FETCH_RESOURCES,
        INSPECTION_RESOURCES,
        FetchSettings,
    )
    from triton_operator.planning.pools import PoolDefaults

    configure_logs(as_json=log_format is LogFormat.JSON, verbose=verbose)
    policies = Policies(peers_of(prometheus_peers), operator_of(operator_peer))
    monitors = Monitors(labels_of(pod_monitor_label), pod_monitor_interval)
    metrics = metrics_of(
        MetricFlags(
            url=prometheus_url,
            token_file=prometheus_token_file,
            ca_file=prometheus_ca_file,
            headers=prometheus_header,
            matchers=prometheus_label,
            namespace_label=prometheus_namespace_label,
            pod_label=prometheus_pod_label,
            scrape_seconds=scrape_seconds,
        )
    )
    options = OperatorOptions(
        fetch=FetchSettings(
            image=image,
            image_pull_policy=image_pull_policy,
            max_bytes=max_model_bytes,
            timeout_seconds=fetch_timeout_seconds,
            pull_secrets=tuple(image_pull_secret),
            code_namespaces=tuple(allow_code_in),
            ca_bundle=bundle_of(ca_bundle_file),
            proxy=proxy_of(https_proxy, http_proxy, no_proxy, proxy_secret),
            inspection_resources=resources_of(
                inspection_resources, "--inspection-resources", INSPECTION_RESOURCES
            ),
            fetch_resources=resources_of(fetch_resources, "--fetch-resources", FETCH_RESOURCES),
        ),
        ca_bundle_file=ca_bundle_file,
        defaults=PoolDefaults(
            cpu_image=cpu_image,
            cpu_release=cpu_release,
            gpu_image=gpu_image,
            gpu_release=gpu_release,
        ),
        companions=Companions(
            policies=policies if network_policies else None,
            monitors=monitors if pod_monitors else None,
        ),
        namespaces=namespace,
        kubeconfig=kubeconfig,
        http_port=http_port,
        workers=workers,
        sweep_seconds=sweep_seconds,
        identity=os.environ.get("POD_NAME", "triton-operator"),
        lease=LeaseOptions(lease_namespace, lease_name, lease_seconds) if leader_election else None,
        metrics=metrics,
    )
    # What is imported stays for ever: not looking at it again and again saves a quarter of the CPU
    # in a burst, and the longest pause falls from 0.29 to 0.06 s (docs/performance.md).
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    raise typer.Exit(asyncio.run(_until_stopped(options)))


async def _until_stopped(options: "OperatorOptions") -> int:
    import logging

    from triton_operator.controllers.leadership import LeaseLost
    from triton_operator.controllers.operator import run_operator
    from triton_operator.controllers.stopping import stop_on_signals
    from triton_operator.controllers.watch_streams import KindGone

    logger = logging.getLogger(__name__)
    stop = asyncio.Event()
    stop_on_signals(stop)
    try:
        await run_operator(options, stop)
    except KindGone as gone:
        logger.error("The operator ends.", extra={"why": str(gone)})
        return FAILED
    except LeaseLost as lost:
        # A new process knows nothing of what the old one had in hand, and starts as a follower.
        logger.error("Another process leads: this one ends.", extra={"why": str(lost)})
        return FAILED
    except Exception:
        # Exit and be restarted: a watch that is lost for good cannot be mended from inside.
        logger.exception("The operator ends with an error.")
        return FAILED
    return 0
