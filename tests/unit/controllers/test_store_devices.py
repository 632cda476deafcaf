"""How many accelerators the operator's own pods hold, by node: counted as they come and go."""

from typing import Any

from triton_operator.api import labels
from triton_operator.controllers.kinds import POD
from triton_operator.controllers.store import Store

GPU = "nvidia.com/gpu"


def pod(name: str, version: int, *, node: str = "", count: str = "1", phase: str = "") -> Any:
    resources = {"limits": {"cpu": "1", GPU: count}}
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": name,
            "resourceVersion": str(version),
        },
        "spec": {
            "containers": [{"name": "triton", "resources": resources}],
            **({"nodeName": node} if node else {}),
        },
        "status": {"phase": phase or "Running"},
    }


def test_pods_hold_devices_from_when_they_have_a_node_until_they_end() -> None:
    store = Store()

    store.put(POD, pod("a", 1))
    assert store.devices_taken() == {}, "it waits for a node"
    store.put(POD, pod("a", 2, node="n"))
    store.put(POD, pod("b", 3, node="n", count="4"))
    assert store.devices_taken() == {"n": {GPU: 5}}
    store.put(POD, pod("b", 4, node="n", count="4", phase="Failed"))
    assert store.devices_taken() == {"n": {GPU: 1}}
    store.remove(POD, "shop", "b")
    store.remove(POD, "shop", "a")
    assert store.devices_taken() == {}


def test_a_pod_that_measures_does_not_count() -> None:
    """It ends by itself: no rollout ends what serves for the room that it takes."""
    store = Store()
    measuring = pod("m", 1, node="n")
    measuring["metadata"]["labels"] = {labels.ROLE: labels.MEASURE}

    store.put(POD, measuring)
    assert store.devices_taken() == {}
    store.remove(POD, "shop", "m")
    assert store.devices_taken() == {}
