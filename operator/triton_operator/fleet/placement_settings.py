"""What a service asks of its placement: `spec.placement`, with its defaults."""

from __future__ import annotations

from dataclasses import dataclass, field

from triton_operator.api.enums import Failover, Tier


@dataclass(frozen=True)
class PlacementSettings:
    """Demand in reference replicas, times in seconds.

    - `zones`: where data may be processed; none: anywhere. `local_only_share`: of a cluster's
      demand, where it does not say itself.
    - `budget_seconds`: `percentile` of latency including the round trip; None: none.
    - `most`: replicas in all clusters together; `tier_most`: in those of a tier, by its name.
      `elsewhere`: what of these may run in clusters that are not placed on any more, by their
      tiers; of "" nobody knows the tier. `least`: what each cluster should have of a maximum before
      any has more for its demand.
    - `spill_at`: of the capacity; what is above goes to others, once it is smoothed, over
      `rising_seconds` where it grows and `smoothing_seconds` where it falls. `inversion_margin`: by
      how much slower a queue here has to be than another cluster with the way to it.
    - `window_seconds`: what was wanted within it stays. `deadband`: so much of a replica is no
      reason for one more. `stickiness`: advantage of who has a part already, of a score up to 1.
    - `latency_weight`, `cost_weight`, `energy_weight`: of the score, among clusters of one tier.
    - `max_surge`: replicas that replace lost ones, in all clusters together.
    """

    zones: tuple[str, ...] = ()
    local_only_share: float = 0.0
    budget_seconds: float | None = None
    percentile: float = 0.95
    most: int | None = None
    tier_most: dict[str, int] = field(default_factory=dict)
    elsewhere: dict[str, int] = field(default_factory=dict)
    least: int = 1
    spill_at: float = 0.9
    inversion_margin: float = 0.1
    rising_seconds: float = 60.0
    smoothing_seconds: float = 120.0
    window_seconds: float = 900.0
    deadband: float = 0.25
    stickiness: float = 0.15
    latency_weight: float = 40.0
    cost_weight: float = 40.0
    energy_weight: float = 20.0
    edge: Failover = Failover.FREEZE
    on_prem: Failover = Failover.REPLACE
    cloud: Failover = Failover.REPLACE
    max_surge: int = 8

    def failover(self, tier: Tier) -> Failover:
        """Of a lost cluster of that tier."""
        return {Tier.EDGE: self.edge, Tier.ON_PREM: self.on_prem, Tier.CLOUD: self.cloud}[tier]

    def bounds(self, tier: Tier) -> bool:
        """Whether a maximum over clusters counts for those of that tier."""
        return self.most is not None or tier.value in self.tier_most
