"""A PersistentVolume over a folder of the node, bound to a claim: models for `pvc://` sources."""

from __future__ import annotations

from e2e.harness.kubectl import Object

CAPACITY = "10Gi"


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
