"""How many more replicas a cluster could start."""

from typing import Any

import pytest

from triton_operator.fleet.room import FreeNode, NodeRoom, more_replicas, requests_of
from triton_operator.planning.nodes import NodeFacts, Taint

GPU = "nvidia.com/gpu"


def node(name: str = "a", **changes: Any) -> NodeFacts:
    allocatable = changes.pop("allocatable", {})
    usual = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    return NodeFacts(name, allocatable={**usual, **allocatable}, **changes)


def pod_spec(cpu: str = "1", memory: str = "1Gi", **more: Any) -> dict[str, Any]:
    return {"containers": [{"resources": {"requests": {"cpu": cpu, "memory": memory}}}], **more}


def pod(node_name: str = "a", phase: str = "Running", **spec: Any) -> dict[str, Any]:
    return {"spec": {**pod_spec(**spec), "nodeName": node_name}, "status": {"phase": phase}}


def room(*templates: dict[str, Any], nodes: tuple[NodeFacts, ...], pods: Any = ()) -> int:
    counted = NodeRoom(nodes)
    for one in pods:
        counted.take(one)
    return sum(more_replicas(templates, counted.free_nodes()))


def test_the_scarcest_resource_counts() -> None:
    assert room(pod_spec("1", "1Gi"), nodes=(node(),)) == 4
    assert room(pod_spec("1", "3Gi"), nodes=(node(),)) == 2
    assert room(pod_spec("100m", "1Mi"), nodes=(node(allocatable={"pods": "5"}),)) == 5


def test_what_is_left_over_on_two_nodes_is_no_place() -> None:
    assert room(pod_spec("3"), nodes=(node("a"), node("b"))) == 2


def test_other_pods_take_their_part_until_they_are_finished() -> None:
    nodes = (node(),)

    assert room(pod_spec(), nodes=nodes, pods=[pod(cpu="2500m")]) == 1
    assert room(pod_spec(), nodes=nodes, pods=[pod(cpu="2500m", phase="Failed")]) == 4
    assert room(pod_spec(), nodes=nodes, pods=[pod("", cpu="2500m")]) == 4
    assert room(pod_spec(), nodes=nodes, pods=[pod(cpu="9")]) == 0


def test_of_pods_nothing_is_kept_but_sums_of_what_nodes_have() -> None:
    """Pods of a cluster may name as many nodes and resources as it likes."""
    counted = NodeRoom((node(),))
    for number in range(10):
        other = {"containers": [{"resources": {"requests": {f"example.com/{number}": "1"}}}]}
        counted.take({"spec": {**other, "nodeName": "a"}})
        counted.take({"spec": {**other, "nodeName": f"node-{number}"}})

    assert [one.free for one in counted.free_nodes()] == [
        {"cpu": 4000, "memory": 8 * 2**30 * 1000, "pods": 100_000}
    ]


def test_an_amount_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="32 at most"):
        NodeRoom((node(),)).take(pod(cpu="1" * 33))


def test_a_device_that_no_node_offers_leaves_no_room() -> None:
    wanted = {"containers": [{"resources": {"requests": {GPU: "1"}, "limits": {GPU: "1"}}}]}

    assert room(wanted, nodes=(node(),)) == 0
    assert room(wanted, nodes=(node(allocatable={GPU: "2"}),)) == 2


def test_a_node_that_takes_no_pods_has_no_room() -> None:
    assert room(pod_spec(), nodes=(node(schedulable=False),)) == 0


@pytest.mark.parametrize(
    ("template", "fits"),
    [
        ({}, False),
        ({"tolerations": [{"key": "gpu", "operator": "Exists"}]}, True),
        ({"tolerations": [{"operator": "Exists"}]}, True),
        ({"tolerations": [{"key": "gpu", "value": "yes"}]}, True),
        ({"tolerations": [{"key": "gpu", "value": "no"}]}, False),
        ({"tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoExecute"}]}, False),
    ],
)
def test_taints_keep_pods_away(template: dict[str, Any], fits: bool) -> None:
    tainted = node(taints=(Taint("gpu", "yes", "NoSchedule"),))

    assert room(pod_spec(**template), nodes=(tainted,)) == (4 if fits else 0)


def test_too_many_to_compare_are_refused() -> None:
    tainted = node(taints=tuple(Taint(f"t{number}", "", "NoSchedule") for number in range(200)))
    template = pod_spec(tolerations=[{"operator": "Exists"}])
    assert room(template, nodes=(tainted,)) == 4

    with pytest.raises(ValueError, match="100 tolerations and a node 200 taints"):
        room(pod_spec(tolerations=template["tolerations"] * 100), nodes=(tainted,))


@pytest.mark.parametrize(
    ("row", "fits"),
    [
        ({"key": "disk", "operator": "Exists"}, True),
        ({"key": "disk", "operator": "DoesNotExist"}, False),
        ({"key": "disk", "operator": "In", "values": ["ssd"]}, True),
        ({"key": "disk", "operator": "NotIn", "values": ["ssd"]}, False),
        ({"key": "disk", "operator": "Gt", "values": ["1"]}, False),
    ],
)
def test_nodes_are_selected(row: dict[str, Any], fits: bool) -> None:
    with_disk = node(labels={"disk": "ssd"})
    terms = {"nodeSelectorTerms": [{"matchExpressions": [row]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}

    assert room(pod_spec(affinity=affinity), nodes=(with_disk,)) == (4 if fits else 0)
    assert room(pod_spec(nodeSelector={"disk": "ssd"}), nodes=(with_disk,)) == 4
    assert room(pod_spec(nodeSelector={"disk": "hdd"}), nodes=(with_disk,)) == 0


def test_two_pools_do_not_get_the_same_place_twice() -> None:
    assert room(pod_spec("3"), pod_spec("2"), nodes=(node(),)) == 1


def test_a_pod_asks_for_its_containers_or_its_largest_beginning() -> None:
    spec = {
        "containers": [{"resources": {"requests": {"cpu": "1"}}}, {}],
        "initContainers": [
            {"resources": {"requests": {"cpu": "3", "memory": "1"}}},
            {"resources": {"requests": {"cpu": "2"}}},
            {"restartPolicy": "Always", "resources": {"requests": {"cpu": "500m"}}},
        ],
        "overhead": {"cpu": "250m"},
    }

    assert requests_of(spec) == {"cpu": 3250, "memory": 1000, "pods": 1000}


def test_nothing_is_left_without_nodes() -> None:
    assert sum(more_replicas([pod_spec()], ())) == 0
    assert sum(more_replicas([], [FreeNode(node(), {"cpu": 1})])) == 0
