"""`triton-operator explain`: why a service is as it is, and what to do next."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from triton_operator.cli.asking import asking
from triton_operator.cli.exit_codes import FAILED, INVALID, OK
from triton_operator.cli.output import (
    OUTPUT,
    Output,
    print_documents,
    print_error,
    print_lines,
    print_table,
)
from triton_operator.planning.compute import instance_words
from triton_operator.triton.backends import ENGINE_NAMES

if TYPE_CHECKING:
    from triton_operator.cli.explanation import Explanation, Trouble
    from triton_operator.controllers.views import ServiceView


def explain(
    name: str | None = typer.Argument(
        None, help="InferenceService; without a name, all that are not ready."
    ),
    namespace: str | None = typer.Option(
        None, "--namespace", "-n", help="Default: the kubeconfig's."
    ),
    every: bool = typer.Option(False, "--all-namespaces", "-A", help="Look in all namespaces."),
    output: Output = OUTPUT,
    kubeconfig: Path | None = typer.Option(None, help="Which kubeconfig; default: as kubectl."),
) -> None:
    """Say why a service is ready, or is not.

    With conditions, plan, replicas, pods, events, and next steps. Reads with your own rights and
    writes nothing. Exit codes: 0 ready, 1 not ready, 2 no such service or wrong options, 4 the
    cluster cannot be asked.
    """
    from triton_operator.cli.live import NoSuchService, namespace_of_context

    if name and every:
        print_error("say either a name or --all-namespaces")
        raise typer.Exit(INVALID)
    with asking(NoSuchService):
        place = None if every else namespace or namespace_of_context(kubeconfig)
        code = asyncio.run(_explain(name, place, output, kubeconfig))
    raise typer.Exit(code)


async def _explain(
    name: str | None, namespace: str | None, output: Output, kubeconfig: Path | None
) -> int:
    from triton_operator.cli.explanation import explanation
    from triton_operator.cli.live import cluster, read_service, services

    async with cluster(kubeconfig) as server:
        if name is None or namespace is None:
            return _print_overview(await services(server, namespace), namespace, output)
        found = explanation(await read_service(server, namespace, name))
    print_answer(found, output)
    return OK if found.is_ready else FAILED


def print_answer(found: "Explanation", output: Output) -> None:
    """Everything that there is to say of one service, in that form."""
    if output is Output.TABLE:
        print_explanation(found)
    else:
        print_documents([{**asdict(found), "isReady": found.is_ready}], output)


def _print_overview(found: Sequence["ServiceView"], namespace: str | None, output: Output) -> int:
    from triton_operator.cli.explanation import Read, explanation

    every = [explanation(Read(service)) for service in found]
    unready = [one for one in every if not one.is_ready]
    rows = [[one.namespace, one.name, one.ready, one.reason, _message(one)] for one in unready]
    if output is not Output.TABLE:
        keys = ("namespace", "name", "ready", "reason", "message")
        print_documents([[dict(zip(keys, row, strict=True)) for row in rows]], output)
    elif unready:
        print_table(
            f"not ready: {len(unready)} of {len(every)} services",
            ["NAMESPACE", "NAME", "READY", "REASON", "MESSAGE"],
            rows,
        )
    else:
        where = f"namespace {namespace}" if namespace else "any namespace"
        ready = "1 service is ready" if len(every) == 1 else f"all {len(every)} services are ready"
        print_lines([ready if every else f"no services in {where}"])
    return FAILED if unready else OK


def _message(found: "Explanation") -> str:
    return found.troubles[0].message if found.troubles else found.summary


def print_explanation(found: "Explanation") -> None:
    """Everything that there is to say of one service, on standard output."""
    print_lines([found.summary])
    for trouble in found.troubles:
        print_lines(
            [
                "",
                f"{', '.join(trouble.conditions)}: {trouble.status} {trouble.reason}, since "
                f"{trouble.since}",
                f"  {trouble.message}",
            ]
        )
    for row in found.pools:
        running = instance_words(row["instances"], row.get("threads"))
        by = f" by {row['engine']}" if row.get("engine") in ENGINE_NAMES.values() else ""
        print_lines(
            [
                "",
                f"plan for pool {row['name']}: {row['precision']}{by}, batches of up to "
                f"{row['maxBatchSize']}, {running}, "
                f"{row['readyReplicas']} of {row['desiredReplicas']} replicas ready",
                *(f"  {reason}" for reason in _untold(row, found.troubles)),
            ]
        )
    if found.replicas:
        print_lines(["", "replicas", *(f"  {line}" for line in found.replicas)])
    if found.pods:
        print_table(
            "\nthe pods",
            ["NAME", "ROLE", "NODE", "STATE", "RESTARTS", "SINCE"],
            [
                [pod.name, pod.role, pod.node, pod.state, str(pod.restarts), pod.since]
                for pod in found.pods
            ],
        )
    if found.events:
        print_lines(["", "the last events", *_event_lines(found.events)])
    if found.unread:
        print_lines(["", "could not be read:", *(f"  {line}" for line in found.unread)])
    if found.next_steps:
        print_lines(["", "next:", *(f"  {step}" for step in found.next_steps)])


def _untold(pool: Mapping[str, Any], troubles: "Sequence[Trouble]") -> Iterator[str]:
    """Reasons of its plan that no trouble has said already."""
    said = [trouble.message for trouble in troubles]
    for reason in pool.get("reasons") or ():
        if not any(reason in message for message in said):
            yield reason


def _event_lines(events: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Two lines each: messages are long, and a column of them would fold everything else."""
    heads = [("TIME", "REASON", "ABOUT")]
    heads += [(event["time"], event["reason"], event["about"]) for event in events]
    wide = [max(len(head[number]) for head in heads) for number in (0, 1)]
    for number, (when, reason, about) in enumerate(heads):
        yield f"{when:<{wide[0]}} {reason:<{wide[1]}} {about}".rstrip()
        if number:
            yield from (f"  {line}" for line in events[number - 1]["message"].splitlines())
