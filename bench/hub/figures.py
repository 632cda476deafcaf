"""The figures of a run, and which of them miss what is promised."""

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

    def missed(self) -> Iterator[str]:
        """One sentence for each promise that is not kept."""
        if self.change_all_seconds >= MOST_CHANGE_SECONDS:
            yield (
                f"a change is in force everywhere after {self.change_all_seconds:.1f} s, "
                f"{MOST_CHANGE_SECONDS:.0f} s are promised"
            )
        if self.hub_cores >= MOST_CORES:
            yield f"the hub took {self.hub_cores:.2f} cores, less than {MOST_CORES:.0f} is promised"
        slower = self.with_dead_p99_seconds - self.change_p99_seconds
        if self.delay > MOST_DELAY and slower > LEAST_DELAY_SECONDS:
            yield (
                f"beside dead and slow members the others took {self.delay:.2f} times as long "
                "(p99), as long is promised"
            )
