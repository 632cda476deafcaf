"""Helm installs CRDs once; the documented command upgrades them, and services do not notice."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from e2e.harness.controlplane import ControlPlane
from tests.chart.kubectl import helm_done, kubectl, kubectl_json
from tests.chart.rendering import CHART, RELEASE, helm

CRD = "inferenceservices.serving.triton-operator.io"


@pytest.fixture
def installed_by_helm() -> Iterator[ControlPlane]:
    """An own server: who installed the CRDs first decides who owns their fields."""
    with ControlPlane(name="crd-upgrade") as running:
        helm_done(running, "install", RELEASE, str(CHART))
        yield running


def service() -> dict[str, object]:
    return {
        "apiVersion": "serving.triton-operator.io/v1alpha1",
        "kind": "InferenceService",
        "metadata": {"name": "filetype", "namespace": "default"},
        "spec": {"model": {"uri": "https://models.example.com/filetype.onnx"}},
    }


def chart_of_the_next_release(folder: Path) -> Path:
    chart = folder / "chart"
    shutil.copytree(CHART, chart)
    file = chart / "crds" / "inferenceservices.yaml"
    crd = yaml.safe_load(file.read_text())
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"]["ofTheNextRelease"] = {"type": "string"}
    spec["description"] = "Changed by the next release."
    file.write_text(yaml.safe_dump(crd))
    return chart


def knows_the_new_field(control_plane: ControlPlane) -> bool:
    schema = kubectl_json(control_plane, "get", "crd", CRD)["spec"]["versions"][0]["schema"]
    spec = schema["openAPIV3Schema"]["properties"]["spec"]["properties"]
    return "ofTheNextRelease" in spec


def test_crds_are_upgraded_by_the_documented_command(
    installed_by_helm: ControlPlane, tmp_path: Path
) -> None:
    server = installed_by_helm
    created = kubectl(server, "create", "--filename=-", objects=[service()])
    assert created.returncode == 0, created.stderr
    before = kubectl_json(server, "get", "tisvc", "filetype")
    newer = chart_of_the_next_release(tmp_path)
    shown = helm("show", "crds", str(newer)).stdout
    apply = ("apply", "--server-side", "--filename=-")

    helm_done(server, "upgrade", RELEASE, str(newer))
    assert not knows_the_new_field(server), "Helm upgrades CRDs now: the README is out of date"
    polite = kubectl(server, *apply, stdin=shown)
    assert "conflict" in polite.stderr, "the README need not say --force-conflicts"

    forced = kubectl(server, *apply, "--force-conflicts", stdin=shown)

    assert forced.returncode == 0, forced.stderr
    assert knows_the_new_field(server)
    assert kubectl_json(server, "get", "tisvc", "filetype") == before
    helm_done(server, "uninstall", RELEASE)
    assert kubectl_json(server, "get", "tisvc", "filetype") == before
