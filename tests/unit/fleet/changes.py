"""A change that goes through clusters, driven by hand: what each tells, and what the hub does."""

from __future__ import annotations

from dataclasses import dataclass, field

from triton_operator.fleet.rollout import (
    Candidate,
    Rollout,
    RolloutMemory,
    RolloutSettings,
    roll_out,
)
from triton_operator.fleet.update_judgement import Expected, Level

EXPECTED = Expected(attainment=99.0, seconds=0.1)
GOOD, BAD = Level(99.5, None, 20.0), Level(80.0, None, 20.0)


@dataclass
class Cluster:
    """`template` that its work has, and the one that its pods follow."""

    template: str = "A"
    follows: str = "A"
    heard: bool = True
    lost: bool = False
    paused: bool = False
    unwell: str = ""
    stuck: str = ""
    level: Level = GOOD
    worse_with: str = ""
    """The template that it does badly with."""
    slow: bool = False
    """Its pods do not follow by themselves."""
    revision: int = 1
    lag: int = 0
    """Revisions by which it is behind, with a template that it follows."""


@dataclass
class Changes:
    """A hub and its clusters; `go` decides, writes, and lets clusters follow."""

    clusters: dict[str, Cluster]
    settings: RolloutSettings = field(
        default_factory=lambda: RolloutSettings(expected=EXPECTED, observe_seconds=300)
    )
    memory: RolloutMemory = field(default_factory=RolloutMemory)
    wanted: str = "A"
    strategy: str = "s"
    now: float = 1000.0
    recorded: bool = True

    def decide(self) -> Rollout:
        """Once; works get what they may have."""
        candidates = [self._candidate(name, one) for name, one in self.clusters.items()]
        self.memory, rollout = roll_out(
            candidates, self.settings, self.memory, self.wanted, self.strategy, self.now
        )
        for name in rollout.admitted:
            one = self.clusters[name]
            if one.template != self.wanted:
                one.template, one.revision = self.wanted, one.revision + 1
        return rollout

    def go(self, seconds: float = 330.0, every: float = 30.0) -> Rollout:
        """Decisions over some time, in which pods follow."""
        rollout = self.decide()
        end = self.now + seconds
        while self.now < end:
            self.now += every
            self.follow()
            rollout = self.decide()
        return rollout

    def follow(self) -> None:
        """Clusters that are not slow have what their works say."""
        for one in self.clusters.values():
            if one.heard and not one.lost and not one.slow and not one.paused:
                one.follows = one.template

    def having(self, template: str) -> list[str]:
        """Clusters whose work has it."""
        return [name for name, one in self.clusters.items() if one.template == template]

    def _candidate(self, name: str, one: Cluster) -> Candidate:
        follows = one.follows == one.template
        return Candidate(
            name=name,
            is_updated=one.template == self.wanted,
            is_recorded=self.recorded,
            is_heard=one.heard and not one.lost,
            is_passed_over=one.lost or one.paused,
            revision=one.revision,
            applied_revision=one.revision - one.lag if follows else one.revision - 1,
            unsettled="" if follows else "has not rolled it out",
            unwell=one.unwell,
            stuck=one.stuck,
            level=BAD if one.follows == one.worse_with else one.level,
        )


def changes(*names: str, **settings: object) -> Changes:
    """Of clusters that have A, and a hub that knows it."""
    made = Changes({name: Cluster() for name in names})
    values = {"expected": EXPECTED, "observe_seconds": 300.0, **settings}
    made.settings = RolloutSettings(**values)  # type: ignore[arg-type]
    made.decide()
    return made
