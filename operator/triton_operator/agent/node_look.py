"""What the member's nodes offer, and how many replicas of each service they have places for.

Looked at about once a minute: pods of the whole cluster are read for it, and nothing is decided on
it within seconds. Without the right to read them, nothing is said of places.
"""

import asyncio
import logging
from collections import Counter
from typing import Any

from triton_operator.api import labels
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.kinds import DEPLOYMENT, NODE, POD
from triton_operator.fleet.room import free_nodes, more_replicas
from triton_operator.planning.nodes import node_facts, total_allocatable

logger = logging.getLogger(__name__)
Body = dict[str, Any]
Place = tuple[str, str]
LOOK_SECONDS = 60.0
LARGEST_SHARE = 0.05
"""Of the time that looks may take: in a cluster of thousands of pods, they become rarer."""
MOST_RESOURCES = 32
UNFINISHED = "status.phase!=Succeeded,status.phase!=Failed"


class NodeLook:
    """The last look; before the first, and after one that failed, nothing is known."""

    def __init__(self) -> None:
        self._offered: list[dict[str, str]] | None = None
        self._places: dict[Place, int] = {}
        self._problem = ""

    def offered(self) -> list[dict[str, str]] | None:
        """Resources of all nodes together, as rows of `InferenceCluster.status.capacity`."""
        return self._offered

    def room(self, service: Body) -> int | None:
        """Replicas that could start beside those that are ready; None: not known.

        A service without a Deployment has no template to count with.
        """
        metadata = service["metadata"]
        places = self._places.get((metadata["namespace"], metadata["name"]))
        if places is None:
            return None
        return max(0, places - ((service.get("status") or {}).get("readyReplicas") or 0))

    async def run(self, server: ApiServer) -> None:
        """Look, for ever."""
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            try:
                await self._look(server)
                self._problem = ""
            except (ApiError, ValueError) as error:
                # Any pod of the cluster may ask for an amount that is none.
                self._offered, self._places = None, {}
                self._complain(error)
            await asyncio.sleep(max(LOOK_SECONDS, (clock() - began) / LARGEST_SHARE))

    async def _look(self, server: ApiServer) -> None:
        nodes = [node_facts(body) for body in await server.find(NODE, None)]
        offered = [
            {"resource": name, "allocatable": amount}
            for name, amount in total_allocatable(nodes).items()
        ]
        self._offered = offered[:MOST_RESOURCES]
        pods = await server.find(POD, None, field_selector=UNFINISHED)
        deployments = await server.find(DEPLOYMENT, None, label_selector=labels.SERVICE)
        templates: dict[Place, list[Body]] = {}
        for body in sorted(deployments, key=lambda one: str(one["metadata"]["name"])):
            template = body["spec"]["template"]["spec"]
            templates.setdefault(_service_of(body), []).append(template)
        assigned = Counter(_service_of(pod) for pod in pods if _serves(pod))
        free = free_nodes(nodes, pods)
        self._places = {
            place: assigned[place] + more_replicas(specs, free)
            for place, specs in templates.items()
        }

    def _complain(self, error: Exception) -> None:
        """Once for each problem."""
        problem = f"{error.status} {error.reason}" if isinstance(error, ApiError) else str(error)
        if self._problem != problem:
            self._problem = problem
            logger.warning(
                "The cluster's nodes and pods cannot be read; its places are not counted.",
                extra={"error": str(error)},
            )


def _service_of(body: Body) -> Place:
    metadata = body["metadata"]
    return metadata["namespace"], (metadata.get("labels") or {}).get(labels.SERVICE, "")


def _serves(pod: Body) -> bool:
    """Whether it has a place as a replica, ready or not."""
    metadata = pod["metadata"]
    role = (metadata.get("labels") or {}).get(labels.ROLE)
    return (
        role == labels.SERVE
        and "deletionTimestamp" not in metadata
        and bool(pod["spec"].get("nodeName"))
    )
