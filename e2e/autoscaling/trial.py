"""One policy under the load: what was answered in time, and what the replicas cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from e2e.autoscaling.fleet import Fleet, Sample
from e2e.autoscaling.policies import OBJECTIVE_MILLISECONDS
from e2e.autoscaling.rates import Rates
from e2e.autoscaling.stage import Stage
from e2e.emulated_model import NAME
from e2e.harness.progress import say
from e2e.load_generator import LoadGenerator, load_generator

TELL_SECONDS = 10


@dataclass
class Result:
    """Of the seconds after the calm ones at the start. Times count from there."""

    policy: str
    source: str
    seconds: int
    requests: int
    within: int
    rejected: int
    failed: int
    replica_seconds: float
    most_replicas: int
    removed: int
    cold_start_seconds: float
    machine_busy: float
    generator: dict[str, Any]
    rows: list[dict[str, int]]
    samples: list[Sample]
    decisions: list[str]
    notes: list[str] = field(default_factory=list)

    @property
    def attainment(self) -> float:
        """Share of all requests that were answered within the objective."""
        return self.within / self.requests if self.requests else 0.0

    @property
    def of_admitted(self) -> float:
        """The same, of those that were not refused."""
        admitted = self.requests - self.rejected
        return self.within / admitted if admitted else 0.0

    def wire(self) -> dict[str, Any]:
        """As JSON."""
        figures = {"attainment": self.attainment, "of_admitted": self.of_admitted}
        return {**figures, **asdict(self)}


Happening = Callable[[float], None]
"""Called each second with the seconds since the calm ones: what goes wrong in a run with faults."""


def trial(
    stage: Stage,
    rates: Rates,
    calm_seconds: int,
    happening: Happening = lambda second: None,
) -> Result:
    """Offer the load, and look each second."""
    offered = rates.after_calm(calm_seconds)
    file = stage.folder / "rates"
    offered.write(file)
    fleet = stage.fleet
    with load_generator(stage.folder, file, NAME, OBJECTIVE_MILLISECONDS) as generator:

        def changed() -> None:
            generator.send_to(fleet.receiving())
            if stage.prometheus is not None:
                stage.prometheus.scrape(fleet.ready())

        fleet.on_change = changed
        fleet.tell()
        start = time.monotonic() + calm_seconds
        end = start + len(rates.per_second)
        samples, busy = _look_on(generator, fleet, stage.policy.name, start, end, happening)
        figures = generator.result()
        fleet.on_change = lambda: None
    rows = figures.pop("rows")[calm_seconds:]
    starts = sorted(fleet.cold_starts())
    total = {key: sum(row[key] for row in rows) for key in ("sent", "within", "rejected", "failed")}
    return Result(
        policy=stage.policy.name,
        source=rates.source,
        seconds=len(rates.per_second),
        requests=total["sent"],
        within=total["within"],
        rejected=total["rejected"],
        failed=total["failed"],
        replica_seconds=fleet.replica_seconds(start, end),
        most_replicas=max(sample.ordered for sample in samples),
        removed=fleet.removed(start, end),
        cold_start_seconds=starts[len(starts) // 2] if starts else 0.0,
        machine_busy=busy,
        generator=figures,
        rows=rows,
        samples=samples,
        decisions=stage.decisions(),
    )


def _look_on(
    generator: LoadGenerator,
    fleet: Fleet,
    name: str,
    start: float,
    end: float,
    happening: Happening,
) -> tuple[list[Sample], float]:
    """A sample for each second from `start` on, and the share of the machine's time in use."""
    samples: list[Sample] = []
    second = start - int(start - time.monotonic())
    busy_before = _cpu_times()
    told: dict[str, float] = {}
    while second < end and generator.running():
        time.sleep(max(0.0, second - time.monotonic()))
        sample = fleet.sample()
        if second >= start:
            samples.append(Sample(second - start, sample.ordered, sample.existing, sample.ready))
        happening(second - start)
        if round(second - start) % TELL_SECONDS == 0:
            told = _tell(name, second - start, sample, generator, told)
        second += 1
    busy, total = (b - a for a, b in zip(busy_before, _cpu_times(), strict=True))
    return samples, busy / max(total, 1e-9)


def _tell(
    name: str,
    second: float,
    sample: Sample,
    generator: LoadGenerator,
    before: dict[str, float],
) -> dict[str, float]:
    now = dict(generator.so_far)
    sent, within = (now.get(key, 0) - before.get(key, 0) for key in ("sent", "within"))
    lately = f"{100 * within / sent:6.2f}" if sent else "      "
    so_far = 100 * now.get("within", 0) / max(1, now.get("sent", 0))
    say(
        f"  {name:16} {second:6.0f} s  {sent / TELL_SECONDS:6.1f}/s  replicas "
        f"{sample.ordered:2d} ordered {sample.existing:2d} there {sample.ready:2d} ready  "
        f"in time {lately} % lately, {so_far:6.2f} % so far"
    )
    return now


def _cpu_times() -> tuple[float, float]:
    """Ticks of all processors in use, and in all."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    ticks = [float(word) for word in words]
    idle = ticks[3] + ticks[4]
    return sum(ticks) - idle, sum(ticks)
