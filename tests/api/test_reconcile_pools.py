"""Nodes and ServingPools: what they offer is told, and decides where and how a service runs."""

from typing import Any

from tests.api.audit import Audit
from tests.api.client import Object
from tests.api.operator_process import CPU_IMAGE, GPU_IMAGE
from tests.api.shop import TIME, Shop
from triton_operator.planning.pools import GPU_NODE_LABELS

GPU = "nvidia.com/gpu"
POOL_STATUS = ("nodes", "allocatable")


def add_node(shop: Shop, name: str, *, nodes: str = "", ready: bool = True, gpus: int = 0) -> None:
    """A node as its kubelet reports it: memory in Ki, a heartbeat, taints by the controllers."""
    resources = {"cpu": "8", "memory": "16393244Ki", "pods": "110"}
    if gpus:
        resources[GPU] = str(gpus)
    shop.create("Node", name, metadata={"name": name, "labels": {"nodes": nodes} if nodes else {}})
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    shop.merge(
        "Node",
        name,
        {"status": {"capacity": resources, "allocatable": resources, "conditions": [condition]}},
        "status",
    )


def pool_status(shop: Shop, name: str) -> dict[str, Any]:
    status = shop.get("ServingPool", name).get("status", {})
    return {key: status.get(key) for key in POOL_STATUS}


def pod_of(shop: Shop, deployment: str) -> Object:
    pod: Object = shop.get("Deployment", deployment)["spec"]["template"]["spec"]
    return pod


def test_the_status_of_a_pool_adds_up_its_nodes(shop: Shop) -> None:
    """Only what its selector takes, only what is ready, and it follows when a node goes."""
    shop.create("ServingPool", "some", spec={"nodeSelector": {"nodes": "some"}})
    shop.until("a first status", lambda: pool_status(shop, "some")["nodes"] == 0)

    add_node(shop, "first", nodes="some")
    add_node(shop, "second", nodes="some")
    add_node(shop, "elsewhere", nodes="other")
    add_node(shop, "broken", nodes="some", ready=False)

    both = {"cpu": "16", "memory": str(2 * 16393244 * 1024)}
    shop.until("two nodes", lambda: pool_status(shop, "some") == {"nodes": 2, "allocatable": both})
    shop.delete("Node", "second")
    shop.until("one node", lambda: pool_status(shop, "some")["nodes"] == 1)
    shop.delete("Node", "first")
    none = {"nodes": 0, "allocatable": {"cpu": "0", "memory": "0"}}
    shop.until("no node", lambda: pool_status(shop, "some") == none)


def test_a_gpu_pool_counts_devices(shop: Shop) -> None:
    """A node without the device is none of the pool's, whatever its labels say."""
    spec = {"nodeSelector": {"nodes": "gpus"}, "accelerator": {"resource": GPU}}
    shop.create("ServingPool", "gpus", spec=spec)
    add_node(shop, "first", gpus=4, nodes="gpus")
    add_node(shop, "second", gpus=2, nodes="gpus")
    add_node(shop, "driver-missing", nodes="gpus")

    shop.until("two nodes", lambda: pool_status(shop, "gpus")["nodes"] == 2)

    assert pool_status(shop, "gpus")["allocatable"][GPU] == "6"


def test_a_heartbeat_changes_nothing(shop: Shop, audit: Audit) -> None:
    """Every node reports every few seconds; a cluster of thousands must not wake anything."""
    shop.create("ServingPool", "some", spec={})
    shop.add_running("a")
    add_node(shop, "first")
    shop.until("the node", lambda: pool_status(shop, "some")["nodes"] == 1)
    shop.until("the end of the work", shop.operator.is_quiet)
    mark = audit.mark()

    beat = {"type": "Ready", "status": "True", "lastHeartbeatTime": TIME}
    shop.merge("Node", "first", {"status": {"conditions": [beat]}}, "status")
    # What comes after it has been seen once a later change has.
    shop.add_service("b", 1)
    shop.until_settled("b")

    writes = audit.writes(since=mark)
    assert [w for w in writes if w.resource.startswith("servingpools") or w.name == "a"] == []


def test_a_gpu_node_makes_an_inferred_pool(shop: Shop) -> None:
    """A cluster that nobody described: the nodes say enough."""
    add_node(shop, "with-gpu", gpus=1)

    shop.add_running("a", hardware={"accelerator": "GPU"})

    shop.until("a Deployment on the pool", lambda: shop.find("Deployment", "a-gpu") is not None)
    pod = pod_of(shop, "a-gpu")
    (container,) = pod["containers"]
    assert container["image"] == GPU_IMAGE
    assert container["resources"]["limits"][GPU] == "1"
    assert container["resources"]["requests"][GPU] == "1"
    assert pod["tolerations"] == [{"key": GPU, "operator": "Exists"}]
    assert "KIND_GPU" in str(shop.all("ConfigMap", "a"))
    assert [row["name"] for row in shop.status("a")["pools"]] == ["gpu"]


def test_a_gpu_that_is_wished_and_missing_is_told(shop: Shop) -> None:
    """And when the node comes, the service starts by itself."""
    shop.add_profile(1)
    shop.add_service("a", 1, hardware={"accelerator": "GPU"})
    shop.until_condition("a", "Planned", "False", "NoPoolFits")

    add_node(shop, "with-gpu", gpus=1)

    shop.until_condition("a", "Planned", "True", "PlanMade")
    shop.until("a Deployment on the pool", lambda: shop.find("Deployment", "a-gpu") is not None)


def test_a_pool_of_cpus_stays_away_from_gpu_nodes(shop: Shop) -> None:
    """The inferred one has no selector of its own, and GPUs are dear."""
    add_node(shop, "with-gpu", gpus=1)

    shop.add_running("a", hardware={"accelerator": "CPU"})

    pod = pod_of(shop, "a-cpu")
    assert pod["containers"][0]["image"] == CPU_IMAGE
    for label in GPU_NODE_LABELS:
        assert {"key": label, "operator": "DoesNotExist"} in _expressions(pod)


def test_a_described_pool_decides_about_its_pods(shop: Shop) -> None:
    """Selector, taints and the size of a replica come from whoever runs the cluster."""
    toleration = {"key": "serving", "operator": "Equal", "value": "only", "effect": "NoSchedule"}
    shop.create(
        "ServingPool",
        "quiet",
        spec={
            "nodeSelector": {"nodes": "quiet"},
            "tolerations": [toleration],
            "replicaResources": {"cpu": "3", "memory": "5Gi"},
        },
    )

    shop.add_running("a")

    pod = pod_of(shop, "a-quiet")
    assert pod["nodeSelector"] == {"nodes": "quiet"}
    assert pod["tolerations"] == [toleration]
    assert pod["containers"][0]["resources"]["limits"] == {"cpu": "3", "memory": "5Gi"}


def test_an_edited_pool_changes_its_services(shop: Shop) -> None:
    """Nobody touched the service: the pool's event alone is enough."""
    shop.create("ServingPool", "some", spec={"replicaResources": {"cpu": "1"}})
    shop.add_running("a")

    shop.merge("ServingPool", "some", {"spec": {"replicaResources": {"cpu": "2"}}})

    shop.until(
        "the new CPU limit",
        lambda: pod_of(shop, "a-some")["containers"][0]["resources"]["limits"]["cpu"] == "2",
    )


def _expressions(pod: Object) -> list[Object]:
    affinity = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return [row for term in affinity["nodeSelectorTerms"] for row in term["matchExpressions"]]
