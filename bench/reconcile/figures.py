"""The figures of a run, and how they are made of what was seen."""

import math
from collections.abc import Collection
from dataclasses import asdict, dataclass


def percentile(values: Collection[float], percent: float) -> float:
    """The nearest-rank percentile: the smallest value that `percent` of all do not exceed.

    Raises:
        ValueError: there is no value.
    """
    if not values:
        raise ValueError("a percentile needs at least one value")
    rank = max(1, math.ceil(percent / 100 * len(values)))
    return sorted(values)[rank - 1]


@dataclass(frozen=True)
class Figures:
    """The last line of the output; see the package's docstring for what each one means."""

    services: int
    total_seconds: float
    p50_seconds: float
    p99_seconds: float
    change_p99_seconds: float
    cpu_seconds: float
    peak_rss_mib: float
    rest_cpu_seconds_per_minute: float
    rest_writes_per_minute: float
    pod_events_per_second: float
    pod_events_cpu_share: float
    pod_events_change_p99_seconds: float
    restart_ready_seconds: float
    restart_quiet_seconds: float
    restart_writes: int

    def line(self) -> dict[str, float]:
        """The figures as JSON has them, rounded to what the clocks can tell."""
        return {
            name: value if isinstance(value, int) else round(value, 4)
            for name, value in asdict(self).items()
        }
