"""A PersistentVolume over a folder of the node, bound to a claim: models for `pvc://` sources."""

from __future__ import annotations

from e2e.harness.kubectl import Kubectl, Object

CAPACITY = "10Gi"


def bind_folder(kubectl: Kubectl, namespace: str, claim: str, folder: str, node_name: str) -> None:
    """Bind the claim to `folder`, and return when it is bound.

    A volume whose earlier claim is gone remembers it and takes no other of the same name: it is
    made anew.
    """
    name = f"{namespace}-{claim}"
    phase = kubectl(
        *("get", "persistentvolume", name, "--ignore-not-found"),
        *("-o", "jsonpath={.status.phase}"),
    )
    if phase == "Released":
        kubectl("delete", "persistentvolume", name)
    kubectl.apply(volume_and_claim(namespace, claim, folder, node_name))
    kubectl(
        *("-n", namespace, "wait", f"persistentvolumeclaim/{claim}"),
        *("--for=jsonpath={.status.phase}=Bound", "--timeout=50s"),
    )


def volume_and_claim(namespace: str, claim: str, folder: str, node_name: str) -> list[Object]:
    """A PersistentVolume on `folder` of `node_name` and the claim that is bound to it at once.

    No StorageClass is involved; the volume is kept when the claim goes.
    """
    name = f"{namespace}-{claim}"
    shared = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
    on_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node_name]}
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                **shared,
                "capacity": {"storage": CAPACITY},
                "persistentVolumeReclaimPolicy": "Retain",
                "hostPath": {"path": folder, "type": "Directory"},
                "claimRef": {"namespace": namespace, "name": claim},
                "nodeAffinity": {
                    "required": {"nodeSelectorTerms": [{"matchExpressions": [on_node]}]}
                },
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": claim, "namespace": namespace},
            "spec": {
                **shared,
                "volumeName": name,
                "resources": {"requests": {"storage": CAPACITY}},
            },
        },
    ]
