"""A fleet's hub and agent: Deployments with rights of their own, where they are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
import typer.main

from e2e.harness.controlplane import ControlPlane
from e2e.harness.waiting import wait_until
from tests.chart.kubectl import kubectl, make_namespace
from tests.chart.rendering import VALUES, Object, rendered, template
from tests.chart.test_rbac import GROUP, rights, rights_of
from triton_operator.api.labels import MANAGED_BY
from triton_operator.cli.main import app
from triton_operator.fleet.mailbox import AGENT, MANAGER, PUSHED_BY, mailbox
from triton_operator.fleet.push_account import RULES

FLEET = (VALUES / "fleet.yaml",)
INVENTORY, EXTERNAL_DNS = "multicluster.x-k8s.io", "externaldns.k8s.io"
RBAC, COORDINATION = "rbac.authorization.k8s.io", "coordination.k8s.io"
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
        ("", "serviceaccounts/token", "create"),
        (RBAC, "roles", "create patch"),
        (RBAC, "rolebindings", "create patch"),
        (COORDINATION, "leases", "get list watch create patch"),
        (INVENTORY, "clusterprofiles", "get"),
        (INVENTORY, "placementdecisions", "get create patch delete"),
        (EXTERNAL_DNS, "dnsendpoints", "get create patch delete"),
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


RENEWING = ("agent.hubSecret.renew=true",)


def named(part: str, kind: str, settings: tuple[str, ...] = ()) -> Object:
    (found,) = (
        one
        for one in rendered(FLEET, settings)
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


def test_a_hub_without_domains_has_no_right_on_names() -> None:
    (role,) = (
        one
        for one in rendered((), ("hub.enabled=true",))
        if one["kind"] == "ClusterRole" and one["metadata"]["name"].endswith("-hub")
    )

    assert rights(role) == rights_of({one for one in RIGHTS["hub"] if one[0] != EXTERNAL_DNS})


def _with_names(rules: list[Object]) -> set[tuple[str, str, str, str]]:
    """Group, resource, verb, and the only name; empty: any."""
    return {
        (*one, name)
        for rule in rules
        for one in product(rule["apiGroups"], rule["resources"], rule["verbs"])
        for name in rule.get("resourceNames", [""])
    }


def test_the_hub_reaches_only_what_is_in_mailboxes_by_its_name() -> None:
    """Whoever may patch any Lease ends every election, and with any Role takes every right."""
    names = {
        (resource, name)
        for _, resource, _, name in _with_names(named("hub", "ClusterRole")["rules"])
    }

    assert {one for one in names if one[1]} == {
        ("serviceaccounts", AGENT),
        ("serviceaccounts/token", AGENT),
        ("roles", AGENT),
        ("rolebindings", AGENT),
        ("leases", AGENT),
    }
    assert len({resource for resource, _ in names}) == len(names)


def test_the_hub_holds_its_own_lease_in_its_own_namespace() -> None:
    role, binding = named("hub", "Role"), named("hub", "RoleBinding")
    (container,) = named("hub", "Deployment")["spec"]["template"]["spec"]["containers"]
    (lease,) = (
        one.partition("=")[2] for one in container["args"] if one.startswith("--lease-name=")
    )

    assert _with_names(role["rules"]) == {
        (COORDINATION, "leases", "create", ""),
        (COORDINATION, "leases", "get", lease),
        (COORDINATION, "leases", "update", lease),
    }
    account = named("hub", "ServiceAccount")["metadata"]
    assert role["metadata"]["namespace"] == account["namespace"]
    assert binding["metadata"]["namespace"] == account["namespace"]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
    ]


def test_the_hub_reads_the_secrets_of_clusters_that_it_pushes_to_and_no_others() -> None:
    secrets = ("hub.pushSecrets[0]=push-a", "hub.pushSecrets[1]=push-b")
    role = named("hub", "Role", secrets)

    assert _with_names(role["rules"]) - _with_names(named("hub", "Role")["rules"]) == {
        *(
            ("", "secrets", verb, name)
            for verb in ("get", "patch")
            for name in ("push-a", "push-b")
        ),
    }
    assert role["metadata"]["namespace"] == named("hub", "ServiceAccount")["metadata"]["namespace"]
    assert rights(named("hub", "ClusterRole", secrets)) == rights_of(RIGHTS["hub"])


def test_a_hub_that_pushes_has_the_rights_of_an_agent_there() -> None:
    assert rights({"rules": RULES}) == rights(named("agent", "ClusterRole"))


@pytest.fixture(scope="module")
def hub_account(control_plane: ControlPlane, installed_crds: None) -> Iterator[tuple[str, ...]]:
    """How kubectl speaks as the hub's account, of which the API server has all that the chart makes
    but the process."""
    objects = [
        one
        for one in rendered(FLEET)
        if one["kind"] != "Deployment"
        and one["metadata"]["name"].endswith(
            ("-hub", "-hub.triton-system", "-hub-notes.triton-system")
        )
    ]
    home = named("hub", "ServiceAccount")["metadata"]["namespace"]
    make_namespace(control_plane, home)
    made = kubectl(control_plane, "create", "--filename=-", objects=objects)
    assert made.returncode == 0, made.stderr
    account = named("hub", "ServiceAccount")["metadata"]["name"]
    as_hub = (f"--as=system:serviceaccount:{home}:{account}", "--as-group=system:serviceaccounts")
    make_namespace(control_plane, "fleet-of-others")
    wait_until(
        "waiting for the policy",
        lambda: "mailboxes that it has made" in _deleted(control_plane, as_hub, "fleet-of-others"),
        timeout_seconds=60,
    )
    yield as_hub
    kubectl(control_plane, "delete", "--wait=false", "--filename=-", objects=objects)


def _deleted(control_plane: ControlPlane, as_hub: tuple[str, ...], namespace: str) -> str:
    """What the API server would say."""
    answer = kubectl(
        control_plane, *as_hub, "delete", "namespace", namespace, "--dry-run=server", "--wait=false"
    )
    return answer.stderr


def _applied(
    control_plane: ControlPlane, as_hub: tuple[str, ...], *objects: Object, dry: bool = False
) -> str:
    """What the API server says against it; empty: nothing."""
    dry_run = ("--dry-run=server",) if dry else ()
    apply = ("apply", "--server-side", "--force-conflicts", *dry_run, "--filename=-")
    answer = kubectl(control_plane, *as_hub, *apply, objects=list(objects))
    return "" if answer.returncode == 0 else answer.stderr


def _work(namespace: str) -> Object:
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "InferenceWork",
        "metadata": {"name": "shop.vision", "namespace": namespace},
        "spec": {
            "revision": 1,
            "hubID": "00000000-0000-4000-8000-000000000000",
            "decisionID": "1",
            "target": {"namespace": "shop", "name": "vision"},
            "template": {"model": {"uri": "https://models.example/m.onnx"}},
        },
    }


def test_the_hubs_account_makes_mailboxes_and_what_is_in_them(
    control_plane: ControlPlane, hub_account: tuple[str, ...]
) -> None:
    namespace, *rest = mailbox("own")
    assert _applied(control_plane, hub_account, namespace) == ""
    assert _applied(control_plane, hub_account, *rest, _work("fleet-own")) == ""
    # Again, as every ten minutes.
    assert _applied(control_plane, hub_account, namespace, *rest) == ""
    assert _deleted(control_plane, hub_account, "fleet-own") == ""
    own = named("hub", "Role")
    home, lease = own["metadata"]["namespace"], own["rules"][1]["resourceNames"][0]
    made = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": lease, "namespace": home},
    }
    answer = kubectl(control_plane, *hub_account, "create", "--filename=-", objects=[made])
    assert answer.returncode == 0, answer.stderr


def test_the_hubs_account_writes_nothing_outside_of_mailboxes(
    control_plane: ControlPlane, hub_account: tuple[str, ...]
) -> None:
    theirs = "fleet-of-others"
    namespace, account, role, binding = mailbox("of-others")
    plain = {**namespace, "metadata": {"name": "fleet-plain"}}
    other = {**namespace, "metadata": {**namespace["metadata"], "name": "shop"}}
    assert _applied(control_plane, (), role) == "", "what is bound has to be there"
    for one in (namespace, plain, other, account, role, binding, _work(theirs), _work("default")):
        said = _applied(control_plane, hub_account, one, dry=True)
        assert "mailboxes that it has made" in said, (one, said)
    for name in ("triton-system", theirs):
        assert "mailboxes that it has made" in _deleted(control_plane, hub_account, name)
    heartbeat = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": AGENT, "namespace": "kube-system"},
    }
    assert "mailboxes" in _applied(control_plane, hub_account, heartbeat, dry=True)


def _endpoints(name: str, manager: str | None, text: str = "[]") -> Object:
    labels = {} if manager is None else {MANAGED_BY: manager}
    metadata = {"name": name, "namespace": "default", "labels": labels}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {"endpoints.json": text},
    }


def test_the_hubs_account_writes_its_own_lists_of_endpoints_and_no_other_configuration(
    control_plane: ControlPlane, hub_account: tuple[str, ...]
) -> None:
    own = _endpoints("vision-endpoints", MANAGER)
    assert _applied(control_plane, hub_account, own) == ""
    assert (
        _applied(control_plane, hub_account, _endpoints("vision-endpoints", MANAGER, "[1]")) == ""
    )

    assert _applied(control_plane, (), _endpoints("theirs", None), _endpoints("else", "me")) == ""
    for one in (
        _endpoints("theirs", MANAGER, "[1]"),
        _endpoints("else", MANAGER, "[1]"),
        _endpoints("new", None),
    ):
        said = _applied(control_plane, hub_account, one, dry=True)
        assert "its own ConfigMaps" in said, (one, said)


BESIDE = {
    "PlacementDecision": (f"{INVENTORY}/v1alpha1", {"decisions": []}),
    "DNSEndpoint": (f"{EXTERNAL_DNS}/v1alpha1", {"spec": {"endpoints": []}}),
}


@pytest.mark.parametrize("kind", BESIDE)
def test_the_hubs_account_writes_what_is_its_own_beside_services_and_nothing_else(
    control_plane: ControlPlane, hub_account: tuple[str, ...], crds_of_others: None, kind: str
) -> None:
    def made(name: str, manager: str | None, uses: str = "") -> Object:
        version, content = BESIDE[kind]
        labels = {} if manager is None else {MANAGED_BY: manager}
        metadata = {"name": name, "namespace": "default", "labels": labels}
        metadata |= {"annotations": {"uses": uses}} if uses else {}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, **content}

    for own in (made("vision", MANAGER), made("vision", MANAGER, "more")):
        assert _applied(control_plane, hub_account, own) == ""

    assert _applied(control_plane, (), made("theirs", "somebody")) == ""
    for one in (made("theirs", MANAGER), made("new", None)):
        said = _applied(control_plane, hub_account, one, dry=True)
        assert "its own ConfigMaps, DNSEndpoints and PlacementDecisions" in said, (one, said)
    for name, is_own in (("theirs", False), ("vision", True)):
        deleted = kubectl(control_plane, *hub_account, "delete", kind.lower(), name)
        assert (deleted.returncode == 0) is is_own, deleted.stderr


def test_the_hubs_account_gets_no_token_outside_of_mailboxes(
    control_plane: ControlPlane, hub_account: tuple[str, ...]
) -> None:
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": AGENT, "namespace": "default"},
    }
    assert _applied(control_plane, (), account) == ""

    asked = kubectl(control_plane, *hub_account, "create", "token", AGENT, "--namespace=default")

    assert asked.returncode != 0
    assert "mailboxes that it has made" in asked.stderr


def test_the_policy_concerns_nobody_else(
    control_plane: ControlPlane, hub_account: tuple[str, ...]
) -> None:
    assert _applied(control_plane, (), _work("default"), dry=True) == ""


def test_only_the_hub_notes_by_which_secret_it_reaches_a_cluster(
    control_plane: ControlPlane, hub_account: tuple[str, ...]
) -> None:
    """Or whoever may make namespaces could have it use one that it may read."""

    def made(name: str, note: str = "") -> Object:
        namespace = mailbox("noted")[0]
        annotations = {PUSHED_BY: note} if note else {}
        metadata = {**namespace["metadata"], "name": name, "annotations": annotations}
        return {**namespace, "metadata": metadata}

    wait_until(
        "waiting for the policy",
        lambda: (
            "only a fleet's hub notes"
            in _applied(control_plane, (), made("fleet-theirs", "push-a/kubeconfig"), dry=True)
        ),
        timeout_seconds=60,
    )
    assert _applied(control_plane, (), made("fleet-theirs"), dry=True) == ""
    assert _applied(control_plane, (), made("elsewhere", "push-a/kubeconfig"), dry=True) == ""

    assert _applied(control_plane, hub_account, made("fleet-noted")) == ""
    said = _applied(control_plane, (), made("fleet-noted", "push-a/kubeconfig"))
    assert "only a fleet's hub notes" in said
    assert _applied(control_plane, hub_account, made("fleet-noted", "push-a/kubeconfig")) == ""
    assert "only a fleet's hub" in _applied(control_plane, (), made("fleet-noted", "push-b/k"))
    labelled = kubectl(control_plane, "label", "namespace", "fleet-noted", "a=b")
    assert labelled.returncode == 0, labelled.stderr
    removed = kubectl(control_plane, "annotate", "namespace", "fleet-noted", f"{PUSHED_BY}-")
    assert removed.returncode == 0, removed.stderr


def test_without_the_policy_there_is_none() -> None:
    kinds = {one["kind"] for one in rendered(FLEET, ("hub.admissionPolicy=false",))}

    assert "ClusterRole" in kinds
    assert not [kind for kind in kinds if kind.startswith("ValidatingAdmission")]


def test_the_hub_holds_every_right_that_it_gives() -> None:
    """Whoever makes a Role with more than its own rights is refused."""
    given = {
        one
        for manifest in mailbox("store")
        if manifest["kind"] == "Role"
        for one in _with_names(manifest["rules"])
    }

    assert given
    assert given <= _with_names(named("hub", "ClusterRole")["rules"])


def test_tokens_are_of_the_agents_account_and_no_other() -> None:
    role = next(one for one in mailbox("store") if one["kind"] == "Role")
    for rules in (named("hub", "ClusterRole")["rules"], role["rules"]):
        (rule,) = (one for one in rules if "serviceaccounts/token" in one["resources"])
        assert rule["resourceNames"] == ["fleet-agent"]


def test_the_agent_reaches_one_secret() -> None:
    role, binding = (named("agent", kind, RENEWING) for kind in ("Role", "RoleBinding"))

    assert role["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": ["way-to-the-hub"],
            "verbs": ["get", "patch"],
        }
    ]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"][0]["name"] == named("agent", "ServiceAccount")["metadata"]["name"]
    args = arguments(RENEWING)
    assert "--hub-secret=way-to-the-hub" in args
    assert "--hub-secret-key=config" in args
    found = typer.main.get_command(app).commands["agent"]  # type: ignore[attr-defined]
    with found.make_context("agent", args[1:]) as context:
        assert context.params["renew_token"] is True


def test_an_agent_whose_secret_is_somebody_elses_writes_none() -> None:
    with pytest.raises(ValueError, match="not enough values"):
        named("agent", "Role")
    args = arguments()
    assert "--no-renew-token" in args
    assert not [one for one in args if "--hub-secret" in one]


def arguments(settings: tuple[str, ...] = ()) -> list[str]:
    (container,) = named("agent", "Deployment", settings)["spec"]["template"]["spec"]["containers"]
    found: list[str] = container["args"]
    return found


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
        if part == "hub":
            assert list(context.params["dns_domain"]) == ["models.example.com", "ml.example"]


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


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        (("trustBundle.configMap.name=corporate", "trustBundle.configMap.key=pem"), "pem"),
        (("trustBundle.pem=-----BEGIN CERTIFICATE-----",), "ca.crt"),
    ],
)
def test_the_hub_trusts_the_bundle_and_the_agent_its_kubeconfig(
    settings: tuple[str, ...], key: str
) -> None:
    pod = named("hub", "Deployment", settings)["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert {"name": "SSL_CERT_FILE", "value": "/trust/ca.crt"} in container["env"]
    assert {"name": "trust", "mountPath": "/trust", "readOnly": True} in container["volumeMounts"]
    (volume,) = [one for one in pod["volumes"] if one["name"] == "trust"]
    assert volume["configMap"]["items"] == [{"key": key, "path": "ca.crt"}]
    agent = named("agent", "Deployment", settings)["spec"]["template"]["spec"]
    assert "trust" not in {one["name"] for one in agent["volumes"]}
    without = named("hub", "Deployment")["spec"]["template"]["spec"]
    assert "trust" not in {one["name"] for one in without["volumes"]}
