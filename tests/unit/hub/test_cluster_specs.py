"""Specs of clusters: one that cannot be read concerns that cluster alone."""

import logging
from typing import Any

import pytest

from triton_operator.hub.cluster_specs import ClusterSpecs


def cluster(generation: int = 1, **spec: Any) -> dict[str, Any]:
    metadata = {"name": "a", "uid": "u", "generation": generation}
    return {"metadata": metadata, "spec": {"tier": "Edge", **spec}}


def test_what_cannot_be_read_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    specs = ClusterSpecs()

    with caplog.at_level(logging.WARNING):
        assert specs.get(cluster(tier="Fog")) is None
        assert specs.get(cluster(tier="Fog")) is None
    assert len(caplog.records) == 1

    mended = specs.get(cluster(generation=2))
    assert mended
    assert mended.tier == "Edge"


def test_an_object_made_anew_is_read_anew() -> None:
    specs = ClusterSpecs()
    assert specs.get(cluster())
    other = cluster(tier="Cloud")
    other["metadata"]["uid"] = "v"

    found = specs.get(other)

    assert found
    assert found.tier == "Cloud"
