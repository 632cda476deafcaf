"""Kinds, keys and times as Kubernetes writes them."""

from typing import NamedTuple

import pytest

from triton_operator.api.group import API_VERSION
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import (
    BY_NAME,
    CHILDREN,
    CONFIG_MAP,
    DEPLOYMENT,
    EVENT,
    INFERENCE_SERVICE,
    NODE,
    OPTIONAL,
    SERVING_POOL,
    WATCHED,
    Kind,
)
from triton_operator.controllers.times import epoch_seconds, rfc3339


class Path(NamedTuple):
    kind: Kind
    namespace: str | None
    name: str
    subresource: str
    expected: str


@pytest.mark.parametrize(
    "row",
    [
        Path(CONFIG_MAP, "shop", "c", "", "/api/v1/namespaces/shop/configmaps/c"),
        Path(DEPLOYMENT, "shop", "d", "scale", "/apis/apps/v1/namespaces/shop/deployments/d/scale"),
        Path(DEPLOYMENT, None, "", "", "/apis/apps/v1/deployments"),
        Path(NODE, "shop", "n", "", "/api/v1/nodes/n"),
        Path(SERVING_POOL, "", "p", "status", f"/apis/{API_VERSION}/servingpools/p/status"),
        Path(EVENT, "shop", "", "", "/apis/events.k8s.io/v1/namespaces/shop/events"),
    ],
    ids=lambda row: row.expected,
)
def test_path(row: Path) -> None:
    assert row.kind.path(row.namespace, row.name, row.subresource) == row.expected


def test_api_versions() -> None:
    assert (CONFIG_MAP.api_version, DEPLOYMENT.api_version) == ("v1", "apps/v1")
    assert INFERENCE_SERVICE.api_version == API_VERSION


def test_children_are_watched_by_the_operators_label_only() -> None:
    assert set(CHILDREN) <= {*WATCHED, *OPTIONAL}
    assert not set(OPTIONAL) & set(WATCHED)
    assert all(kind.owned for kind in CHILDREN)
    assert set(BY_NAME.values()) == {*WATCHED, *OPTIONAL, EVENT}


def test_a_key_reads_well_in_a_log() -> None:
    assert str(Key("InferenceService", "shop", "a")) == "InferenceService shop/a"
    assert str(Key("ServingPool", "", "l4")) == "ServingPool l4"


def test_times_survive_writing_and_reading() -> None:
    assert rfc3339(0) == "1970-01-01T00:00:00Z"
    assert rfc3339(epoch_seconds("2026-11-20T12:00:00Z") + 0.9) == "2026-11-20T12:00:00Z"
    assert epoch_seconds("2026-11-20T13:00:00+01:00") == epoch_seconds("2026-11-20T12:00:00Z")
