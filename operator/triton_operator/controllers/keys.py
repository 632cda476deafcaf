"""What a worker is asked to reconcile."""

from typing import NamedTuple


class Key(NamedTuple):
    """The kind, namespace (empty for cluster-scoped kinds) and name of a custom resource."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return (
            f"{self.kind} {self.namespace}/{self.name}"
            if self.namespace
            else (f"{self.kind} {self.name}")
        )
