"""What the operator asked of the API server, by the server's own audit log."""

import json
from dataclasses import dataclass
from pathlib import Path

import yaml

USERS = ["operator", "first", "second"]
POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        # Renewed every two seconds, whatever happens.
        {"level": "None", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
        {"level": "Metadata", "users": USERS, "verbs": ["create", "update", "patch"]},
        {"level": "Metadata", "users": USERS, "verbs": ["delete", "deletecollection"]},
        {"level": "None"},
    ],
}


@dataclass(frozen=True)
class Write:
    """One request that writes: `patch deployments/scale` of an object, and the answer's code."""

    verb: str
    resource: str
    namespace: str
    name: str
    code: int
    user: str = "operator"
    time: str = ""
    """When the API server received it, RFC 3339."""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource} {self.name}"


class Audit:
    """Reads the log of one API server; `flags` are what that server needs to write it."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "audit.log"
        policy = folder / "audit-policy.yaml"
        policy.write_text(yaml.safe_dump(POLICY))
        self.flags = [f"--audit-policy-file={policy}", f"--audit-log-path={self._log}"]

    def mark(self) -> int:
        """A place in the log; `writes(since=mark)` are those that came later."""
        return self._log.stat().st_size if self._log.exists() else 0

    def writes(self, namespace: str = "", *, since: int = 0) -> list[Write]:
        """The operator's writes in a namespace, oldest first; empty: in all."""
        with self._log.open("rb") as log:
            log.seek(since)
            found = [_write(json.loads(line)) for line in log if line.endswith(b"\n")]
        return [write for write in found if not namespace or write.namespace == namespace]


def _write(event: dict) -> Write:  # type: ignore[type-arg]
    target = event["objectRef"]
    subresource = f"/{target['subresource']}" if "subresource" in target else ""
    return Write(
        verb=event["verb"],
        resource=target["resource"] + subresource,
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        code=event["responseStatus"]["code"],
        user=event["user"]["username"],
        time=event["requestReceivedTimestamp"],
    )
