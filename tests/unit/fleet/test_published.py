"""A hub that starts anew: what it remembers is what it had written down."""

from typing import Any

import pytest

from triton_operator.api.placement_status import PlacedCluster
from triton_operator.fleet.published import published_memory


def work(least: int, most: int, **weights: int) -> dict[str, Any]:
    endpoints = [
        {"cluster": name, "protocol": "HTTP", "weightPercent": percent}
        for name, percent in weights.items()
    ]
    return {
        "spec": {
            "template": {"scaling": {"minReplicas": least, "maxReplicas": most}},
            "routing": {"endpoints": endpoints},
        }
    }


def row(name: str, **more: Any) -> PlacedCluster:
    usual = {"state": "Connected", "floor": 0, "ceiling": 4, "ready": 2, "weightPercent": 100}
    return PlacedCluster.model_validate({"name": name, **usual, **more})


def test_bounds_are_those_of_works_and_demand_that_of_the_status() -> None:
    memory = published_memory(
        {"edge": work(1, 4, edge=60, cloud=40), "cloud": work(4, 10)},
        {
            "edge": row("edge", need="6", lastSpill="2.4", weightPercent=60),
            "cloud": row("cloud", need="1", granted="2.4", floor=3),
        },
        minimum=1,
        local_only_share=0.5,
        now=100.0,
    )

    edge, cloud = memory.site("edge"), memory.site("cloud")
    assert (edge.held, edge.last_spill, edge.ceiling) == (6.0, 2.4, 4)
    assert edge.floor == 0, "the service's own minimum is no floor"
    assert edge.weights == {"edge": 60, "cloud": 40}
    assert edge.loads == {"cloud": pytest.approx(1.2)}, "of the half that may leave"
    assert (cloud.granted, cloud.floor, cloud.ceiling) == (2.4, 4, 10)
    assert cloud.wanted == ((100.0, 4),), "nothing shrinks for a window from now"
    assert memory.decided_at is None


def test_without_a_status_the_works_are_enough() -> None:
    memory = published_memory({"cloud": work(4, 10)}, {}, 1, 0.0, 100.0)

    assert (memory.site("cloud").floor, memory.site("cloud").held) == (4, None)
    assert memory.site("cloud").weights == {"cloud": 100}


def test_a_cluster_that_served_nothing_serves_nothing() -> None:
    memory = published_memory(
        {"edge": work(1, 4)}, {"edge": row("edge", weightPercent=None)}, 1, 0.0, 100.0
    )

    assert memory.site("edge").weights == {}


def test_a_floor_at_the_services_own_minimum_is_known_from_the_status() -> None:
    memory = published_memory({"cloud": work(4, 10)}, {"cloud": row("cloud", floor=3)}, 4, 0, 0)

    assert memory.site("cloud").floor == 3
