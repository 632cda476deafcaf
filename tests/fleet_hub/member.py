"""A member as the hub sees it: what an agent does with its account, and with nothing else.

It is no agent: tests say what it tells. Its requests carry a token of the account that the hub
made.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import requests

from tests.api.client import Api, Object, RefusedError
from triton_operator.api.group import API_VERSION
from triton_operator.fleet.mailbox import AGENT, FLEET, mailbox_namespace

TOKEN_SECONDS = 3600
TIMEOUT_SECONDS = 30
WORKS = f"/apis/{API_VERSION}"
LEASES = "/apis/coordination.k8s.io/v1"


class Member:
    """One cluster's agent. `admin` makes the token, as `cluster join` would."""

    def __init__(self, admin: Api, ca: Path, cluster: str) -> None:
        self.cluster = cluster
        self.namespace = mailbox_namespace(cluster)
        self._url = admin.url
        self._beats = 0
        self._sequence = 0
        answer = admin.request(
            "POST",
            f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{AGENT}/token",
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {"expirationSeconds": TOKEN_SECONDS},
            },
        )
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(ca)
        self.use(answer["status"]["token"])

    def use(self, token: str) -> None:
        """Of its account, from now on."""
        self._session.headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        """Of its connections."""
        self._session.close()

    def beat(self, **annotations: str) -> None:
        """Renew the Lease. Its clock is years behind: nobody may compare it with another one."""
        self._beats += 1
        minutes, seconds = divmod(self._beats, 60)
        self.request(
            "PATCH",
            f"{LEASES}/namespaces/{self.namespace}/leases/{AGENT}?fieldManager={AGENT}&force=true",
            {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {
                    "name": AGENT,
                    "namespace": self.namespace,
                    "annotations": {
                        f"{FLEET}/{key.replace('_', '-')}": value
                        for key, value in annotations.items()
                    },
                },
                "spec": {
                    "holderIdentity": AGENT,
                    "leaseDurationSeconds": 45,
                    "renewTime": f"2001-02-03T{minutes // 60:02}:{minutes % 60:02}:"
                    f"{seconds:02}.000000Z",
                },
            },
            "application/apply-patch+yaml",
        )

    def works(self) -> list[Object]:
        """What its mailbox has."""
        found: list[Object] = self.request(
            "GET", f"{WORKS}/namespaces/{self.namespace}/inferenceworks"
        )["items"]
        return found

    def report(self, work: Object, reason: str = "InForce", **load: Any) -> None:
        """Say that a work is applied, with some load; another `reason`: that it is not."""
        self._sequence += 1
        applied = reason == "InForce"
        status: Object = {
            "sequence": self._sequence,
            "conditions": [
                {
                    "type": "Applied",
                    "status": "True" if applied else "False",
                    "reason": reason,
                    "message": "as the test says",
                    "lastTransitionTime": "2001-02-03T00:00:00Z",
                }
            ],
        }
        if applied:
            status["appliedRevision"] = work["spec"]["revision"]
            status["appliedMaxReplicas"] = work["spec"]["template"]["scaling"]["maxReplicas"]
        if load:
            usual = {"readyReplicas": 1, "capReplicas": 4, "observedAt": "2001-02-03T00:00:00Z"}
            status["load"] = {**usual, **load}
        self.write_status(work["metadata"]["name"], status)

    def write_status(self, name: str, status: Object) -> None:
        """Whatever it likes to say of a work."""
        self.request(
            "PATCH",
            f"{WORKS}/namespaces/{self.namespace}/inferenceworks/{name}/status",
            {"status": status},
            "application/merge-patch+json",
        )

    def request(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json"
    ) -> Object:
        """Raises RefusedError for a code of 400 or more."""
        answer = self._session.request(
            method,
            self._url + path,
            json=body,
            headers={"Content-Type": content_type},
            timeout=TIMEOUT_SECONDS,
        )
        if answer.status_code >= 400:
            raise RefusedError(answer.status_code, answer.json())
        decoded: Object = answer.json()
        return decoded
