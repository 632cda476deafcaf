"""Who owns a child, and the metadata that says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from triton_operator.api import labels
from triton_operator.api.group import API_VERSION


@dataclass(frozen=True)
class Owner:
    """The InferenceService for which objects are built."""

    name: str
    namespace: str
    uid: str

    def reference(self) -> dict[str, Any]:
        """The controller reference by which Kubernetes' garbage collection removes the child."""
        return {
            "apiVersion": API_VERSION,
            "kind": "InferenceService",
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }

    def labels(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The labels of every child and pod."""
        return {
            labels.NAME: "triton",
            labels.INSTANCE: self.name,
            labels.MANAGED_BY: labels.MANAGER,
            labels.PART_OF: "triton-operator",
            labels.SERVICE: self.name,
            labels.OWNER_UID: self.uid,
            **(extra or {}),
        }

    def metadata(self, name: str, extra_labels: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Metadata of a child called `name`."""
        return {
            "name": name,
            "namespace": self.namespace,
            "labels": self.labels(extra_labels),
            "ownerReferences": [self.reference()],
        }
