"""The benchmark of a hub with hundreds of members, with ten: every phase comes to its end."""

import asyncio

import pytest

from bench.hub.objects import cluster_name
from bench.hub.options import Options
from bench.hub.run import Results, run
from e2e.harness.controlplane import ControlPlane

SMALL = Options(
    members=10,
    agents=2,
    dead=1,
    slow=1,
    wave=4,
    seconds=2.0,
    wave_seconds=2.0,
    slow_seconds=0.2,
    interval=1,
    recover=2,
    phase_seconds=120.0,
)
ALL = {cluster_name(number) for number in range(SMALL.members)}
DEAD, SLOW = cluster_name(9), cluster_name(8)


@pytest.fixture(scope="module")
def results() -> Results:
    with ControlPlane() as control_plane:
        return asyncio.run(run(control_plane, SMALL, print))


def test_every_cluster_has_what_was_placed_and_changed(results: Results) -> None:
    assert results.place.seconds.keys() == ALL
    assert results.change.seconds.keys() == ALL
    assert set(results.agents) < ALL
    assert results.failures == 0


def test_dead_and_slow_members_are_told_apart(results: Results) -> None:
    assert results.with_dead.seconds.keys() == ALL - {DEAD, SLOW}
    assert results.with_dead.late.keys() == {SLOW}


def test_a_change_is_one_write_for_each_cluster_and_some_of_statuses(results: Results) -> None:
    """More would be works that are written again and again while members report."""
    works, of_service, of_clusters = SMALL.members, 4, SMALL.members

    assert works <= results.change.spent.writes <= works + of_service + of_clusters


def test_the_line_has_what_is_promised(results: Results) -> None:
    figures = results.figures

    assert list(figures.line()) == [
        "members",
        "join_seconds",
        "change_p50_seconds",
        "change_p99_seconds",
        "change_all_seconds",
        "with_dead_p99_seconds",
        "hub_cores",
        "rest_cores",
        "peak_rss_mib",
        "rest_writes_per_minute",
    ]
    assert 0 < figures.change_p50_seconds <= figures.change_p99_seconds
    assert figures.change_p99_seconds <= figures.change_all_seconds
    assert min(figures.join_seconds, figures.hub_cores, figures.peak_rss_mib) > 0
