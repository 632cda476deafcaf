from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.autoscaling.oracle import Clairvoyant
from bench.autoscaling.setup import ColdStart, Setup
from bench.autoscaling.suite import Job, Workers, thinned
from bench.autoscaling.traces import Trace

CALM = Trace("calm", np.full(120, 90.0))


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what clairvoyants cost."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "triton-operator" / "autoscaling-oracle"


def test_jobs_are_played_and_the_clairvoyant_is_kept(kept: Path) -> None:
    workers = Workers(Setup(), [CALM], 1)

    found = workers.clairvoyants()["calm"]
    results = workers.play([Job("calm", "static", 0.99), Job("calm", "kpa", 2.3)], "jobs")

    # 90/s are too many for one replica (80/s), and few for two.
    assert found.replica_seconds == pytest.approx(240, abs=20)
    static = results[Job("calm", "static", 0.99)]
    assert (static.replica_seconds, static.actions) == (240.0, 0)
    assert static.attainment > 0.99
    assert len(static.series["ready"]) == 12
    (file,) = kept.iterdir()
    file.write_text(file.read_text().replace(str(found.replica_seconds), "77.0"))
    assert Workers(Setup(), [CALM], 1).clairvoyants()["calm"].replica_seconds == 77.0
    assert _again(replace(Setup(), cold_start=ColdStart(120.0)), kept) == 77.0
    assert _again(replace(Setup(), slope=0.005), kept) != 77.0


def _again(setup: Setup, kept: Path) -> float:
    found: Clairvoyant = Workers(setup, [CALM], 1).clairvoyants()["calm"]
    return found.replica_seconds


def test_thinned() -> None:
    assert thinned({"ready": [1.0] * 9 + [4.0] + [2.0] * 3}) == {"ready": [4.0, 2.0]}
