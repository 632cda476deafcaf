"""The figures of a run, and which of them meet what is aimed at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

MOST_CHANGE_SECONDS = 30.0
MOST_CORES = 1.0
MOST_DELAY = 1.5
"""The p99 with dead and slow members over that without: two runs of one kind differ by that much
where other processes use the cores too."""
LEAST_DELAY_SECONDS = 1.0
"""Less is nobody's fault: decisions are made two seconds after news."""


@dataclass(frozen=True)
class Aim:
    """What a figure should be, what it is, and whether that will do."""

    text: str
    found: str
    met: bool


@dataclass(frozen=True)
class Figures:
    """The last line of the output; see the package's docstring for what each one means."""

    members: int
    join_seconds: float
    change_p50_seconds: float
    change_p99_seconds: float
    change_all_seconds: float
    with_dead_p99_seconds: float
    hub_cores: float
    rest_cores: float
    peak_rss_mib: float
    rest_writes_per_minute: float

    def line(self) -> dict[str, float]:
        """The figures as JSON has them, rounded to what the clocks can tell."""
        return {
            name: value if isinstance(value, int) else round(value, 3)
            for name, value in asdict(self).items()
        }

    @property
    def delay(self) -> float:
        """What dead and slow members cost the others: the ratio of both p99."""
        return self.with_dead_p99_seconds / self.change_p99_seconds

    def aims(self) -> Iterator[Aim]:
        """Each of them, whatever the number of members."""
        within = f"in under {MOST_CHANGE_SECONDS:.0f} s"
        for text, seconds in (
            (f"a change in force everywhere {within}", self.change_all_seconds),
            (
                f"beside dead and slow members, in force at 99 % of the others {within}",
                self.with_dead_p99_seconds,
            ),
        ):
            yield Aim(text, f"{seconds:.1f} s", seconds < MOST_CHANGE_SECONDS)
        slower = self.with_dead_p99_seconds - self.change_p99_seconds
        yield Aim(
            f"beside them, at most {MOST_DELAY:g} times as long as without (p99)",
            f"{self.delay:.2f}",
            self.delay <= MOST_DELAY or slower <= LEAST_DELAY_SECONDS,
        )
        cores = self.hub_cores
        text = f"the hub takes less than {MOST_CORES:.0f} core"
        yield Aim(text, f"{cores:.2f}", cores < MOST_CORES)
