"""What is measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """`agents` of the members are whole agents. `dead`, `slow` and `wave` are numbers of members;
    times are in seconds, `phase_seconds` bounds each phase.

    `interval`: between two heartbeats; `recover`: unbroken contact until a cluster is trusted.
    """

    members: int = 500
    agents: int = 3
    services: int = 1
    dead: int = 10
    slow: int = 10
    wave: int = 50
    seconds: float = 60.0
    wave_seconds: float = 90.0
    slow_seconds: float = 5.0
    interval: int = 15
    recover: int = 30
    phase_seconds: float = 600.0
    seed: int = 1
    profile: Path | None = None

    def __post_init__(self) -> None:
        if self.agents + self.dead + self.slow >= self.members:
            raise ValueError(
                f"{self.members} members are too few for {self.agents} whole agents, {self.dead} "
                f"dead and {self.slow} slow ones: nobody would be left to be measured"
            )
