"""Whoever asks for something while the hub is silent is told where nobody would notice."""

from typing import Any

import pytest

from triton_operator.api.enums import ConnectionState
from triton_operator.api.inference_cluster import InferenceClusterSpec
from triton_operator.api.variants import Offline
from triton_operator.fleet.facts import ClusterFacts
from triton_operator.fleet.member import Member
from triton_operator.fleet.placement import place
from triton_operator.fleet.placement_findings import rows
from triton_operator.fleet.placement_memory import PlacementMemory
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.fleet.reports import Report
from triton_operator.fleet.unheeded_offline import unheeded_offline


def member(name: str, **source: Any) -> Member:
    spec = InferenceClusterSpec.model_validate({"tier": "Edge", "clusterSource": source})
    return Member(name, spec, ConnectionState.CONNECTED, None, Report())


MEMBERS = (member("agent", pull={}), member("pushed", kubeConfig={"secretName": "push"}))


@pytest.mark.parametrize(
    ("offline", "told"),
    [
        (None, []),
        ({}, []),
        ({"policy": "LastKnown"}, []),
        ({"policy": "LocalMax", "maxReplicas": 3}, ["pushed"]),
        ({"policy": "FallbackVariant", "fallbackVariant": "small"}, ["pushed"]),
    ],
)
def test_where_it_does_nothing(offline: dict[str, Any] | None, told: list[str]) -> None:
    asked = None if offline is None else Offline.model_validate(offline)

    assert list(unheeded_offline(asked, MEMBERS)) == told


def test_the_row_of_the_cluster_says_it_first() -> None:
    offline = Offline.model_validate({"policy": "LocalMax", "maxReplicas": 3})
    facts = ClusterFacts(
        name="pushed",
        tier=MEMBERS[1].spec.tier,
        state=ConnectionState.CONNECTED,
        capacity=2,
        ready=1,
    )
    memory, placed = place((facts,), PlacementSettings(), PlacementMemory(), 0.0)

    (row,) = rows(placed, {"pushed": facts}, memory, unheeded_offline(offline, MEMBERS))

    assert row.reason.startswith("spec.offline, LocalMax, does nothing here: ")
