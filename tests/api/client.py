"""A small synchronous client of a real API server, for tests that look at its answers.

api = Api(url, ca=..., cert=..., key=...)
api.create(document)                      # 201, or RefusedError with the server's own words
api.apply(document, manager="someone")    # server-side apply
"""

import json
import time
from pathlib import Path
from typing import Any, Self

import requests

Object = dict[str, Any]

CLUSTER_SCOPED = {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "InferenceCluster",
    "Namespace",
    "Node",
    "PriorityClass",
    "ServingPool",
}
TIMEOUT_SECONDS = 30


class RefusedError(Exception):
    """The API server said no. `causes` maps the path of a field to what is wrong with it."""

    def __init__(self, code: int, status: Object) -> None:
        super().__init__(status.get("message", ""))
        self.code = code
        self.reason = status.get("reason", "")
        self.message = str(status.get("message", ""))
        self.causes: list[tuple[str, str]] = [
            (cause.get("field", ""), cause.get("message", ""))
            for cause in status.get("details", {}).get("causes", ())
        ]


class Api:
    """One identity at one API server."""

    def __init__(self, url: str, *, ca: Path, cert: Path, key: Path) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(ca)
        self._session.cert = (str(cert), str(key))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
        **query: str,
    ) -> Object:
        """The decoded answer. Raises RefusedError for a code of 400 or more."""
        until = time.monotonic() + TIMEOUT_SECONDS
        while True:
            answer = self._session.request(
                method,
                self.url + path,
                json=body,
                params=query,
                headers={"Content-Type": content_type, "Accept": accept},
                timeout=TIMEOUT_SECONDS,
            )
            # An eviction that a budget forbids is 429 too, and an answer; this is a server that
            # has just started and asks to be asked again.
            starting = answer.status_code == 429 and "initializing" in answer.text
            if not starting or time.monotonic() > until:
                break
            time.sleep(float(answer.headers.get("Retry-After", "1")))
        if answer.status_code >= 400:
            try:
                status = answer.json()
            except ValueError:
                status = {"message": answer.text}
            raise RefusedError(answer.status_code, status)
        decoded: Object = answer.json()
        return decoded

    def get(self, document: Object, subresource: str = "", **options: str) -> Object:
        """The object as it is now."""
        return self.request("GET", path_of(document) + _sub(subresource), **options)

    def create(self, document: Object, *, strict: bool = True, dry_run: bool = False) -> Object:
        """Create it; `strict`: unknown fields are refused, as kubectl asks by default."""
        query = {"fieldValidation": "Strict" if strict else "Ignore"} | _dry(dry_run)
        return self.request("POST", collection_of(document), document, **query)

    def replace(self, document: Object, subresource: str = "", *, dry_run: bool = False) -> Object:
        """PUT; the document carries the resourceVersion that it replaces."""
        path = path_of(document) + _sub(subresource)
        return self.request("PUT", path, document, **_dry(dry_run))

    def merge(
        self, document: Object, change: Object, subresource: str = "", *, dry_run: bool = False
    ) -> Object:
        """JSON merge patch of the object that `document` names."""
        return self.request(
            "PATCH",
            path_of(document) + _sub(subresource),
            change,
            content_type="application/merge-patch+json",
            **_dry(dry_run),
        )

    def apply(
        self, document: Object, manager: str, subresource: str = "", *, force: bool = False
    ) -> Object:
        """Server-side apply under the field manager `manager`."""
        return self.request(
            "PATCH",
            path_of(document) + _sub(subresource),
            document,
            content_type="application/apply-patch+yaml",
            fieldManager=manager,
            force="true" if force else "false",
        )

    def history(self, path: str, since: str, **query: str) -> list[Object]:
        """What happened to the objects at a path after a resourceVersion, in order: watch events.

        Only for as long as the server remembers it, some minutes.
        """
        answer = self._session.get(
            self.url + path,
            params={"watch": "true", "resourceVersion": since, "timeoutSeconds": "2", **query},
            timeout=TIMEOUT_SECONDS,
        )
        answer.raise_for_status()
        return [json.loads(line) for line in answer.text.splitlines()]

    def delete(self, document: Object) -> None:
        """Delete it."""
        self.request("DELETE", path_of(document))


def collection_of(document: Object) -> str:
    """Path of the collection that the object is in."""
    version, kind = document["apiVersion"], document["kind"]
    prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
    if kind not in CLUSTER_SCOPED:
        prefix += f"/namespaces/{document['metadata'].get('namespace', 'default')}"
    plural = kind.lower()
    plural = f"{plural[:-1]}ies" if plural.endswith("y") else plural + _ending(plural)
    return f"{prefix}/{plural}"


def _ending(word: str) -> str:
    return "es" if word.endswith("s") else "s"


def path_of(document: Object) -> str:
    """Path of the object."""
    return f"{collection_of(document)}/{document['metadata']['name']}"


def _sub(subresource: str) -> str:
    return f"/{subresource}" if subresource else ""


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}
