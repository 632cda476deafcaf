"""What the member's nodes offer, and how many replicas of each service they have places for.

Looked at about once a minute: pods of the whole cluster are read for it, and nothing is decided on
it within seconds. Without the right to read them, nothing is said of places.
They are read page by page, and only sums of them are kept: at a hub, others share this memory.
"""

import asyncio
import logging
from collections import Counter
from typing import Any

from triton_operator.api import labels
from triton_operator.controllers.answer_bounds import AnswerBounds, Tally
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError, ApiTooMuch
from triton_operator.controllers.kinds import DEPLOYMENT, NODE, POD
from triton_operator.fleet.room import NodeRoom, more_replicas
from triton_operator.planning.nodes import node_facts, total_allocatable

logger = logging.getLogger(__name__)
Body = dict[str, Any]
Place = tuple[str, str]
LOOK_SECONDS = 60.0
LARGEST_SHARE = 0.05
"""Of the time that looks may take: in a cluster of thousands of pods, they become rarer."""
LONGEST_LOOK_SECONDS = 120.0
"""Or a cluster that answers slowly would keep others that wait for their turn from theirs."""
SLICE_SECONDS = 0.02
"""For which places are counted before others get their turn."""
MOST_RESOURCES = 32
UNFINISHED = "status.phase!=Succeeded,status.phase!=Failed"


class NodeLook:
    """The last look; before the first, and after one that failed, nothing is known.

    `turns`: how many may look at the same time; None: nobody else is here.
    """

    def __init__(self, turns: asyncio.Semaphore | None = None) -> None:
        self._turns = turns or asyncio.Semaphore(1)
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

    async def run(self, server: ApiServer, bounds: AnswerBounds) -> None:
        """Look, for ever; `bounds` are for what is kept of nodes and Deployments meanwhile."""
        clock = asyncio.get_running_loop().time
        while True:
            async with self._turns:
                began = clock()
                try:
                    async with asyncio.timeout(LONGEST_LOOK_SECONDS):
                        await self._look(server, bounds)
                    self._problem = ""
                except (ApiError, ValueError, TimeoutError) as error:
                    # Any pod of the cluster may ask for an amount that is none.
                    self._offered, self._places = None, {}
                    self._complain(error)
                took = clock() - began
            await asyncio.sleep(max(LOOK_SECONDS, took / LARGEST_SHARE))

    async def _look(self, server: ApiServer, bounds: AnswerBounds) -> None:
        kept = Tally(bounds, "nodes and Deployments")
        nodes = []
        async for body in server.each(NODE, None):
            facts = node_facts(body)
            kept.keep_value([facts.name, facts.labels, facts.allocatable, facts.taints])
            nodes.append(facts)
        offered = [
            {"resource": name, "allocatable": amount}
            for name, amount in total_allocatable(nodes).items()
        ]
        self._offered = offered[:MOST_RESOURCES]
        named: list[tuple[str, Place, Body]] = []
        async for body in server.each(DEPLOYMENT, None, label_selector=labels.SERVICE):
            row = str(body["metadata"]["name"]), _service_of(body), body["spec"]["template"]["spec"]
            kept.keep_value(row)
            named.append(row)
        templates: dict[Place, list[Body]] = {}
        for _, place, template in sorted(named, key=lambda row: row[0]):
            templates.setdefault(place, []).append(template)
        assigned: Counter[Place] = Counter()
        room = NodeRoom(nodes)
        async for pod in server.each(POD, None, field_selector=UNFINISHED):
            room.take(pod)
            if _serves(pod) and (place := _service_of(pod)) in templates:
                assigned[place] += 1
        free = room.free_nodes()
        places = {}
        clock = asyncio.get_running_loop().time
        rested = clock()
        for place, specs in templates.items():
            places[place] = assigned[place]
            for more in more_replicas(specs, free):
                places[place] += more
                if clock() - rested > SLICE_SECONDS:
                    # Others run here too.
                    await asyncio.sleep(0)
                    rested = clock()
        self._places = places

    def _complain(self, error: Exception) -> None:
        """Once for each problem."""
        problem = str(error)
        if isinstance(error, TimeoutError):
            problem = f"not read within {LONGEST_LOOK_SECONDS:g} s"
        elif isinstance(error, ApiError) and not isinstance(error, ApiTooMuch):
            problem = f"{error.status} {error.reason}"
        if self._problem != problem:
            self._problem = problem
            logger.warning(
                "The cluster's nodes and pods cannot be read; its places are not counted.",
                extra={"error": str(error) or problem},
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
