"""How many more replicas the fleet-wide maximum and those of tiers leave."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from triton_operator.api.enums import Tier
from triton_operator.api.fields import MOST_REPLICAS
from triton_operator.fleet.fair_shares import whole_shares
from triton_operator.fleet.placement_settings import PlacementSettings


class Allowance:
    """Replicas that are still to give; it shrinks as they are taken."""

    def __init__(self, settings: PlacementSettings) -> None:
        endless = 1000 * MOST_REPLICAS
        self._fleet = endless if settings.most is None else settings.most
        self._tiers = {tier: settings.tier_most.get(tier, endless) for tier in Tier}
        for name, replicas in settings.elsewhere.items():
            self._fleet -= replicas
            if name in self._tiers:
                self._tiers[Tier(name)] -= replicas

    def room(self, tier: Tier) -> int:
        """In clusters of that tier."""
        return max(0, min(self._fleet, self._tiers[tier]))

    def copy(self) -> Allowance:
        """What is taken of one is not taken of the other."""
        return copy.deepcopy(self)

    def share(self, tier: Tier, asked: Sequence[int]) -> list[int]:
        """As `take` for several at once, none before the others."""
        given = whole_shares(asked, self.room(tier))
        self.reserve(tier, sum(given))
        return given

    def take(self, tier: Tier, replicas: int) -> int:
        """As many of them as there is room for."""
        taken = min(replicas, self.room(tier))
        self.reserve(tier, taken)
        return taken

    def reserve(self, tier: Tier, replicas: int) -> None:
        """What is used whether there is room or not."""
        self._fleet -= replicas
        self._tiers[tier] -= replicas

    @property
    def overdrawn(self) -> int:
        """Replicas by which what is used is above a maximum, of the one that is exceeded most."""
        return max(0, -min(self._fleet, *self._tiers.values()))
