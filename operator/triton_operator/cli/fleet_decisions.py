"""Decisions of a service's clusters, as their agents have told the hub."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triton_operator.api.enums import ConnectionState
from triton_operator.api.work_decision import WorkDecision
from triton_operator.cli.live import CannotAsk
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError, ApiNotFound
from triton_operator.controllers.kinds import INFERENCE_SERVICE, INFERENCE_WORK
from triton_operator.fleet.decision_history import by_time, readable
from triton_operator.fleet.mailbox import mailbox_cluster
from triton_operator.fleet.works import work_name
from triton_operator.hub.kinds import INFERENCE_CLUSTER

NAMED = 10
"""Clusters in a sentence: a fleet may have hundreds."""


class NothingTold(Exception):
    """There are no decisions to show; the text says why."""


@dataclass(frozen=True)
class Told:
    """`rows`: cluster and decision, by time. `silent`: a sentence for each cluster of the service
    that is not heard of at the moment."""

    rows: Sequence[tuple[str, WorkDecision]]
    silent: Sequence[str]


async def told_decisions(server: ApiServer, namespace: str, name: str, cluster: str | None) -> Told:
    """What is known at the hub; `cluster`: only of that one.

    Raises:
        CannotAsk: no answer, no right, or no such kind.
        NothingTold: no such service, not in that cluster, or no decision yet.
    """
    try:
        works = await _works(server, work_name(namespace, name))
        if not works:
            raise NothingTold(await _why_no_work(server, namespace, name))
        clusters = {
            body["metadata"]["name"]: body for body in await server.find(INFERENCE_CLUSTER, None)
        }
    except ApiNotFound as error:
        raise CannotAsk(
            "the cluster does not know InferenceWorks; install the definitions: "
            "`kubectl apply --server-side -f crds`, or the chart"
        ) from error
    except ApiError as error:
        raise CannotAsk(f"the hub cannot be asked: {error.message}") from error
    service = f"{namespace}/{name}"
    if cluster is not None and cluster not in works:
        raise NothingTold(f"{service} is not in cluster {_no_such(cluster, list(works))}")
    asked = sorted(works if cluster is None else [cluster])
    silent = [line for one in asked if (line := _silence(one, clusters.get(one)))]
    histories = {one: readable((works[one].get("status") or {}).get("decisions")) for one in asked}
    rows = list(by_time(histories))
    if not rows:
        raise NothingTold(
            ". ".join(
                [
                    f"no decision on {service} is told by {_names(asked)}: the number of replicas "
                    "has not changed there, it is fixed, or the agent is of an older version",
                    *silent,
                ]
            )
        )
    return Told(rows, silent)


async def _works(server: ApiServer, name: str) -> dict[str, dict[str, Any]]:
    """By cluster."""
    found = await server.find(INFERENCE_WORK, None, field_selector=f"metadata.name={name}")
    return {
        cluster: body
        for body in found
        if (cluster := mailbox_cluster(body["metadata"]["namespace"])) is not None
    }


async def _why_no_work(server: ApiServer, namespace: str, name: str) -> str:
    if await server.get(INFERENCE_SERVICE, namespace, name) is None:
        return (
            f"the hub has no InferenceService {name} in namespace {namespace}; is this the hub, "
            "and the name that the service has there?"
        )
    return (
        f"{namespace}/{name} is in no cluster of the fleet: "
        f"`kubectl get inferenceservice {name} -n {namespace} -o yaml` says why, in Placed; of a "
        f"service that is not the fleet's, `triton-operator decisions {name} -n {namespace}` tells"
    )


def _no_such(cluster: str, there: list[str]) -> str:
    if close := difflib.get_close_matches(cluster, there, n=3):
        return f"{cluster}; did you mean {' or '.join(close)}?"
    return f"{cluster}; it is in {_names(sorted(there))}"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def _silence(name: str, body: Mapping[str, Any] | None) -> str:
    """Empty of a cluster that is heard of."""
    status = (body or {}).get("status") or {}
    state = status.get("connectionState", "not known")
    if state in (ConnectionState.CONNECTED, ConnectionState.RECOVERING):
        return ""
    heard = status.get("lastHeardTime")
    since = f" since {heard}" if heard else ""
    return f"{name} is {state}: what it decided{since} comes when it is heard of again"
