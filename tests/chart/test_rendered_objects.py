"""Everything the chart renders is well-formed, under every group of values."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from e2e.harness.binaries import ensure
from tests.chart.rendering import (
    CHART,
    NAMESPACE,
    VALUE_FILES,
    Object,
    helm,
    rendered,
    rendered_test,
    rendered_text,
)

each_setting = pytest.mark.parametrize("values", VALUE_FILES.values(), ids=VALUE_FILES.keys())


def kubeconform(text: str, schema_location: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ensure("kubeconform")), "-strict", "-summary", "-schema-location", schema_location],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def deployment() -> Object:
    (found,) = [one for one in rendered() if one["kind"] == "Deployment"]
    return found


@each_setting
def test_helm_lint_finds_nothing(values: tuple[Path, ...]) -> None:
    files = [part for path in values for part in ("--values", str(path))]

    answer = helm("lint", "--strict", str(CHART), *files)

    assert answer.returncode == 0, answer.stdout + answer.stderr


@each_setting
def test_every_object_conforms_to_its_schema(
    values: tuple[Path, ...], schema_location: str
) -> None:
    answer = kubeconform(rendered_text(values), schema_location)

    assert answer.returncode == 0, answer.stdout + answer.stderr
    count = len(rendered(values)) + len(rendered_test(values))
    assert f"Valid: {count}, Invalid: 0, Errors: 0, Skipped: 0" in answer.stdout


def unknown_container_field(one: Object) -> None:
    one["spec"]["template"]["spec"]["containers"][0]["imagePullPolice"] = "Always"


def unknown_top_level_field(one: Object) -> None:
    one["sepc"] = {}


def unknown_metadata_field(one: Object) -> None:
    one["metadata"]["lables"] = {}


def number_for_a_string(one: Object) -> None:
    one["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "X", "value": 1})


def missing_selector(one: Object) -> None:
    del one["spec"]["selector"]


def unknown_enum_value(one: Object) -> None:
    one["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Sometimes"


def unknown_kind(one: Object) -> None:
    one["kind"] = "Deploymint"


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (unknown_container_field, "imagePullPolice"),
        (unknown_top_level_field, "sepc"),
        (unknown_metadata_field, "lables"),
        (number_for_a_string, "want string"),
        (missing_selector, "selector"),
        (unknown_enum_value, "imagePullPolicy"),
        (unknown_kind, "could not find schema"),
    ],
)
def test_the_check_is_strict(
    spoil: Callable[[Object], None], complaint: str, schema_location: str
) -> None:
    broken = deployment()
    spoil(broken)

    answer = kubeconform(yaml.safe_dump(broken), schema_location)

    assert answer.returncode != 0
    assert complaint in answer.stdout


def test_free_maps_and_int_or_string_stay_open(schema_location: str) -> None:
    free = deployment()
    container = free["spec"]["template"]["spec"]["containers"][0]
    free["metadata"]["annotations"] = {"example.com/anything": "goes"}
    container["resources"]["limits"]["example.com/device"] = 1
    container["livenessProbe"]["httpGet"]["port"] = 8080

    answer = kubeconform(yaml.safe_dump(free), schema_location)

    assert answer.returncode == 0, answer.stdout


@each_setting
def test_every_object_is_labelled_and_at_home(values: tuple[Path, ...]) -> None:
    cluster_scoped = {"ClusterRole", "ClusterRoleBinding"}

    for one in rendered(values):
        where = f"{one['kind']} {one['metadata']['name']}"
        labels = one["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == "triton-operator", where
        # The operator takes objects with its own name here for children of an InferenceService.
        assert labels["app.kubernetes.io/managed-by"] == "Helm", where
        if one["kind"] in {"Role", "RoleBinding"}:
            assert one["metadata"]["namespace"] in {"shop", "search", NAMESPACE}, where
        elif one["kind"] in cluster_scoped:
            assert "namespace" not in one["metadata"], where
        else:
            assert one["metadata"]["namespace"] == NAMESPACE, where


def test_releases_of_one_name_do_not_share_cluster_scoped_names() -> None:
    names = {
        namespace: {
            one["metadata"]["name"]
            for one in yaml.safe_load_all(
                helm("template", "triton", str(CHART), "--namespace", namespace).stdout
            )
            if one and one["kind"].startswith("ClusterRole")
        }
        for namespace in ("team-a", "team-b")
    }

    assert names["team-a"]
    assert not names["team-a"] & names["team-b"]


def test_the_longest_release_name_still_gives_valid_names(schema_location: str) -> None:
    answer = helm("template", "r" * 53, str(CHART), "--namespace", NAMESPACE)

    names = [one["metadata"]["name"] for one in yaml.safe_load_all(answer.stdout) if one]
    services = [name for name in names if name.endswith("-metrics")]
    assert len(services) == 1
    assert len(services[0]) <= 63


@pytest.mark.parametrize(
    ("spec", "valid"),
    [
        ({"model": {"uri": "https://models.example.com/a.onnx"}}, True),
        ({"model": {"uri": "https://models.example.com/a.onnx", "url": "x"}}, False),
        ({"model": {"uri": "https://models.example.com/a.onnx", "format": "Caffe"}}, False),
        ({"model": {}}, False),
    ],
)
def test_the_check_knows_our_own_kinds(spec: Object, valid: bool, schema_location: str) -> None:
    service = {
        "apiVersion": "serving.triton-operator.io/v1alpha1",
        "kind": "InferenceService",
        "metadata": {"name": "a"},
        "spec": spec,
    }

    assert (kubeconform(yaml.safe_dump(service), schema_location).returncode == 0) == valid
