"""What the hub knows of a cluster, for one service: the input of a placement.

Demand and capacity are told in replicas of a reference: `need` is what reaches the cluster, as
`arrivals / what one reference replica does within the objective`, whether the cluster can serve it
or not, and whoever's clients send it: `own_demand` takes that apart. One replica of a cluster is
worth `speed` of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from triton_operator.api.enums import ConnectionState, TaintEffect, Tier
from triton_operator.api.fields import MOST_REPLICAS
from triton_operator.planning.service_curve import ServiceCurve

MOST_SECONDS = 3600.0
LEAST_SPEED, MOST_SPEED = 1e-3, 1e3


_PLACES = {tier: place for place, tier in enumerate(Tier)}


class AbsurdFact(ValueError):
    """A number that no cluster can have; the text says which cluster, which number, and why."""


@dataclass(frozen=True)
class ClusterFacts:
    """One cluster, as it told it last. None: it never told.

    - `order` replaces the tier's place among the tiers: 0, 1, 2.
    - `capacity`: replicas that it could run; `ready`: that are ready. Its own, not reference ones.
    - `need`: demand that reaches it, of its own clients and of others', not limited by what it can
      serve. `local_only_share` of its own clients' must not leave; None: the service's default.
    - `rtt_seconds`: round trip to the hub's site; `peer_rtt` to other clusters, by name.
    - `curve`, `safe_rate`: one replica's service curve and what it serves within the objective, in
      requests/s; `p95_seconds`: measured, used where there is no curve.
    - `cost` of one replica per hour and `joules` of one inference, in any unit that all share.
    - `data_plane`: whether its endpoint answers a probe; None: nobody probes.
    - `ceiling`: the highest `maxReplicas` that the hub wrote there and was not told is replaced, so
      that it may be in force; None: there is no work.
    - `paused`: its administrator wants nothing changed.
    - `addressed`: others can be told where it is; `suffix`: of the service's name there. What is to
      go to a cluster without an address, or with another name, stays out of the lists.

    Raises:
        AbsurdFact: a number is out of its range. Members are not trusted.
    """

    name: str
    tier: Tier
    state: ConnectionState
    capacity: int
    ready: int = 0
    need: float | None = None
    order: int | None = None
    zones: tuple[str, ...] = ()
    speed: float = 1.0
    local_only_share: float | None = None
    rtt_seconds: float | None = None
    peer_rtt: dict[str, float] = field(default_factory=dict)
    curve: ServiceCurve | None = None
    safe_rate: float | None = None
    p95_seconds: float | None = None
    cost: float = 0.0
    joules: float = 0.0
    taints: tuple[TaintEffect, ...] = ()
    data_plane: bool | None = None
    ceiling: int | None = None
    paused: bool = False
    addressed: bool = True
    suffix: str = ""

    def __post_init__(self) -> None:
        for name, least, most in (
            ("capacity", 0, MOST_REPLICAS),
            ("ready", 0, MOST_REPLICAS),
            ("need", 0, MOST_REPLICAS),
            ("speed", LEAST_SPEED, MOST_SPEED),
            ("local_only_share", 0, 1),
            ("rtt_seconds", 0, MOST_SECONDS),
            ("safe_rate", 1e-6, 1e9),
            ("p95_seconds", 0, MOST_SECONDS),
            ("cost", 0, 1e9),
            ("joules", 0, 1e9),
            ("ceiling", 0, MOST_REPLICAS),
        ):
            self._check(name, getattr(self, name), least, most)
        for peer, seconds in self.peer_rtt.items():
            self._check(f"peer_rtt of {peer}", seconds, 0, MOST_SECONDS)

    def _check(self, what: str, value: float | None, least: float, most: float) -> None:
        if value is not None and not (math.isfinite(value) and least <= value <= most):
            raise AbsurdFact(
                f"cluster {self.name}: {what} is {value:g}, not within {least:g} and {most:g}"
            )

    @property
    def place(self) -> int:
        """Where it comes in the order of filling."""
        return _PLACES[self.tier] if self.order is None else self.order

    @property
    def moves(self) -> bool:
        """Whether anything may be changed there now."""
        return self.state is ConnectionState.CONNECTED and not self.paused

    def rtt_to(self, other: ClusterFacts) -> float | None:
        """Seconds to another cluster and back: measured, or at most that by way of the hub."""
        if other.name in self.peer_rtt:
            return self.peer_rtt[other.name]
        if self.rtt_seconds is None or other.rtt_seconds is None:
            return None
        return self.rtt_seconds + other.rtt_seconds
