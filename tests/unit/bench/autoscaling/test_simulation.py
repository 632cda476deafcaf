from dataclasses import dataclass, field

import numpy as np
import pytest

from bench.autoscaling.replicas import DONE
from bench.autoscaling.setup import ColdStart, Setup
from bench.autoscaling.simulation import Replica, Run
from bench.autoscaling.view import View


@dataclass
class Script:
    """So many replicas from a moment on, and what was seen at each look."""

    targets: dict[float, int]
    period: float = 10.0
    starts: list[list[float]] = field(default_factory=list)
    seconds: list[int] = field(default_factory=list)

    def target(self, view: View) -> int:
        self.starts.append(view.starts)
        self.seconds.append(len(view.areas) - 1)
        return next(n for at, n in reversed(self.targets.items()) if at <= view.now)


def start(seconds: float, **more: int) -> Setup:
    """Every cold start takes exactly so long."""
    return Setup(cold_start=ColdStart(seconds, 0.0), **more)  # type: ignore[arg-type]


NOBODY = np.zeros(0)


@pytest.mark.parametrize(
    ("why", "setup", "targets", "replica_seconds"),
    [
        ("one was there and stays", start(35), {0: 1}, 60),
        ("those that start are paid for", start(35), {0: 1, 10: 3}, 60 + 2 * 50),
        ("taken back before they were ready: 20 s", start(35), {0: 1, 10: 3, 30: 1}, 60 + 2 * 20),
        ("taken away when ready and idle: 20 s", start(5), {0: 1, 10: 3, 30: 1}, 60 + 2 * 20),
        ("a place is used again", start(5), {0: 1, 10: 2, 20: 1, 40: 2}, 60 + 10 + 20),
        ("never more than the most", start(5, most=2), {0: 1, 10: 9}, 60 + 50),
        ("never fewer than the least", start(5, least=2), {0: 0}, 2 * 60),
    ],
)
def test_replica_seconds(
    why: str, setup: Setup, targets: dict[float, int], replica_seconds: float
) -> None:
    result = Run(setup, NOBODY, 60, 0).play(Script(targets))

    assert result.replica_seconds == replica_seconds, why


def test_the_first_fleet_counts_as_a_level() -> None:
    result = Run(start(5), NOBODY, 60, 0).play(Script({0: 4, 30: 2}))

    assert result.targets == [(0.0, 1), (10.0, 4), (30.0, 2)]
    assert (result.ups, result.downs, result.churn) == (1, 1, 5)


def test_a_start_is_known_when_it_is_over() -> None:
    script = Script({0: 1, 10: 3, 30: 4})

    Run(start(15), NOBODY, 60, 0).play(script)

    # Ordered at 10 and 30, ready at 25 and 45; looked at every 10 s.
    assert script.starts == [[], [], [15.0] * 2, [15.0] * 2, [15.0] * 3, [15.0] * 3]


def test_a_start_that_was_taken_back_is_never_known() -> None:
    script = Script({0: 1, 10: 3, 20: 1})

    Run(start(15), NOBODY, 60, 0).play(script)

    assert script.starts[-1] == []


def test_every_second_is_seen_at_any_period() -> None:
    script = Script({0: 1}, period=2.5)

    Run(start(5), NOBODY, 10, 0).play(script)

    assert script.seconds == [2, 5, 7, 10]


@dataclass
class Sparing(Script):
    """The replica at place 0 is put aside after the second look."""

    looks: int = 0

    def aside(self, view: View) -> frozenset[Replica]:
        self.looks += 1
        return frozenset({(0, 0.0)} if self.looks > 1 else ())


def test_the_balancer_learns_a_second_later_who_is_put_aside() -> None:
    policy = Sparing({0: 2}, period=10.0)
    setup = start(5, least=2)
    run = Run(setup, np.arange(0.0, 40.0, 0.05), 40, 0)
    run.play(policy)

    # At 20 it is put aside: it has the half of what came until 21, and nothing after that.
    by_place = run.fleet.of(DONE)
    assert by_place.sum() == 800
    assert by_place[0] == pytest.approx(21 * 20 / 2, abs=40)
    assert policy.looks == 4
