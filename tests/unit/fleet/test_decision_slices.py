"""Slices of a PlacementDecision: a hundred clusters each, with the labels that join them."""

from __future__ import annotations

from typing import Any

import pytest

from triton_operator.api.enums import Tier
from triton_operator.api.inference_cluster import ClusterProfileReference
from triton_operator.fleet.decision_slices import Chosen, decision_slices


def slices(clusters: int, service: str = "vision") -> list[dict[str, Any]]:
    chosen = [
        Chosen(ClusterProfileReference(namespace="fleet", name=f"c{place}"), Tier.EDGE)
        for place in range(clusters)
    ]
    return decision_slices(
        "shop", service, chosen, lambda index: {"name": f"s{index}", "labels": {"own": "x"}}
    )


@pytest.mark.parametrize(
    ("clusters", "sizes"),
    [(0, [0]), (1, [1]), (100, [100]), (101, [100, 1]), (250, [100, 100, 50])],
)
def test_no_slice_has_more_than_a_hundred(clusters: int, sizes: list[int]) -> None:
    made = slices(clusters)

    assert [len(one["decisions"]) for one in made] == sizes
    named = [row["clusterProfileRef"]["name"] for one in made for row in one["decisions"]]
    assert named == [f"c{place}" for place in range(clusters)], "in the order of filling"


def test_labels_join_the_slices_of_one_decision() -> None:
    first, second = slices(101)

    for index, one in enumerate((first, second)):
        assert one["metadata"]["name"] == f"s{index}"
        assert one["metadata"]["labels"] == {
            "own": "x",
            "multicluster.x-k8s.io/decision-key": "shop.vision",
            "multicluster.x-k8s.io/decision-index": str(index),
            "multicluster.x-k8s.io/placement-key": "shop.vision",
        }
    assert second["decisions"] == [
        {
            "clusterProfileRef": {"namespace": "fleet", "name": "c100"},
            "reason": "has a part, as a cluster of tier Edge",
        }
    ]


def test_a_long_name_fits_into_a_label() -> None:
    (made,) = slices(1, "v" * 63)

    assert len(made["metadata"]["labels"]["multicluster.x-k8s.io/placement-key"]) <= 63
