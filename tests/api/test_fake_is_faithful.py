"""The API server of `tests/faults` answers as a real one, as far as the operator can tell."""

import asyncio
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

from tests.api.client import Api, Object, RefusedError
from tests.api.requests_script import APPLY, SCRIPT, Step
from tests.faults.fake.faults import Faults
from tests.faults.fake.history import History
from tests.faults.fake.http import Server
from tests.faults.virtual_time import now, run

Answer = tuple[int, Object]


class Reading:
    """What of an answer matters, told by what came before: did the object change, did its
    generation grow, is it the same object?
    """

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self.seen: dict[str, Object] = {}

    def request(self, step: Step) -> tuple[str, str]:
        """The path and body, with what stands for what."""
        path = step.path.replace("{n}", self._namespace)
        uid = self.seen.get(path, {}).get("uid", "")
        return path, json.dumps(step.body).replace("{uid}", uid)

    def of(self, step: Step, code: int, body: Object) -> dict[str, Any]:
        """A summary that two servers can share."""
        if code >= 400:
            return {"code": code, "reason": body.get("reason")}
        if body.get("kind", "").endswith("List"):
            return {"code": code, "names": [item["metadata"]["name"] for item in body["items"]]}
        if "uid" not in body.get("metadata", {}):
            return {"code": code}
        path = step.path.replace("{n}", self._namespace)
        for part in ("/status", "/scale"):
            path = path.removesuffix(part)
        if step.method == "POST":
            path += f"/{body['metadata']['name']}"
        before, after = self.seen.get(path, {}), body["metadata"]
        if not step.path.endswith("/scale"):
            self.seen[path] = after
        return {
            "code": code,
            "changed": before.get("resourceVersion") != after["resourceVersion"],
            "grown": after.get("generation", 0) - before.get("generation", 0),
            "same": before.get("uid") == after["uid"],
            "spec": body.get("spec"),
            "status": body.get("status"),
            "data": body.get("data"),
            "labels": after.get("labels", {}),
            "annotations": after.get("annotations", {}),
        }


def from_real(api: Api, namespace: str) -> Iterator[dict[str, Any]]:
    reading = Reading(namespace)
    for step in SCRIPT:
        path, body = reading.request(step)
        try:
            answer = api.request(
                step.method,
                path,
                json.loads(body),
                content_type=step.content,
                **step.query,
            )
            created = step.method == "POST" or (
                step.content == APPLY and not path.endswith("/status") and path not in reading.seen
            )
            yield reading.of(step, 201 if created else 200, answer)
        except RefusedError as refusal:
            yield reading.of(step, refusal.code, {"reason": refusal.reason})


async def from_fake(namespace: str) -> list[dict[str, Any]]:
    reading = Reading(namespace)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "socket"
        server = Server(History(), now, Faults())
        connector = aiohttp.UnixConnector(str(socket))
        async with server.listening(socket), aiohttp.ClientSession(connector=connector) as session:
            place = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            await session.post("http://fake/api/v1/namespaces", json=place)
            for step in SCRIPT:
                path, body = reading.request(step)
                data = None if step.body is None else body
                headers = {"Content-Type": step.content}
                async with session.request(
                    step.method, f"http://fake{path}", params=step.query, data=data, headers=headers
                ) as response:
                    found.append(reading.of(step, response.status, await response.json()))
            await asyncio.sleep(0)
    return found


def is_within(part: Any, whole: Any) -> bool:
    """Whether everything that the fake says is in what the real one says, which has defaults."""
    if part in (None, {}, ""):
        return True
    if isinstance(part, dict):
        whole = whole or {}
        return all(is_within(value, whole.get(key)) for key, value in part.items())
    if isinstance(part, list):
        return len(part) == len(whole or ()) and all(map(is_within, part, whole or ()))
    return bool(part == whole)


def test_the_same_answers(api: Api, namespace: str) -> None:
    real, fake = list(from_real(api, namespace)), run(from_fake(namespace))

    for step, expected, got in zip(SCRIPT, real, fake, strict=True):
        assert is_within(got, expected), f"{step.what}: {got} instead of {expected}"
        assert set(expected) == set(got), step.what
