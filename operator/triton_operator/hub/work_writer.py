"""Writes the works of a decision where they differ from those that there are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from triton_operator.api import labels
from triton_operator.api.group import API_VERSION
from triton_operator.api.routing import WorkRouting
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError, ApiNotFound, ApiRefused
from triton_operator.controllers.kinds import INFERENCE_WORK
from triton_operator.fleet.containment import contains
from triton_operator.fleet.endpoint_lists import Fleet, member_list
from triton_operator.fleet.mailbox import mailbox_namespace
from triton_operator.fleet.origin import ORIGIN, ORIGIN_UID
from triton_operator.fleet.placement import Placed
from triton_operator.fleet.placement_wish import placement_of
from triton_operator.fleet.revisions import is_overtaken, next_revision
from triton_operator.fleet.rollout_template import TEMPLATE
from triton_operator.fleet.work import is_hubs_will, is_leaving
from triton_operator.fleet.works import (
    APPLIED,
    SERVICE,
    ceiling_of,
    is_out,
    template,
    work_name,
    work_spec,
)
from triton_operator.hub.known import Known
from triton_operator.hub.leaving import delete_works, keep_work, make_way
from triton_operator.hub.rollouts import Templates
from triton_operator.hub.scene import Scene
from triton_operator.manifests.desired_hash import content_hash

logger = logging.getLogger(__name__)
Body = dict[str, Any]
MOST_QUOTED = 300
AT_ONCE = 8
"""Requests of one decision that are under way: each takes a round trip to the API server and its
disk, and a change of a template is one for each of hundreds of clusters."""
Ask = Callable[[], Awaitable[None]]


@dataclass
class Written:
    """What became of a decision. `revision`: the highest in force. `problems`: why a cluster's work
    is not as decided; `kept`: why one stays that would go; `failure`: an error after which to try
    again."""

    revision: int
    changed: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    failure: ApiError | None = None


class WorkWriter:
    """Every work that changes with a decision gets the same revision, higher than any before, and
    than any that a member has applied."""

    def __init__(self, server: ApiServer, known: Known) -> None:
        self._server = server
        self._known = known

    async def write(
        self, scene: Scene, placed: Placed, fleet: Fleet, decision: str, its_templates: Templates
    ) -> Written:
        """Some works at once; an error of one is no reason not to write the others."""
        asks: list[Ask] = []
        written = Written(scene.revision)
        told = {name: member.report.revision for name, member in scene.members.items()}
        revision = next_revision(scene.revision, told.values())
        if revision > scene.revision + 1:
            logger.warning(
                "Members have applied higher revisions than this hub has written: was it restored "
                "from a backup? It goes on above them.",
                extra={"service": str(scene.key), "written": scene.revision, "next": revision},
            )
        for name, site in placed.sites.items():
            live, facts = scene.works.get(name), scene.facts[name]
            if live is not None and is_leaving(live):
                if facts.moves and not is_out(site) and not is_hubs_will(live):
                    asks.append(partial(self._make_way, live, written))
                written.problems[name] = "its former work is being removed, then it is made again"
                continue
            if facts.paused or (live is None and (site.ceiling == 0 or not facts.moves)):
                continue
            if live is not None and facts.moves and is_out(site):
                other = fleet.keeps(name)
                if not other:
                    why = site.reasons[0].sentence
                    asks.append(partial(self._delete, live, why, decision, written))
                    continue
                written.kept[name] = _kept(other)
            wanted = self._wanted(scene, name, placed, fleet, its_templates)
            if live is None or not (
                _is_as_wanted(live, wanted)
                and not is_overtaken(live["spec"]["revision"], told[name], scene.revision)
            ):
                with_decision = {"revision": revision, "decisionID": decision}
                manifest = {**wanted, "spec": {**wanted["spec"], **with_decision}}
                asks.append(partial(self._apply, scene, name, manifest, written))
        await _ask(asks)
        return written

    async def _make_way(self, live: Body, written: Written) -> None:
        try:
            await make_way(self._server, live)
        except ApiError as error:
            written.failure = written.failure or error

    async def _delete(self, live: Body, why: str, decision: str, written: Written) -> None:
        try:
            await delete_works(self._server, [live], why, decision)
        except ApiError as error:
            written.failure = written.failure or error

    async def _apply(self, scene: Scene, name: str, manifest: Body, written: Written) -> None:
        try:
            if (live := scene.works.get(name)) is not None:
                await keep_work(self._server, live)
            body = await self._server.apply(INFERENCE_WORK, manifest, force=True)
        except (ApiRefused, ApiNotFound) as error:
            written.problems[name] = f"its work is refused: {error.message}"[:MOST_QUOTED]
        except ApiError as error:
            written.problems[name] = f"its work is not written yet: {error}"[:MOST_QUOTED]
            written.failure = written.failure or error
        else:
            written.revision = manifest["spec"]["revision"]
            written.changed.append(name)
            scene.works[name] = body
            self._known.works.put(body)

    def _wanted(
        self, scene: Scene, name: str, placed: Placed, fleet: Fleet, its_templates: Templates
    ) -> Body:
        """The work of a cluster, but for what comes with a change."""
        site, facts, live = placed.sites[name], scene.facts[name], scene.works.get(name)
        routing = member_list(
            fleet,
            name,
            placement_of(scene.spec).residency.local_only,
            _written_routing(live),
        )
        keeps = bool(fleet.keeps(name))
        ceiling = ceiling_of(site, facts, scene.settings, live and live["spec"], keeps=keeps)
        fresh = template(scene.body["spec"], site.floor, ceiling)
        its_template, noted = its_templates.of(name, live, fresh)
        body: Body = {
            "apiVersion": API_VERSION,
            "kind": INFERENCE_WORK.kind,
            "metadata": {
                "name": work_name(scene.key.namespace, scene.key.name),
                "namespace": mailbox_namespace(name),
                "labels": {
                    ORIGIN: self._known.hub_id,
                    ORIGIN_UID: scene.body["metadata"]["uid"],
                },
                "finalizers": [APPLIED],
            },
            "spec": work_spec(
                scene.body,
                scene.members[name].spec,
                its_template,
                routing.wire(),
                self._known.hub_id,
            ),
        }
        body["metadata"]["annotations"] = {
            SERVICE: f"{scene.key.namespace}/{scene.key.name}",
            labels.DESIRED_HASH: content_hash(body),
            TEMPLATE: noted,
        }
        if name in its_templates.held and live is not None and _is_as_it_was(live, body):
            # It holds the API's defaults too, which no hash of ours is of: it is not written again.
            body["metadata"]["annotations"][labels.DESIRED_HASH] = _desired_hash(live)
        return body


def _written_routing(live: Body | None) -> WorkRouting:
    return WorkRouting.model_validate((live or {}).get("spec", {}).get("routing") or {})


def _is_as_it_was(live: Body, held: Body) -> bool:
    """But for the routing, what is there and not wanted is the API's defaults. In a routing it may
    be a header, or an address, that was taken out."""
    return contains(live["spec"], held["spec"]) and _written_routing(live) == _written_routing(held)


def _kept(other: str) -> str:
    return (
        f"is drained, and its requests stay: {other}, where they should go, has no address for "
        "this model: set spec.dataPlane.url of its InferenceCluster, with the same targetNameSuffix"
    )


def _desired_hash(live: Body) -> str:
    return str((live["metadata"].get("annotations") or {}).get(labels.DESIRED_HASH, ""))


async def _ask(asks: Iterable[Ask]) -> None:
    """`AT_ONCE` of them under way; what is no error of the API server is raised after the last."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(ask: Ask) -> None:
        async with places:
            await ask()

    for answer in await asyncio.gather(*map(one, asks), return_exceptions=True):
        if answer is not None:
            raise answer


def _is_as_wanted(live: Body, wanted: Body) -> bool:
    """By the hash nothing was taken out since, and by the fields nobody changed what is there."""
    metadata = live["metadata"]
    return (
        all(
            contains(metadata.get(part), wanted["metadata"][part])
            for part in ("labels", "annotations")
        )
        and not is_hubs_will(live)
        and APPLIED in (metadata.get("finalizers") or ())
        and contains(live["spec"], wanted["spec"])
    )
