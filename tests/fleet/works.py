"""Works as a hub writes them."""

from typing import Any

from triton_operator.api.group import API_VERSION

HUB = "0a1b2c3d-0000-4000-8000-000000000001"
OTHER_HUB = "0a1b2c3d-0000-4000-8000-000000000002"
PARENT = "0a1b2c3d-0000-4000-8000-00000000000a"
FINALIZER = "fleet.serving.triton-operator.io/applied"
URI = "https://models.example/vision.onnx"


def work(
    mailbox: str,
    name: str = "shop.vision",
    *,
    revision: int = 1,
    hub_id: str = HUB,
    parent: str = PARENT,
    namespace: str = "shop",
    target: str = "vision",
    uri: str = URI,
    most: int = 4,
    **spec: Any,
) -> dict[str, Any]:
    """An InferenceWork; `most` is its ceiling."""
    return {
        "apiVersion": API_VERSION,
        "kind": "InferenceWork",
        "metadata": {
            "name": name,
            "namespace": mailbox,
            "labels": {
                "fleet.serving.triton-operator.io/origin": hub_id,
                "fleet.serving.triton-operator.io/origin-uid": parent,
            },
            "finalizers": [FINALIZER],
        },
        "spec": {
            "revision": revision,
            "hubID": hub_id,
            "decisionID": f"d-{revision}",
            "target": {"namespace": namespace, "name": target},
            "template": {
                "model": {"uri": uri},
                "scaling": {"minReplicas": 1, "maxReplicas": most},
            },
            **spec,
        },
    }
