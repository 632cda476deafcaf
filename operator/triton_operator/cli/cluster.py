"""`triton-operator cluster list` and `join`: the clusters of a fleet, at its hub."""

import asyncio
from pathlib import Path
from typing import Any

import typer
import yaml

from triton_operator.api.enums import Tier
from triton_operator.api.group import API_VERSION
from triton_operator.cli.asking import asking
from triton_operator.cli.crds import Manifests
from triton_operator.cli.exit_codes import INVALID
from triton_operator.cli.output import OUTPUT, Output, print_documents, print_error, print_table

KUBECONFIG = typer.Option(None, help="Of the hub; default: as kubectl.")
DAY_SECONDS = 86_400
USUAL_TIER = Tier.EDGE.value
KEPT_URL = "https://as-it-is.invalid"
"""For the check of the options alone, where the url stays as it is."""


def cluster_list(output: Output = OUTPUT, kubeconfig: Path | None = KUBECONFIG) -> None:
    """List the clusters of a fleet.

    Whether each is heard of, and how much of what it has to do.
    Exit codes: 0 listed, 4 the hub cannot be asked.
    """
    from triton_operator.cli.fleet import HEADINGS

    with asking():
        rows = asyncio.run(_rows(kubeconfig))
    if output is Output.TABLE:
        print_table(f"{len(rows)} cluster{'' if len(rows) == 1 else 's'}", HEADINGS, rows)
    else:
        names = [one.lower() for one in HEADINGS]
        print_documents([[dict(zip(names, row, strict=True)) for row in rows]], output)


def join(
    name: str = typer.Argument(..., help="Of the cluster: up to 57 characters, as a DNS label."),
    agent_kubeconfig: Path | None = typer.Argument(
        None,
        help="File for its agent's kubeconfig: with it, the cluster joins; omitted: its object is "
        "printed, and nothing is asked or written. Not with --push.",
    ),
    tier: Tier | None = typer.Option(
        None, help="What kind of place it is; default: Edge, or as it is."
    ),
    zone: list[str] = typer.Option(
        [], help="Zone that it is in, such as eu; may be repeated; default: as it is."
    ),
    url: str = typer.Option(
        "", help="Where other clusters reach its inference endpoints; default: as it is."
    ),
    grpc_url: str = typer.Option(
        "",
        help="The same for gRPC, which routes need; https means TLS. With --url, unless the "
        "cluster has one already.",
    ),
    token_days: int = typer.Option(30, min=1, max=365, help="How long its token is to hold."),
    server: str = typer.Option(
        "",
        help="Address of the hub's API server for the agent, with --push of the cluster's for the "
        "hub; default: as the kubeconfig.",
    ),
    push: bool = typer.Option(
        False, help="The hub carries works to the cluster, which needs no agent."
    ),
    member_kubeconfig: Path | None = typer.Option(
        None,
        help="With --push, of the cluster: an account for the hub is made there, and its "
        "kubeconfig is written to a Secret at the hub; omitted: what the account needs is printed.",
    ),
    push_namespace: str = typer.Option(
        "triton-system", help="With --push: namespace of the hub, for that Secret."
    ),
    output: Manifests = typer.Option(
        Manifests.YAML, "--output", "-o", help="yaml or json; `kubectl apply` takes both."
    ),
    kubeconfig: Path | None = KUBECONFIG,
) -> None:
    """Make a cluster one of the fleet.

    Or write another token for one that is.
    Of a cluster that is there already, only what an option names changes.
    The kubeconfig holds a token, so keep it as a secret. Exit codes: 0 done, 2 wrong options, 4 the
    hub cannot be asked, or has made no mailbox.
    """
    from pydantic import ValidationError

    from triton_operator.api.inference_cluster import InferenceClusterSpec
    from triton_operator.cli.joining import NoUrl
    from triton_operator.cli.pushing import KEY, push_secret_name

    if push and agent_kubeconfig is not None:
        print_error("--push: there is no agent, so there is no file for its kubeconfig")
        raise typer.Exit(INVALID)
    if member_kubeconfig is not None and not push:
        print_error("--member-kubeconfig is for --push")
        raise typer.Exit(INVALID)

    spec: dict[str, Any] = {"tier": tier.value} if tier else {}
    spec |= {"residencyZones": zone} if zone else {}
    if grpc_url and not url and agent_kubeconfig is None and member_kubeconfig is None:
        # Nobody is asked, so there is no cluster that could have one.
        print_error("--grpc-url needs --url")
        raise typer.Exit(INVALID)
    addresses = ({"url": url} if url else {}) | ({"grpcUrl": grpc_url} if grpc_url else {})
    spec |= {"dataPlane": addresses} if addresses else {}
    if push:
        source = {"secretName": push_secret_name(name), "key": KEY}
        spec["clusterSource"] = {"kubeConfig": source}
    manifest = {
        "apiVersion": API_VERSION,
        "kind": "InferenceCluster",
        "metadata": {"name": name},
        "spec": spec,
    }
    try:
        whole = {"dataPlane": {"url": KEPT_URL, **addresses}} if addresses else {}
        InferenceClusterSpec.model_validate({"tier": USUAL_TIER, **spec, **whole})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        print_error(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
        raise typer.Exit(INVALID) from error
    if push:
        _push(manifest, member_kubeconfig, push_namespace, token_days, server, output, kubeconfig)
        return
    if agent_kubeconfig is None:
        print_documents([{**manifest, "spec": {"tier": USUAL_TIER, **spec}}], Output(output))
        return
    with asking(NoUrl):
        made, until = asyncio.run(_joined(manifest, token_days * DAY_SECONDS, server, kubeconfig))
    _write(yaml.safe_dump(made, sort_keys=False), agent_kubeconfig)
    print_error(
        f"{name} has joined: its agent's token holds until {until}. In the cluster, with its own "
        "kubeconfig:\n"
        "  kubectl -n triton-system create secret generic way-to-the-hub "
        f"--from-file=kubeconfig={agent_kubeconfig}\n"
        "  helm upgrade triton-operator charts/triton-operator -n triton-system --reuse-values "
        f"--set agent.enabled=true --set agent.cluster={name} "
        "--set agent.hubSecret.name=way-to-the-hub"
    )


def _push(
    manifest: dict[str, Any],
    member: Path | None,
    namespace: str,
    token_days: int,
    server: str,
    output: Manifests,
    kubeconfig: Path | None,
) -> None:
    from triton_operator.cli.joining import NoUrl
    from triton_operator.fleet.push_account import push_account

    name, source = manifest["metadata"]["name"], manifest["spec"]["clusterSource"]["kubeConfig"]
    if member is None:
        print_documents(list(push_account()), Output(output))
        print_error(
            f"This is for the cluster {name}. At the hub, it takes a kubeconfig of that account in "
            f"the Secret {namespace}/{source['secretName']}, key {source['key']}, and an "
            "InferenceCluster that names it: --member-kubeconfig makes all of it"
        )
        return
    with asking(NoUrl):
        until = asyncio.run(
            _pushed(manifest, member, namespace, token_days * DAY_SECONDS, server, kubeconfig)
        )
    print_error(
        f"{name} has joined: the hub's token there holds until {until}. Name "
        f"{source['secretName']} in hub.pushSecrets of the hub's chart, so that the hub may read "
        "it, and write another token there in time"
    )


async def _pushed(
    manifest: dict[str, Any],
    member: Path,
    namespace: str,
    seconds: int,
    address: str,
    kubeconfig: Path | None,
) -> str:
    from triton_operator.cli.joining import refuse_grpc_alone
    from triton_operator.cli.live import cluster
    from triton_operator.cli.pushing import hand_over, let_in

    async with cluster(kubeconfig) as hub:
        # Before anything is made in the cluster.
        await refuse_grpc_alone(hub, manifest)
        async with cluster(member) as there:
            text, until = await let_in(there, seconds, address, member)
        await hand_over(hub, manifest, USUAL_TIER, namespace, text)
    return until


def _write(text: str, file: Path) -> None:
    try:
        # Nobody else may read it, not even between its making and a chmod.
        file.unlink(missing_ok=True)
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        print_error(str(error))
        raise typer.Exit(INVALID) from error


async def _rows(kubeconfig: Path | None) -> list[tuple[str, ...]]:
    from triton_operator.cli.fleet import cluster_rows
    from triton_operator.cli.live import cluster

    async with cluster(kubeconfig) as server:
        return await cluster_rows(server)


async def _joined(
    manifest: dict[str, Any], seconds: int, address: str, kubeconfig: Path | None
) -> tuple[dict[str, Any], str]:
    from triton_operator.cli.fleet import joined
    from triton_operator.cli.joining import refuse_grpc_alone
    from triton_operator.cli.live import cluster

    async with cluster(kubeconfig) as server:
        await refuse_grpc_alone(server, manifest)
        return await joined(server, manifest, USUAL_TIER, seconds, address, kubeconfig)
