"""Where a model comes from: its volume, its credentials, and where both appear."""

from dataclasses import replace
from typing import NamedTuple

import pytest

from tests.unit.manifests.building import FETCH
from triton_operator.api.model_source import Model
from triton_operator.manifests.claims import claim_of
from triton_operator.manifests.fetching import FetchSettings, source_mounts, source_volumes

TRUSTING = replace(FETCH, ca_bundle="-----BEGIN CERTIFICATE-----")


class Source(NamedTuple):
    name: str
    model: Model
    volumes: list[str]
    settings: FetchSettings = FETCH


@pytest.mark.parametrize(
    "row",
    [
        Source("claim", Model(uri="pvc://models/a/b.onnx"), ["source"]),
        Source("web", Model(uri="https://models.example/a.onnx"), []),
        Source(
            "web with secret",
            Model(uri="https://models.example/a.onnx", secret_name="store"),
            ["credentials"],
        ),
        Source(
            "claim with secret",
            Model(uri="pvc://models/a.onnx", secret_name="store"),
            ["source", "credentials"],
        ),
        Source("web with authorities", Model(uri="https://m.example/a"), ["ca"], TRUSTING),
        Source("claim needs no authority", Model(uri="pvc://models/a"), ["source"], TRUSTING),
    ],
    ids=lambda row: row.name,
)
def test_volumes_and_their_mounts_belong_together(row: Source) -> None:
    assert [
        volume["name"] for volume in source_volumes("shop", row.model, row.settings)
    ] == row.volumes
    mounts = source_mounts(row.model, row.settings)
    assert [mount["name"] for mount in mounts] == row.volumes
    assert all(mount["readOnly"] for mount in mounts)


def test_the_claim_is_the_part_before_the_path() -> None:
    assert claim_of("pvc://my.models/a/b.onnx") == "my.models"
    assert claim_of("https://pvc.example/a") is None


def test_a_claim_is_mounted_read_only() -> None:
    (volume,) = source_volumes("shop", Model(uri="pvc://models/a.onnx"), FETCH)

    assert volume["persistentVolumeClaim"] == {"claimName": "models", "readOnly": True}
