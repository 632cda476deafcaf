"""Placement on simulated fleets: steadier than the naive policy, and better than none."""

from statistics import fmean

import pytest

from bench.fleet.policies import ALONE, NAIVE, OURS
from bench.fleet.simulation import Result
from bench.fleet.suite import Job, jobs, play
from bench.fleet.tables import MOST_FLIPS, MOST_UNSERVED

SEEDS = 6


@pytest.fixture(scope="module")
def played() -> dict[str, list[Result]]:
    results = play(jobs((OURS, NAIVE, ALONE), range(SEEDS), 6.0), processes=1)
    return {
        policy: [result for job, result in results.items() if job.policy == policy]
        for policy in (OURS, NAIVE, ALONE)
    }


def test_replicas_do_not_go_up_and_down(played: dict[str, list[Result]]) -> None:
    ours, naive = (fmean(one.flips for one in played[policy]) for policy in (OURS, NAIVE))

    assert ours <= MOST_FLIPS
    assert ours <= naive / 4


def test_what_the_edges_cannot_serve_is_served(played: dict[str, list[Result]]) -> None:
    ours, alone = (
        fmean(one.unserved_percent for one in played[policy]) for policy in (OURS, ALONE)
    )

    assert ours <= MOST_UNSERVED
    assert ours <= 0.6 * alone


def test_a_run_can_be_had_again() -> None:
    job = Job(OURS, 3, hours=1.0)

    assert play([job], 1) == play([job], 1)
