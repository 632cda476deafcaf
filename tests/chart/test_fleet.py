"""A fleet's hub and agent: Deployments with rights of their own, where they are wanted."""

from __future__ import annotations

from itertools import product

import pytest
import typer.main

from tests.chart.rendering import VALUES, Object, rendered, template
from tests.chart.test_rbac import GROUP, Right, rights, rights_of
from triton_operator.cli.main import app
from triton_operator.fleet.mailbox import mailbox

FLEET = (VALUES / "fleet.yaml",)
RIGHTS = {
    "hub": {
        (GROUP, "inferenceclusters", "get list watch"),
        (GROUP, "inferenceclusters/status", "patch"),
        (GROUP, "inferenceservices", "get list watch"),
        (GROUP, "inferenceservices/status", "patch"),
        ("", "configmaps", "get create patch"),
        (GROUP, "inferenceworks", "get list watch create patch delete"),
        (GROUP, "inferenceworks/status", "patch"),
        ("", "namespaces", "get create patch delete"),
        ("", "serviceaccounts", "create patch"),
        ("rbac.authorization.k8s.io", "roles", "create patch"),
        ("rbac.authorization.k8s.io", "rolebindings", "create patch"),
        ("coordination.k8s.io", "leases", "get list watch create update patch"),
    },
    "agent": {
        (GROUP, "inferenceservices", "get list watch create patch delete"),
        ("", "namespaces", "get"),
        ("", "nodes", "list"),
        ("", "pods", "list"),
        ("apps", "deployments", "list"),
    },
}
PARTS = tuple(RIGHTS)


def named(part: str, kind: str) -> Object:
    (found,) = (
        one
        for one in rendered(FLEET)
        if one["kind"] == kind and one["metadata"]["name"].endswith(f"-{part}")
    )
    return found


@pytest.mark.parametrize("part", PARTS)
def test_each_part_has_exactly_its_rights(part: str) -> None:
    assert rights(named(part, "ClusterRole")) == rights_of(RIGHTS[part])
    account = named(part, "ClusterRoleBinding")["subjects"][0]["name"]
    assert account == named(part, "ServiceAccount")["metadata"]["name"]
    pod = named(part, "Deployment")["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == account


def test_the_hub_holds_every_right_that_it_gives() -> None:
    """Whoever makes a Role with more than its own rights is refused."""
    given: set[Right] = {
        one
        for manifest in mailbox("store")
        if manifest["kind"] == "Role"
        for rule in manifest["rules"]
        for one in product(rule["apiGroups"], rule["resources"], rule["verbs"])
    }

    assert given
    assert given <= rights(named("hub", "ClusterRole"))


@pytest.mark.parametrize("part", PARTS)
def test_each_part_understands_its_command_line(part: str) -> None:
    (container,) = named(part, "Deployment")["spec"]["template"]["spec"]["containers"]
    command, *arguments = container["args"]

    found = typer.main.get_command(app).commands[command]  # type: ignore[attr-defined]
    with found.make_context(command, list(arguments)) as context:
        assert command == part
        if part == "agent":
            assert context.params["mailbox"] == "fleet-store-0042"
            assert context.params["heartbeat_seconds"] == 5


@pytest.mark.parametrize("part", PARTS)
def test_each_part_runs_confined(part: str) -> None:
    pod = named(part, "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_agent_finds_the_hub_in_a_folder_that_follows_the_secret() -> None:
    pod = named("agent", "Deployment")["spec"]["template"]["spec"]
    (volume,) = (one for one in pod["volumes"] if one["name"] == "hub")
    (mount,) = (one for one in pod["containers"][0]["volumeMounts"] if one["name"] == "hub")

    assert volume["secret"] == {
        "secretName": "way-to-the-hub",
        "items": [{"key": "config", "path": "kubeconfig"}],
    }
    assert mount == {"name": "hub", "mountPath": "/hub", "readOnly": True}, "no subPath"
    assert "--hub-kubeconfig=/hub/kubeconfig" in pod["containers"][0]["args"]


def test_no_selector_of_one_part_finds_pods_of_another() -> None:
    deployments = [one for one in rendered(FLEET) if one["kind"] == "Deployment"]
    assert len(deployments) == 3
    for one, other in product(deployments, deployments):
        selector = one["spec"]["selector"]["matchLabels"].items()
        labels = other["spec"]["template"]["metadata"]["labels"].items()
        assert (selector <= labels) is (one is other)


def test_without_being_asked_for_there_is_neither() -> None:
    assert not [one for one in rendered(()) if one["metadata"]["name"].endswith(PARTS)]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (("agent.enabled=true",), "agent.cluster"),
        (("agent.enabled=true", "agent.cluster=a"), "agent.hubSecret.name"),
    ],
)
def test_an_agent_that_cannot_find_its_hub_is_refused(
    settings: tuple[str, ...], complaint: str
) -> None:
    refused = template(settings=settings)

    assert refused.returncode != 0
    assert complaint in refused.stderr
