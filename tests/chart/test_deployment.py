"""The operator's pod: its image, its command line, its rights on the node, its probes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.chart.rendering import NAMESPACE, RELEASE, VALUES, Object, only, rendered, template
from triton_operator.manifests.container_resources import parse_resources
from triton_operator.manifests.fetching import FetchSettings

DIGEST = "sha256:" + "ab" * 32


def pod(*settings: str) -> Object:
    return dict(only(rendered((), settings), "Deployment")["spec"]["template"])


def container(*settings: str) -> Object:
    (found,) = pod(*settings)["spec"]["containers"]
    return dict(found)


def flags(*settings: str) -> list[str]:
    return list(container(*settings)["args"])


@pytest.mark.parametrize(
    ("settings", "image"),
    [
        ((), "triton-operator:0.1.0"),
        (("image.tag=1.2",), "triton-operator:1.2"),
        (("image.repository=r.example.com:5000/a/b",), "r.example.com:5000/a/b:0.1.0"),
        ((f"image.digest={DIGEST}",), f"triton-operator@{DIGEST}"),
        (("image.tag=1.2", f"image.digest={DIGEST}"), f"triton-operator@{DIGEST}"),
    ],
)
def test_the_operator_hands_its_own_image_to_its_jobs(
    settings: tuple[str, ...], image: str
) -> None:
    assert container(*settings)["image"] == image
    assert f"--image={image}" in flags(*settings)


@pytest.mark.parametrize(
    ("settings", "images"),
    [
        (
            ("image.registry=r.example.com",),
            {"image": "r.example.com/triton-operator:0.1.0"},
        ),
        (
            ("image.registry=r.example.com", "image.repository=team/triton-operator"),
            {"image": "r.example.com/team/triton-operator:0.1.0"},
        ),
        (
            (
                "global.imageRegistry=mirror.example.com:5000/all",
                "image.registry=ignored.example.com",
                "image.repository=ghcr.io/team/triton-operator",
                "triton.gpu.image=localhost/triton:26.09",
            ),
            {
                "image": "mirror.example.com:5000/all/team/triton-operator:0.1.0",
                "cpu-image": "mirror.example.com:5000/all/nvidia/tritonserver:26.09-py3",
                "gpu-image": "mirror.example.com:5000/all/triton:26.09",
            },
        ),
    ],
)
def test_images_come_from_another_registry(
    settings: tuple[str, ...], images: dict[str, str]
) -> None:
    given = dict(flag.removeprefix("--").split("=", 1) for flag in flags(*settings)[1:])

    assert given.items() >= images.items()
    assert container(*settings)["image"] == images["image"]


def test_the_trust_bundle_is_mounted_where_the_operator_reads_it() -> None:
    (_, volume) = pod("trustBundle.configMap.name=corporate,trustBundle.configMap.key=pem")["spec"][
        "volumes"
    ]
    (_, mount) = container("trustBundle.configMap.name=corporate")["volumeMounts"]

    assert mount == {"name": "trust", "mountPath": "/trust", "readOnly": True}
    assert volume["name"] == "trust"
    assert volume["configMap"] == {
        "name": "corporate",
        "items": [{"key": "pem", "path": "ca.crt"}],
    }


PROMETHEUS = (
    "autoscaling.prometheus.url=https://prometheus.example.com",
    "autoscaling.prometheus.tokenSecret.name=tokens",
    "autoscaling.prometheus.caConfigMap.name=authorities",
    "autoscaling.prometheus.headersSecret.name=headers",
    "autoscaling.prometheus.headersSecret.keys={X-Scope-OrgID,X-B}",
    "autoscaling.prometheus.matchers.cluster=a b",
)


def test_what_a_prometheus_wants_is_in_files_that_the_operator_reads() -> None:
    """In no argument: whoever may see pods sees those."""
    (_, volume) = pod(*PROMETHEUS)["spec"]["volumes"]
    (_, mount) = container(*PROMETHEUS)["volumeMounts"]
    sources = volume["projected"]["sources"]
    files = {
        f"{mount['mountPath']}/{item['path']}": (kind, source["name"], item["key"])
        for one in sources
        for kind, source in one.items()
        for item in source["items"]
    }

    assert mount["readOnly"] is True
    assert "subPath" not in mount, "a file that is mounted alone would never change"
    assert files == {
        "/prometheus/token": ("secret", "tokens", "token"),
        "/prometheus/ca.crt": ("configMap", "authorities", "ca.crt"),
        "/prometheus/headers/X-Scope-OrgID": ("secret", "headers", "X-Scope-OrgID"),
        "/prometheus/headers/X-B": ("secret", "headers", "X-B"),
    }
    assert [flag for flag in flags(*PROMETHEUS) if flag.startswith("--prometheus")] == [
        "--prometheus-url=https://prometheus.example.com",
        "--prometheus-namespace-label=namespace",
        "--prometheus-pod-label=pod",
        "--prometheus-token-file=/prometheus/token",
        "--prometheus-ca-file=/prometheus/ca.crt",
        "--prometheus-header=X-Scope-OrgID=/prometheus/headers/X-Scope-OrgID",
        "--prometheus-header=X-B=/prometheus/headers/X-B",
        "--prometheus-label=cluster=a b",
    ]


def test_without_a_prometheus_the_operator_asks_the_pods() -> None:
    assert [flag for flag in flags() if "prometheus" in flag] == []
    assert "--scrape-seconds=0.5" in flags("autoscaling.scrapeSeconds=0.5")
    (volume,) = pod("autoscaling.prometheus.url=http://prometheus")["spec"]["volumes"]
    assert volume["name"] == "tmp", "nothing to mount"


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (("autoscaling.prometheus.tokenSecret.name=a",), "prometheus.url: is empty"),
        (("autoscaling.prometheus.matchers.a=b",), "prometheus.url: is empty"),
        (
            ("autoscaling.prometheus.url=http://p", "autoscaling.prometheus.headersSecret.name=a"),
            "headersSecret: needs name and keys",
        ),
        (
            (
                "autoscaling.prometheus.url=http://p",
                "autoscaling.prometheus.headersSecret.keys={A}",
            ),
            "headersSecret: needs name and keys",
        ),
    ],
)
def test_half_a_prometheus_is_refused(settings: tuple[str, ...], complaint: str) -> None:
    assert complaint in template(settings=settings).stderr


def test_an_inline_trust_bundle_gets_its_config_map() -> None:
    objects = rendered((VALUES / "every-value.yaml",))
    made = only(objects, "ConfigMap")
    template = only(objects, "Deployment")["spec"]["template"]

    assert made["data"]["ca.crt"].startswith("-----BEGIN CERTIFICATE-----")
    (volume,) = [one for one in template["spec"]["volumes"] if one["name"] == "trust"]
    assert volume["configMap"]["name"] == made["metadata"]["name"]
    assert "checksum/trust-bundle" in template["metadata"]["annotations"]


def test_two_trust_bundles_are_refused() -> None:
    answer = template(
        settings=("trustBundle.pem=-----BEGIN CERTIFICATE-----", "trustBundle.configMap.name=a")
    )

    assert "exclude each other" in answer.stderr


def test_the_service_monitor_scrapes_the_metrics_service() -> None:
    objects = rendered((), ("metrics.serviceMonitor.enabled=true",))
    monitor, service = only(objects, "ServiceMonitor")["spec"], only(objects, "Service")

    (endpoint,) = monitor["endpoints"]
    assert endpoint == {"port": "http-metrics", "path": "/metrics"}
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["namespaceSelector"] == {"matchNames": [service["metadata"]["namespace"]]}
    assert [one for one in rendered() if one["kind"] == "ServiceMonitor"] == []


def test_the_command_line_by_default() -> None:
    assert container()["command"] == ["triton-operator"]
    assert flags() == [
        "run",
        "--http-port=8080",
        "--log-format=json",
        "--workers=16",
        "--sweep-seconds=600",
        "--image=triton-operator:0.1.0",
        "--image-pull-policy=IfNotPresent",
        "--cpu-image=nvcr.io/nvidia/tritonserver:26.09-py3",
        "--cpu-release=26.09",
        "--gpu-image=nvcr.io/nvidia/tritonserver:26.09-py3",
        "--gpu-release=26.09",
        "--lease-name=triton-operator",
        "--lease-seconds=12",
        "--max-model-bytes=21474836480",
        "--fetch-timeout-seconds=1800",
        "--inspection-resources="
        '{"limits":{"cpu":"1","memory":"4Gi"},"requests":{"cpu":"100m","memory":"256Mi"}}',
        "--fetch-resources="
        '{"limits":{"cpu":"1","memory":"256Mi"},"requests":{"cpu":"100m","memory":"64Mi"}}',
        "--scrape-seconds=1",
    ]


def test_the_charts_defaults_are_the_operators_own() -> None:
    given = dict(flag.removeprefix("--").split("=", 1) for flag in flags()[1:])
    own = FetchSettings(image="any")

    assert int(given["max-model-bytes"]) == own.max_bytes
    assert int(given["fetch-timeout-seconds"]) == own.timeout_seconds
    assert parse_resources(given["inspection-resources"]) == own.inspection_resources
    assert parse_resources(given["fetch-resources"]) == own.fetch_resources


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("podMonitor.interval=5s", ["--pod-monitor-interval=5s"]),
        ("codeNamespaces={lab,*}", ["--allow-code-in=lab", "--allow-code-in=*"]),
        ("namespaces={shop,search}", ["--namespace=shop", "--namespace=search"]),
        ("workers=100", ["--workers=100"]),
        ("leaderElection.enabled=false", ["--no-leader-election"]),
        ("leaderElection.leaseSeconds=30", ["--lease-seconds=30"]),
        ("fullnameOverride=other", ["--lease-name=other"]),
        ("logFormat=text", ["--log-format=text"]),
        ("image.pullPolicy=Never", ["--image-pull-policy=Never"]),
        ("triton.cpu.image=cpu:1", ["--cpu-image=cpu:1"]),
        ("triton.cpu.release=26.10", ["--cpu-release=26.10"]),
        ("triton.gpu.image=gpu:1", ["--gpu-image=gpu:1"]),
        ("triton.gpu.release=25.01", ["--gpu-release=25.01"]),
        ("sweepSeconds=60", ["--sweep-seconds=60"]),
        ("maxModelBytes=1000000000000", ["--max-model-bytes=1000000000000"]),
        ("fetchTimeoutSeconds=60", ["--fetch-timeout-seconds=60"]),
        (
            "modelPods.imagePullSecrets[0].name=a,modelPods.imagePullSecrets[1].name=b",
            ["--image-pull-secret=a", "--image-pull-secret=b"],
        ),
        ("proxy.https=http://proxy:3128", ["--https-proxy=http://proxy:3128"]),
        ("proxy.http=http://proxy:3128", ["--http-proxy=http://proxy:3128"]),
        ("proxy.secretName=proxy-user", ["--proxy-secret=proxy-user"]),
        ("proxy.noProxy={.example.com,10.0.0.0/8}", ["--no-proxy=.example.com,10.0.0.0/8"]),
        ("trustBundle.configMap.name=corporate", ["--ca-bundle-file=/trust/ca.crt"]),
        (
            "fetch.resources.limits.cpu=null",
            [
                '--fetch-resources={"limits":{"memory":"256Mi"},"requests":{"cpu":"100m","memory":"64Mi"}}'
            ],
        ),
    ],
)
def test_a_value_becomes_a_flag(setting: str, expected: list[str]) -> None:
    changed = [flag for flag in flags(setting) if flag not in flags()]

    assert changed == expected


@pytest.mark.parametrize(
    ("path", "expected", "why"),
    [
        ("pod.automountServiceAccountToken", True, "the operator talks to the API server"),
        ("pod.securityContext.runAsNonRoot", True, "the kubelet refuses a root image"),
        ("pod.securityContext.runAsUser", 65532, "the image's own user"),
        ("pod.securityContext.runAsGroup", 65532, "not root's group either"),
        ("pod.securityContext.seccompProfile", {"type": "RuntimeDefault"}, "restricted"),
        ("container.securityContext.allowPrivilegeEscalation", False, "restricted"),
        ("container.securityContext.readOnlyRootFilesystem", True, "nothing to tamper with"),
        ("container.securityContext.capabilities", {"drop": ["ALL"]}, "restricted"),
        ("pod.hostNetwork", None, "no business in the node's network"),
        ("pod.hostPID", None, "nor among its processes"),
        ("container.resources.requests", {"cpu": "100m", "memory": "192Mi"}, "measured need"),
        ("container.resources.limits", {"memory": "512Mi"}, "no CPU limit: no throttling"),
    ],
)
def test_the_pod_is_confined(path: str, expected: object, why: str) -> None:
    found: object = {"pod": pod()["spec"], "container": container()}
    for key in path.split("."):
        found = found.get(key) if isinstance(found, dict) else None

    assert found == expected, why


def test_only_the_pod_mounts_a_token() -> None:
    assert only(rendered(), "ServiceAccount")["automountServiceAccountToken"] is False
    assert pod()["spec"]["serviceAccountName"] == "triton-operator"


def test_only_tmp_is_writable() -> None:
    assert container()["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]
    (volume,) = pod()["spec"]["volumes"]
    assert volume == {"name": "tmp", "emptyDir": {"sizeLimit": "16Mi"}}


def test_the_cluster_may_choose_the_user() -> None:
    context = pod("runAsUser=null")["spec"]["securityContext"]

    assert context == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def test_an_update_has_no_gap() -> None:
    spec = only(rendered(), "Deployment")["spec"]

    assert spec["replicas"] == 1
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
    }


def test_without_a_lease_one_operator_at_a_time() -> None:
    spec = only(rendered((), ("leaderElection.enabled=false",)), "Deployment")["spec"]

    assert spec["strategy"] == {"type": "Recreate"}
    refused = template(settings=("leaderElection.enabled=false", "replicaCount=2"))
    assert "leaderElection.enabled" in refused.stderr
    assert refused.returncode != 0


def test_several_replicas_prefer_nodes_of_their_own() -> None:
    assert "affinity" not in pod()["spec"]
    (term,) = pod("replicaCount=2")["spec"]["affinity"]["podAntiAffinity"][
        "preferredDuringSchedulingIgnoredDuringExecution"
    ]
    assert term["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"
    selector = term["podAffinityTerm"]["labelSelector"]["matchLabels"]
    assert selector.items() <= pod()["metadata"]["labels"].items()
    own = pod("replicaCount=2", "affinity.nodeAffinity.x=1")["spec"]["affinity"]
    assert own == {"nodeAffinity": {"x": 1}}, "what the user asks for stands alone"


def test_a_budget_for_more_than_one() -> None:
    assert "PodDisruptionBudget" not in {one["kind"] for one in rendered()}
    budget = only(rendered((), ("replicaCount=2",)), "PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"]["matchLabels"].items() <= pod()["metadata"]["labels"].items()


@pytest.mark.parametrize(
    ("probe", "path"),
    [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")],
)
def test_probes_ask_the_named_port(probe: str, path: str) -> None:
    (port,) = container()["ports"]

    assert port == {"name": "http", "containerPort": 8080, "protocol": "TCP"}
    assert container()[probe]["httpGet"] == {"path": path, "port": "http"}


def test_the_pod_knows_where_it_runs() -> None:
    names = {one["name"]: one["valueFrom"]["fieldRef"]["fieldPath"] for one in container()["env"]}

    assert names == {"POD_NAMESPACE": "metadata.namespace", "POD_NAME": "metadata.name"}


def test_the_metrics_service_finds_the_pod() -> None:
    service = only(rendered(), "Service")["spec"]

    assert service["publishNotReadyAddresses"], "what is not ready has the most to tell"

    assert service["selector"].items() <= pod()["metadata"]["labels"].items()
    (port,) = service["ports"]
    assert (port["name"], port["port"], port["targetPort"]) == ("http-metrics", 8080, "http")


def test_a_label_of_the_user_cannot_hide_the_pod_from_its_deployment() -> None:
    setting = r"podLabels.app\.kubernetes\.io/component=mine,podLabels.team=serving"
    deployment = only(rendered((), (setting,)), "Deployment")["spec"]

    labels = deployment["template"]["metadata"]["labels"]
    assert labels["team"] == "serving"
    assert deployment["selector"]["matchLabels"].items() <= labels.items()


def policy_flags(values: tuple[Path, ...], settings: tuple[str, ...]) -> dict[str, Any]:
    """The pod's labels, and the peer that policies let in as the operator, if any."""
    template = only(rendered(values, settings), "Deployment")["spec"]["template"]
    (one,) = template["spec"]["containers"]
    given = [flag for flag in one["args"] if flag.startswith("--operator-peer=")]
    peers = [json.loads(flag.partition("=")[2]) for flag in given]
    return {"labels": template["metadata"]["labels"], "peers": peers}


@pytest.mark.parametrize(
    ("values", "settings"),
    [
        ((), ("networkPolicy.enabled=true",)),
        ((VALUES / "every-value.yaml",), ()),
    ],
    ids=["defaults", "every value"],
)
def test_policies_let_in_the_operators_own_pods_and_no_others(
    values: tuple[Path, ...], settings: tuple[str, ...]
) -> None:
    """With a label of the release: a second operator in the namespace has policies of its own."""
    found = policy_flags(values, settings)

    (peer,) = found["peers"]
    namespace = {"kubernetes.io/metadata.name": NAMESPACE}
    assert peer["namespaceSelector"] == {"matchLabels": namespace}
    wanted = peer["podSelector"]["matchLabels"]
    assert wanted.items() <= found["labels"].items()
    assert wanted["app.kubernetes.io/instance"] == RELEASE
    assert wanted["app.kubernetes.io/component"] == "operator"


def test_without_policies_the_operator_is_no_peer() -> None:
    assert policy_flags((), ())["peers"] == []


def test_every_value_arrives() -> None:
    objects = rendered((VALUES / "every-value.yaml",))
    deployment = only(objects, "Deployment")
    metadata = deployment["spec"]["template"]["metadata"]
    spec = deployment["spec"]["template"]["spec"]

    assert deployment["metadata"]["name"] == "inference-operator"
    assert deployment["spec"]["replicas"] == 0
    assert metadata["labels"]["app.kubernetes.io/name"] == "inference"
    assert metadata["labels"]["example.com/team"] == "serving"
    assert metadata["annotations"]["example.com/note"] == "pod"
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert spec["serviceAccountName"] == "somebody"
    assert spec["priorityClassName"] == "system-cluster-critical"
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    assert spec["tolerations"][0]["key"] == "node-role.kubernetes.io/control-plane"
    assert "nodeAffinity" in spec["affinity"]
    assert spec["securityContext"]["runAsUser"] == 1234
    assert spec["containers"][0]["resources"]["limits"] == {"memory": "2Gi"}
    assert only(objects, "Service")["metadata"]["annotations"] == {"prometheus.io/scrape": "true"}
    assert {one["kind"] for one in objects} == {
        "ConfigMap",
        "Deployment",
        "Service",
        "ServiceMonitor",
    }
