"""Writes the works of a decision where they differ from those that there are."""

from __future__ import annotations

from dataclasses import dataclass, field
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
from triton_operator.hub.scene import Scene
from triton_operator.manifests.desired_hash import content_hash

Body = dict[str, Any]
MOST_QUOTED = 300


@dataclass
class Written:
    """What became of a decision. `revision`: the highest in force. `problems`: why a cluster's work
    is not as decided; `failure`: an error after which to try again."""

    revision: int
    changed: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    failure: ApiError | None = None


class WorkWriter:
    """Every work that changes with a decision gets the same revision, higher than any before."""

    def __init__(self, server: ApiServer, known: Known) -> None:
        self._server = server
        self._known = known

    async def write(self, scene: Scene, placed: Placed, fleet: Fleet, decision: str) -> Written:
        """One work after another; an error of one is no reason not to write the others.

        Raises:
            ApiError: a work that has to go was not deleted.
        """
        before = (scene.body.get("status") or {}).get("placement") or {}
        revisions = [work["spec"]["revision"] for work in scene.works.values()]
        written = Written(max([before.get("revision", 0), *revisions]))
        revision = written.revision + 1
        for name, site in placed.sites.items():
            live, facts = scene.works.get(name), scene.facts[name]
            if live is not None and is_leaving(live):
                if facts.moves and not is_out(site) and not is_hubs_will(live):
                    await self._make_way(live, written)
                written.problems[name] = "its former work is being removed, then it is made again"
                continue
            if facts.paused or (live is None and (site.ceiling == 0 or not facts.moves)):
                continue
            if live is not None and facts.moves and is_out(site):
                await delete_works(self._server, [live], site.reasons[0].sentence, decision)
                continue
            wanted = self._wanted(scene, name, placed, fleet)
            if live is None or not _is_as_wanted(live, wanted):
                with_decision = {"revision": revision, "decisionID": decision}
                manifest = {**wanted, "spec": {**wanted["spec"], **with_decision}}
                await self._apply(scene, name, manifest, written)
        return written

    async def _make_way(self, live: Body, written: Written) -> None:
        try:
            await make_way(self._server, live)
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

    def _wanted(self, scene: Scene, name: str, placed: Placed, fleet: Fleet) -> Body:
        """The work of a cluster, but for what comes with a change."""
        site, facts, live = placed.sites[name], scene.facts[name], scene.works.get(name)
        routing = member_list(
            fleet,
            name,
            placement_of(scene.spec).residency.local_only,
            _written_routing(live),
        )
        ceiling = ceiling_of(site, facts, scene.settings, live and live["spec"])
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
                template(scene.body["spec"], site.floor, ceiling),
                routing.wire(),
                self._known.hub_id,
            ),
        }
        body["metadata"]["annotations"] = {
            SERVICE: f"{scene.key.namespace}/{scene.key.name}",
            labels.DESIRED_HASH: content_hash(body),
        }
        return body


def _written_routing(live: Body | None) -> WorkRouting:
    return WorkRouting.model_validate((live or {}).get("spec", {}).get("routing") or {})


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
