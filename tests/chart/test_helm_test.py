"""What `helm test` makes: little, with few rights, and gone afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer.main

from tests.chart.rendering import NAMESPACE, VALUE_FILES, Object, only, rendered, rendered_test
from triton_operator.cli.main import app
from triton_operator.cli.sample_model import SAMPLE_DIGEST
from triton_operator.manifests.names import model_profile

each_setting = pytest.mark.parametrize("values", VALUE_FILES.values(), ids=VALUE_FILES.keys())
NAME = "triton-operator-test"


def pod(values: tuple[Path, ...] = (), settings: tuple[str, ...] = ()) -> Object:
    return only(rendered_test(values, settings), "Pod")


@each_setting
def test_everything_is_deleted_afterwards(values: tuple[Path, ...]) -> None:
    objects = rendered_test(values)

    assert {one["kind"] for one in objects} == {
        *("Pod", "Role", "RoleBinding", "Secret", "Service", "ServiceAccount"),
    }
    for one in objects:
        policy = one["metadata"]["annotations"]["helm.sh/hook-delete-policy"].split(",")
        assert {"before-hook-creation", "hook-succeeded"} <= set(policy), one["kind"]


def test_the_pod_comes_last() -> None:
    weights = {
        one["kind"]: int(one["metadata"]["annotations"]["helm.sh/hook-weight"])
        for one in rendered_test()
    }

    assert weights.pop("Pod") > max(weights.values())


def test_its_rights_are_on_one_service_and_its_profile() -> None:
    profile = model_profile(SAMPLE_DIGEST)
    ours = ["serving.triton-operator.io"]

    assert only(rendered_test(), "Role")["rules"] == [
        {"apiGroups": ours, "resources": ["inferenceservices"], "verbs": ["create"]},
        {
            "apiGroups": ours,
            "resources": ["inferenceservices"],
            "resourceNames": [f"{NAME}-model"],
            "verbs": ["get", "delete"],
        },
        {
            "apiGroups": ours,
            "resources": ["modelprofiles"],
            "resourceNames": [profile],
            "verbs": ["get", "delete"],
        },
    ]
    (subject,) = only(rendered_test(), "RoleBinding")["subjects"]
    assert subject["name"] == pod()["spec"]["serviceAccountName"] == NAME


@each_setting
def test_the_command_understands_its_arguments(values: tuple[Path, ...]) -> None:
    (container,) = pod(values)["spec"]["containers"]
    command, *arguments = container["args"]
    found = typer.main.get_command(app).commands[command]  # type: ignore[attr-defined]

    # Parses only; raises for an unknown option, a missing one, or a value of the wrong type.
    with found.make_context(command, list(arguments)) as context:
        assert context.params["secret"] in secrets(values)
        assert context.params["tls_dir"] == Path("/tls")


def secrets(values: tuple[Path, ...]) -> dict[str, Object]:
    found = rendered_test(values)
    return {one["metadata"]["name"]: one for one in found if one["kind"] == "Secret"}


def test_the_models_pods_get_no_key() -> None:
    found = secrets(())

    assert set(found[f"{NAME}-ca"]["data"]) == {"ca.crt"}
    assert set(found[f"{NAME}-store"]["data"]) == {"tls.crt", "tls.key"}


@pytest.mark.parametrize(
    ("settings", "namespace"),
    [
        ((), NAMESPACE),
        (("namespaces={shop,search}",), "shop"),
        ((f"namespaces={{shop,{NAMESPACE}}}",), NAMESPACE),
    ],
)
def test_it_runs_where_the_operator_serves(settings: tuple[str, ...], namespace: str) -> None:
    objects = rendered_test((), settings)

    assert {one["metadata"]["namespace"] for one in objects} == {namespace}
    (container,) = only(objects, "Pod")["spec"]["containers"]
    assert f"--namespace={namespace}" in container["args"]
    assert f"--store={NAME}.{namespace}.svc" in container["args"]


def test_the_services_tell_the_operator_from_its_test() -> None:
    metrics, store = only(rendered(), "Service"), only(rendered_test(), "Service")
    operator = only(rendered(), "Deployment")["spec"]["template"]["metadata"]["labels"]
    test = pod()["metadata"]["labels"]

    assert metrics["spec"]["selector"].items() <= operator.items()
    assert not metrics["spec"]["selector"].items() <= test.items()
    assert store["spec"]["selector"].items() <= test.items()


def test_it_runs_the_operators_image_with_the_models_pull_secrets() -> None:
    settings = ("image.tag=1.2", "modelPods.imagePullSecrets[0].name=registry")
    spec = pod((), settings)["spec"]

    assert spec["containers"][0]["image"] == "triton-operator:1.2"
    assert spec["imagePullSecrets"] == [{"name": "registry"}]


def test_the_kubelet_ends_it_when_it_does_not_end_itself() -> None:
    spec = pod((), ("helmTest.timeoutSeconds=120",))["spec"]

    assert "--timeout-seconds=120" in spec["containers"][0]["args"]
    assert spec["activeDeadlineSeconds"] > 120
    assert spec["restartPolicy"] == "Never"
