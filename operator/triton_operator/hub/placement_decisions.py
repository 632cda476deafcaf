"""The `PlacementDecision`s beside a service, where somebody has installed that kind."""

from __future__ import annotations

from typing import Any

from triton_operator.api import reasons as conditions
from triton_operator.api.conditions import ConditionStatus, Finding, finding
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.keys import Key
from triton_operator.fleet import status_reasons as reasons
from triton_operator.fleet.decision_slices import Chosen, decision_slices
from triton_operator.fleet.endpoint_lists import Fleet
from triton_operator.hub.kinds import PLACEMENT_DECISION
from triton_operator.hub.owned_objects import MOST_QUOTED, OwnedObjects, owned_metadata
from triton_operator.hub.scene import Scene
from triton_operator.hub.served_kinds import ServedKinds
from triton_operator.manifests import names

Body = dict[str, Any]
MOST_NAMED = 5


class PlacementDecisions:
    """Written only where they change: whoever reads them acts on each change."""

    def __init__(self, objects: OwnedObjects, kinds: ServedKinds) -> None:
        self._objects = objects
        self._kinds = kinds
        self._slices: dict[Key, int] = {}
        """How many there are, of services whose other slices are known to be gone."""

    def forget_all(self) -> None:
        """Another hub may have led."""
        self._slices.clear()

    def forget(self, key: Key) -> None:
        """The service is gone, and its slices go with it."""
        self._slices.pop(key, None)

    async def write(self, scene: Scene, fleet: Fleet) -> Finding | None:
        """Have them as they should be, and say whether they are; None: no cluster of the service is
        in an inventory, or the kind is not there, and nobody has asked for it."""
        chosen, without = _chosen(scene, fleet)
        inventoried = any(one.spec.cluster_profile for one in scene.members.values())
        try:
            if not (inventoried or _is_told(scene.body)):
                return None
            if not await self._kinds.serves(PLACEMENT_DECISION):
                return None
            if not inventoried:
                await self._shorten(scene, 0)
                return None
            slices = decision_slices(
                scene.key.namespace,
                scene.key.name,
                chosen,
                lambda index: owned_metadata(
                    scene.body, names.placement_decision(scene.key.name, index)
                ),
            )
            for one in slices:
                if why := await self._objects.write(PLACEMENT_DECISION, scene.body, one):
                    return _false(reasons.NOT_PUBLISHED, why)
            await self._shorten(scene, len(slices))
        except ApiError as error:
            said = f"PlacementDecisions are not as they should be: {error}"
            return _false(reasons.NOT_PUBLISHED, said[:MOST_QUOTED])
        return _finding(len(chosen), without)

    async def _shorten(self, scene: Scene, slices: int) -> None:
        """Those beyond were of more clusters."""
        if self._slices.get(scene.key) == slices:
            return
        index = slices
        while await self._objects.remove(
            PLACEMENT_DECISION, scene.body, names.placement_decision(scene.key.name, index)
        ):
            index += 1
        self._slices[scene.key] = slices


def _chosen(scene: Scene, fleet: Fleet) -> tuple[list[Chosen], list[str]]:
    """Clusters with a part, in the order of filling, and the names of those in no inventory."""
    chosen, without = [], []
    for name, site in fleet.placed.sites.items():
        if name not in fleet.serving or site.ceiling == 0:
            continue
        spec = scene.members[name].spec
        if spec.cluster_profile is None:
            without.append(name)
        else:
            chosen.append(Chosen(spec.cluster_profile, spec.tier))
    return chosen, without


def _is_told(service: Body) -> bool:
    """Whether its status says anything of decisions: some may be there only then."""
    rows = (service.get("status") or {}).get("conditions") or ()
    return any(row.get("type") == conditions.DECISION_PUBLISHED for row in rows)


def _finding(chosen: int, without: list[str]) -> Finding:
    if without:
        named = ", ".join(without[:MOST_NAMED])
        more = len(without) - MOST_NAMED
        return _false(
            reasons.PUBLISHED_IN_PART,
            f"PlacementDecisions name {chosen} of {chosen + len(without)} clusters with a part: "
            f"set spec.clusterProfile of {named}{f' and {more} more' if more > 0 else ''}",
        )
    return finding(
        conditions.DECISION_PUBLISHED,
        ConditionStatus.TRUE,
        reasons.PUBLISHED,
        f"PlacementDecisions name the {chosen} clusters with a part",
    )


def _false(reason: str, message: str) -> Finding:
    return finding(conditions.DECISION_PUBLISHED, ConditionStatus.FALSE, reason, message)
