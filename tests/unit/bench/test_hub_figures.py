"""The aims of the hub's benchmark: said one by one, and one that is missed fails the run."""

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

import bench.hub.__main__ as command
from bench.hub.figures import Figures
from bench.hub.options import Options
from e2e.harness.errors import HarnessError

KEPT = Figures(
    members=500,
    join_seconds=40.0,
    change_p50_seconds=6.0,
    change_p99_seconds=8.0,
    change_all_seconds=9.0,
    with_dead_p99_seconds=8.0,
    hub_cores=0.6,
    rest_cores=0.2,
    peak_rss_mib=200.0,
    rest_writes_per_minute=502.0,
)


BAD = [
    (replace(KEPT, change_all_seconds=30.0), "everywhere in under 30 s: 30.0 s"),
    (replace(KEPT, hub_cores=1.0), "less than 1 core: 1.00"),
    (
        replace(KEPT, change_p99_seconds=25.0, with_dead_p99_seconds=30.0),
        "of the others in under 30 s: 30.0 s",
    ),
    (replace(KEPT, with_dead_p99_seconds=12.1), "as long as without (p99): 1.51"),
]


def test_figures_within_all_bounds_meet_every_aim() -> None:
    just = replace(
        KEPT,
        change_p99_seconds=28.0,
        change_all_seconds=29.9,
        with_dead_p99_seconds=29.9,
        hub_cores=0.99,
        rest_cores=2.0,
    )
    quick = replace(KEPT, change_p99_seconds=0.5, with_dead_p99_seconds=1.4)

    assert [aim.met for one in (just, quick) for aim in one.aims()] == [True] * 8


@pytest.mark.parametrize(("bad", "said"), BAD)
def test_each_aim_that_is_missed_is_said(bad: Figures, said: str) -> None:
    (missed,) = [aim for aim in bad.aims() if not aim.met]

    assert f"{missed.text}: {missed.found}".endswith(said)


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> list[Figures]:
    """What the next runs of the command come to, without a control plane; none: to no end."""
    left: list[Figures] = []

    async def run(*_: Any) -> SimpleNamespace:
        if not left:
            raise HarnessError("the hub has ended")
        return SimpleNamespace(figures=left.pop(0))

    @contextlib.contextmanager
    def control_plane(**_: Any) -> Iterator[None]:
        yield

    monkeypatch.setattr(sys, "argv", ["bench.hub"])
    monkeypatch.setattr(command, "run", run)
    monkeypatch.setattr(command, "ControlPlane", control_plane)
    monkeypatch.setattr(command, "print_tables", lambda *_: None)
    return left


def test_a_run_that_meets_all_aims_succeeds_and_says_so(
    outcomes: list[Figures], capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes.append(KEPT)

    assert command.main() == 0

    *lines, last = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[-4:]] == ["met"] * 4
    assert json.loads(last) == KEPT.line()


@pytest.mark.parametrize(("bad", "said"), BAD)
def test_an_aim_that_is_missed_fails_the_run_and_the_figures_are_printed_all_the_same(
    bad: Figures, said: str, outcomes: list[Figures], capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes.append(bad)

    assert command.main() == 1

    *lines, last = capsys.readouterr().out.splitlines()
    (missed,) = [line for line in lines if line.startswith("MISSED")]
    assert missed.endswith(said)
    assert json.loads(last) == bad.line()


def test_a_run_without_an_end_fails_with_its_reason(
    outcomes: list[Figures], capsys: pytest.CaptureFixture[str]
) -> None:
    assert outcomes == []
    assert command.main() == 1
    assert "the hub has ended" in capsys.readouterr().err


def test_a_count_stays_whole_and_times_are_rounded() -> None:
    line = replace(KEPT, change_p50_seconds=1.23456).line()

    assert (line["members"], line["change_p50_seconds"]) == (500, 1.235)


def test_somebody_has_to_be_left_to_be_measured() -> None:
    with pytest.raises(ValueError, match="too few"):
        Options(members=23)
