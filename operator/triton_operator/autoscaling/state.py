"""What a service's autoscaler remembers from one decision to the next."""

from __future__ import annotations

import math
from dataclasses import dataclass

BIN_SECONDS = 5.0
MEMORY_SECONDS = 3600.0


@dataclass(frozen=True)
class ScalingState:
    """Values only, so that it can be stored, sent and replayed. Times as in `Observation`.

    - `rates`: (time, seconds, requests/s) of the last minute's looks, oldest first.
    - `bins`: arrivals/s in pieces of `BIN_SECONDS` over the last hour; NaN where nobody looked.
      `estimates` has what was thought to be the rate at the end of each. `open_*` is the piece
      that is not full yet.
    - `jumped_at`: when demand jumped up last; for a while after, the rate is the mean since then.
    - `wants`: (time, replicas wanted, those of them for lasting demand), from which scaling down
      waits.
    - `turns`: times at which a small step took another one back; `direction` is that of the last
      step, 1 or -1, if that was a small one, and `stepped_at` when it was. `needed_at`: when all
      replicas were wanted last.
    - `part`: of what the service curve says, what replicas do (see `capacity`). `busy` are looks at
      replicas with a lasting queue (time, seconds, answers), `answers` pieces of calm time (time,
      seconds, arrivals per replica, answers, late ones), calm since `calm_since` with `ready`
      replicas.
    - `targets`: (time from which on, replicas) in force in the last quarter of an hour, for when
      metrics are lost.
    """

    rates: tuple[tuple[float, float, float], ...] = ()
    bins: tuple[float, ...] = ()
    estimates: tuple[float, ...] = ()
    open_since: float | None = None
    open_seconds: float = 0.0
    open_arrivals: float = 0.0
    jumped_at: float = -math.inf
    wants: tuple[tuple[float, int, int], ...] = ()
    turns: tuple[float, ...] = ()
    direction: int = 0
    stepped_at: float = -math.inf
    needed_at: float = -math.inf
    targets: tuple[tuple[float, int], ...] = ()
    watching_since: float | None = None
    part: float = 1.0
    busy: tuple[tuple[float, float, float], ...] = ()
    answers: tuple[tuple[float, float, float, float, float], ...] = ()
    calm_since: float = -math.inf
    ready: int = 0
