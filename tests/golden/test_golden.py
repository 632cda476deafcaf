"""Golden objects: what every case becomes, field by field, and that Kubernetes knows each field."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.golden.rendering import COMMAND, HERE, cases, golden_path, golden_text
from triton_operator.api import labels
from triton_operator.api.crd.kinds import KINDS
from triton_operator.api.group import API_VERSION
from triton_operator.manifests.desired_hash import content_hash
from triton_operator.triton.model_config import parse_config

CASES = cases()
KUBERNETES = kubernetes_validate.latest_version()
OF_OTHERS = {"monitoring.coreos.com/v1"}
"""APIs that are not Kubernetes' own."""
RESTRICTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
"""Volume types that the Pod Security Standard `restricted` allows."""


def golden(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(golden_path(name).read_text(encoding="utf-8")))


def of_kind(name: str, kind: str) -> list[dict[str, Any]]:
    return [document for document in golden(name) if document["kind"] == kind]


def pod_templates(name: str) -> Iterator[dict[str, Any]]:
    for document in golden(name):
        if document["kind"] in ("Deployment", "Job"):
            yield document["spec"]["template"]


@pytest.mark.parametrize("name", CASES)
def test_nothing_changed_unseen(name: str) -> None:
    rendered = golden_text(name, CASES[name])

    assert golden_path(name).read_text(encoding="utf-8") == rendered, f"wanted? then: {COMMAND}"


def test_every_golden_file_has_its_case() -> None:
    assert {path.stem for path in HERE.glob("*.yaml")} == set(CASES), f"then: {COMMAND}"


def test_every_example_with_a_service_is_a_case() -> None:
    assert "filetype" in CASES
    assert CASES["filetype"].parent == Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("name", CASES)
def test_kubernetes_knows_every_field(name: str) -> None:
    for document in golden(name):
        if document["apiVersion"] == API_VERSION:
            kind = next(kind for kind in KINDS if kind.name == document["kind"])
            kind.spec.model_validate(document["spec"], extra="forbid")
        elif document["apiVersion"] not in OF_OTHERS:
            kubernetes_validate.validate(document, KUBERNETES, strict=True)


@pytest.mark.parametrize("name", CASES)
def test_pods_follow_the_restricted_security_standard(name: str) -> None:
    templates = list(pod_templates(name))
    assert templates
    for template in templates:
        pod = template["spec"]
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & set(pod)
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        for volume in pod["volumes"]:
            assert set(volume) - {"name"} <= RESTRICTED_VOLUMES
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False
            assert own["capabilities"] == {"drop": ["ALL"]}
            assert own["readOnlyRootFilesystem"] is True
            assert not {"privileged", "runAsUser", "seccompProfile"} & set(own)
            assert all("hostPort" not in port for port in container.get("ports", ()))


@pytest.mark.parametrize("name", CASES)
def test_pods_get_no_token_and_every_container_has_limits(name: str) -> None:
    for template in pod_templates(name):
        pod = template["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert ("serviceAccountName" in pod) is (name == "pod-options")
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            for quantity in ("cpu", "memory"):
                assert quantity in container["resources"]["requests"]
                assert quantity in container["resources"]["limits"]


@pytest.mark.parametrize("name", CASES)
def test_every_mount_has_its_volume_and_every_volume_its_mount(name: str) -> None:
    for template in pod_templates(name):
        pod = template["spec"]
        mounted = {
            mount["name"]
            for container in (*pod.get("initContainers", ()), *pod["containers"])
            for mount in container.get("volumeMounts", ())
        }
        assert mounted == {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize("name", CASES)
def test_services_find_the_pods_and_their_ports(name: str) -> None:
    pods = [document["spec"]["template"] for document in of_kind(name, "Deployment")]
    services = of_kind(name, "Service")
    assert len(services) == (len(pods) + 1 if len(pods) > 1 else 1)
    for service in services:
        selector = service["spec"]["selector"].items()
        chosen = [pod for pod in pods if selector <= pod["metadata"]["labels"].items()]
        assert chosen
        for pod in chosen:
            ports = {
                port["name"]
                for container in pod["spec"]["containers"]
                for port in container["ports"]
            }
            assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


@pytest.mark.parametrize("name", CASES)
def test_pods_of_jobs_never_get_requests(name: str) -> None:
    for job in of_kind(name, "Job"):
        for service in of_kind(name, "Service"):
            selector = service["spec"]["selector"].items()
            assert not selector <= job["spec"]["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize("name", CASES)
def test_deployments_leave_replicas_to_the_scale_subresource(name: str) -> None:
    for deployment in of_kind(name, "Deployment"):
        assert "replicas" not in deployment["spec"]
        assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@pytest.mark.parametrize("name", CASES)
def test_the_deployments_config_is_the_one_in_its_config_map(name: str) -> None:
    config_maps = {one["metadata"]["name"]: one for one in of_kind(name, "ConfigMap")}
    for deployment in of_kind(name, "Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        (volume,) = [one["configMap"] for one in pod["volumes"] if one["name"] == "config"]
        config_map = config_maps[volume["name"]]

        assert config_map["immutable"] is True
        if "config.pbtxt" not in config_map["data"]:
            # A repository's: what is added to configs of its own.
            assert all(parse_config(text) for text in config_map["data"].values())
            continue
        config: Any = parse_config(config_map["data"]["config.pbtxt"])

        assert config.name == deployment["metadata"]["labels"][labels.SERVICE]
        probe = pod["containers"][0]["readinessProbe"]["httpGet"]["path"]
        assert probe == f"/v2/models/{config.name}/ready"


@pytest.mark.parametrize("name", CASES)
def test_children_have_one_owner_and_carry_their_hash(name: str) -> None:
    for document in golden(name):
        metadata = document["metadata"]
        carried = metadata["annotations"].pop(labels.DESIRED_HASH)
        if not metadata["annotations"]:
            del metadata["annotations"]
        assert carried == content_hash(document)
        if document["kind"] == "ModelProfile":
            assert "ownerReferences" not in metadata, "what is known of a model outlives services"
            continue
        (owner,) = metadata["ownerReferences"]
        assert owner["controller"] is True
        assert metadata["labels"][labels.OWNER_UID] == owner["uid"]


def container(name: str, role: str = "containers") -> dict[str, Any]:
    (deployment,) = of_kind(name, "Deployment")
    return deployment["spec"]["template"]["spec"][role][0]


def test_a_repositorys_configs_stay_in_the_repository() -> None:
    (config_map,) = of_kind("repository", "ConfigMap")
    fetch, triton = container("repository", "initContainers"), container("repository")

    assert set(config_map["data"]) == {"classifier.pbtxt", "pipeline.pbtxt", "prepare.pbtxt"}
    assert "--completions=/config" in fetch["args"]
    assert triton["readinessProbe"]["httpGet"]["path"] == "/v2/models/pipeline/ready"
    assert "--disable-auto-complete-config" in triton["args"]


def test_a_secret_is_mounted_where_the_model_is_fetched_and_nowhere_else() -> None:
    for template in pod_templates("https-with-secret"):
        pod = template["spec"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        assert volumes["credentials"] == {
            "name": "credentials",
            "secret": {"secretName": "store-credentials"},
        }
        for one in (*pod.get("initContainers", ()), *pod["containers"]):
            mounts = {mount["name"] for mount in one["volumeMounts"]}
            assert ("credentials" in mounts) is (one["name"] != "triton")
    assert not [
        reference
        for template in pod_templates("https-with-secret")
        for one in (*template["spec"].get("initContainers", ()), *template["spec"]["containers"])
        for reference in one.get("env", ())
        if "fieldRef" not in reference["valueFrom"]
    ]


def test_a_gpu_is_requested_and_limited_once() -> None:
    resources = container("gpu-pool")["resources"]

    assert resources["requests"]["nvidia.com/gpu"] == "1"
    assert resources["limits"]["nvidia.com/gpu"] == "1"


def test_pods_go_where_their_pool_is() -> None:
    (deployment,) = of_kind("gpu-pool", "Deployment")
    pod = deployment["spec"]["template"]["spec"]

    assert pod["nodeSelector"] == {
        "cloud.google.com/gke-accelerator": "nvidia-l4",
        "nvidia.com/gpu.product": "NVIDIA-L4",
    }
    assert [taint["key"] for taint in pod["tolerations"]] == ["nvidia.com/gpu", "dedicated"]
    assert pod["tolerations"][1]["tolerationSeconds"] == 60
    assert "affinity" not in pod


def test_cpu_pods_of_an_inferred_pool_keep_off_gpu_nodes() -> None:
    (deployment,) = of_kind("filetype", "Deployment")
    affinity = deployment["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
    (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]

    assert {row["operator"] for row in term["matchExpressions"]} == {"DoesNotExist"}
    assert "nvidia.com/gpu.present" in {row["key"] for row in term["matchExpressions"]}


def test_only_a_large_batch_changes_tritons_limit_of_a_request() -> None:
    def flags(name: str) -> list[str]:
        return [flag for flag in container(name)["args"] if "http-max-input-size" in flag]

    # 64 pictures of 3 x 224 x 224 numbers of 16 characters each.
    assert flags("large-batch") == [f"--http-max-input-size={64 * 3 * 224 * 224 * 16}"]
    assert flags("filetype") == []


def test_variables_of_the_user_arrive_as_they_were_written() -> None:
    assert container("runtime-env")["env"][1:] == [
        {"name": "LOG_LEVEL", "value": ""},
        {
            "name": "TOKEN",
            "valueFrom": {
                "secretKeyRef": {"name": "credentials", "key": "token", "optional": True}
            },
        },
    ]
    assert "env" not in container("runtime-env", "initContainers")


@pytest.mark.parametrize("name", CASES)
def test_the_key_of_restricted_endpoints_is_another_one_in_each_pod(name: str) -> None:
    first = container(name)["env"][0]

    assert first["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.uid"
    locked = [flag for flag in container(name)["args"] if "restricted" in flag]
    assert len(locked) == 2
    assert all(flag.endswith(f"=$({first['name']})") for flag in locked)


@pytest.mark.parametrize("name", CASES)
def test_replicas_are_spread_over_nodes_and_zones_and_wait_for_neither(name: str) -> None:
    (deployment,) = of_kind(name, "Deployment")
    spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]

    assert {one["topologyKey"] for one in spread} == {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    }
    for one in spread:
        assert one["whenUnsatisfiable"] == "ScheduleAnyway"
        assert one["matchLabelKeys"] == ["pod-template-hash"]
        assert one["labelSelector"] == deployment["spec"]["selector"]


@pytest.mark.parametrize("name", CASES)
def test_every_volume_on_the_nodes_disk_has_room_for_the_model_and_an_end(name: str) -> None:
    (profile,) = of_kind(name, "ModelProfile")
    (deployment,) = of_kind(name, "Deployment")
    mebibytes = sum(file["sizeBytes"] for file in profile["spec"]["facts"]["files"]) / 2**20

    for volume in deployment["spec"]["template"]["spec"]["volumes"]:
        if volume["name"] in ("models", "tmp"):
            limit = volume["emptyDir"]["sizeLimit"]
            assert limit.endswith("Mi")
            assert int(limit[:-2]) >= 2 * mebibytes + 256


def test_the_users_pod_metadata_is_on_all_pods_beside_the_operators() -> None:
    for template in pod_templates("pod-options"):
        metadata, pod = template["metadata"], template["spec"]
        assert metadata["labels"]["team"] == "search"
        assert metadata["labels"][labels.SERVICE] == "filetype"
        assert metadata["annotations"]["sidecar.istio.io/inject"] == "false"
        assert pod["serviceAccountName"] == pod["serviceAccount"] == "models"
        assert pod["imagePullSecrets"] == [{"name": "registry"}]
    (deployment,) = of_kind("pod-options", "Deployment")
    template = deployment["spec"]["template"]
    assert template["spec"]["priorityClassName"] == "online"
    assert template["metadata"]["annotations"][labels.PROMETHEUS_SCRAPE] == "false"
    assert template["metadata"]["annotations"][labels.PROMETHEUS_PORT] == "8002"
