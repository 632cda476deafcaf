"""A namespace that enforces the Pod Security Standard `restricted` admits every pod there is."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import pytest
import yaml

from e2e.harness.controlplane import ControlPlane
from tests.chart.kubectl import kubectl, make_namespace
from tests.chart.rendering import VALUE_FILES, Object, rendered, rendered_test
from tests.golden.rendering import cases, golden_path

NAMESPACE = "restricted"


@pytest.fixture(scope="module")
def restricted(control_plane: ControlPlane) -> ControlPlane:
    make_namespace(
        control_plane, NAMESPACE, **{"pod-security.kubernetes.io__enforce": "restricted"}
    )
    return control_plane


def pods() -> Iterator[tuple[str, Object]]:
    """Every pod of the chart, and of every golden case: Jobs and model servers."""
    for setting, values in VALUE_FILES.items():
        for one in (*rendered(values), *rendered_test(values)):
            yield from pod_of(f"chart, {setting}", one)
    for case in cases():
        for one in yaml.safe_load_all(golden_path(case).read_text(encoding="utf-8")):
            yield from pod_of(f"golden, {case}", one)


def pod_of(origin: str, one: Object) -> Iterator[tuple[str, Object]]:
    named = f"{origin}: {one['kind']} {one['metadata']['name']}"
    if one["kind"] == "Pod":
        yield named, one["spec"]
    elif one["kind"] in ("Deployment", "Job"):
        yield named, one["spec"]["template"]["spec"]


def refusal(control_plane: ControlPlane, spec: Object) -> str:
    """Why the namespace refuses such a pod; empty if it does not."""
    # Service accounts and priority classes are another admission plug-in's business.
    plain = {
        key: value
        for key, value in spec.items()
        if key not in ("serviceAccount", "serviceAccountName", "priorityClassName")
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "probe", "namespace": NAMESPACE},
        "spec": plain,
    }
    answer = kubectl(control_plane, "create", "--dry-run=server", "--filename=-", objects=[pod])
    return answer.stderr if answer.returncode else ""


PODS = dict(pods())


def test_there_is_something_of_everything() -> None:
    kinds = {name.partition(": ")[2].split()[0] for name in PODS}

    assert kinds == {"Deployment", "Job", "Pod"}


@pytest.mark.parametrize("name", PODS)
def test_it_is_admitted(restricted: ControlPlane, name: str) -> None:
    assert refusal(restricted, PODS[name]) == ""


def test_the_namespace_does_refuse(restricted: ControlPlane) -> None:
    careless = deepcopy(next(iter(PODS.values())))
    del careless["securityContext"]["runAsNonRoot"]

    assert 'violates PodSecurity "restricted' in refusal(restricted, careless)
