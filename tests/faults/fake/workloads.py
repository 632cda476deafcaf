"""The Deployment and Job controllers and a kubelet, by what the operator can see of them."""

import asyncio
import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tests.faults.fake.history import Body, Change, History, Place
from triton_operator.controllers.times import rfc3339

STEP_SECONDS = 1.0
"""Between two steps of a rollout; a pod is ready one step after it was created."""
JOB_SECONDS = 2.0
REVISION = "deployment.kubernetes.io/revision"
JOB_LABEL = "batch.kubernetes.io/job-name"


@dataclass
class Replicas:
    """Of one Deployment: pods of earlier templates, of the newest one, and how many are ready."""

    template: str = ""
    old: int = 0
    new: int = 0
    ready: int = 0
    revision: int = 0

    def step(self, template: str, wanted: int) -> bool:
        """One step with at most one pod more, and none less, than wanted; whether more follow."""
        if template != self.template:
            self.template, self.old, self.new, self.ready = template, self.ready + self.old, 0, 0
        elif self.ready < self.new:
            self.ready = self.new
        elif self.new > wanted:
            self.new = self.ready = wanted
        elif self.old + self.ready > wanted and self.old:
            self.old = max(0, wanted - self.ready)
        elif self.new < wanted:
            self.new = min(wanted, wanted + 1 - self.old)
        else:
            return False
        return True


class Workloads:
    """`report` maps a model's address to the answer of its inspection and the exit code."""

    def __init__(
        self,
        history: History,
        now: Callable[[], float],
        report: Callable[[str], tuple[str, int]],
        replicas: Mapping[str, Replicas] | None = None,
    ) -> None:
        self.replicas = {uid: deepcopy(one) for uid, one in (replicas or {}).items()}
        self._history = history
        self._now = now
        self._report = report
        self._busy: set[str] = set()
        """By uid: what has its next step set. A Job that has ended stays in it."""
        history.listeners.append(self._seen)

    def _seen(self, change: Change) -> None:
        uid = change.body["metadata"]["uid"]
        if change.type == "DELETED" or uid in self._busy:
            return
        steps = {"Deployment": self._deployment, "Job": self._job}
        step = steps.get(change.place[0])
        if step is not None:
            self._busy.add(uid)
            asyncio.get_running_loop().call_later(STEP_SECONDS, step, change.place, uid)

    def _deployment(self, place: Place, uid: str) -> None:
        self._busy.discard(uid)
        body = self._live(place, uid)
        if body is None:
            return
        state = self.replicas.setdefault(uid, Replicas())
        text = json.dumps(body["spec"]["template"], sort_keys=True)
        template = sha256(text.encode()).hexdigest()[:8]
        if template != state.template:
            state.revision += 1
        more = state.step(template, body["spec"]["replicas"])
        self._pods(body, state)
        # As the real controller does; annotations of Deployments make a generation.
        annotations = body["metadata"].get("annotations") or {}
        revision = {**annotations, REVISION: str(state.revision)}
        metadata = {**body["metadata"], "annotations": revision}
        metadata["generation"] += revision != annotations
        status = {
            "observedGeneration": metadata["generation"],
            "replicas": state.old + state.new,
            "updatedReplicas": state.new,
            "readyReplicas": state.old + state.ready,
            "availableReplicas": state.old + state.ready,
        }
        self._history.write(place, {**body, "metadata": metadata, "status": status})
        if more and uid not in self._busy:
            self._busy.add(uid)
            asyncio.get_running_loop().call_later(STEP_SECONDS, self._deployment, place, uid)

    def _pods(self, deployment: Body, state: Replicas) -> None:
        """As many pods as there are replicas, named by their template."""
        metadata = deployment["metadata"]
        stem = f"{metadata['name']}-{state.template}"
        present = [
            place
            for place, body in self._history.objects.items()
            if place[0] == "Pod" and _owner(body) == metadata["uid"]
        ]
        new = sorted(place for place in present if place[2].startswith(stem))
        old = sorted(place for place in present if not place[2].startswith(stem))
        for place in [*old[state.old :], *new[state.new :]]:
            self._history.remove(place)
        for number in range(len(new), state.new):
            self._pod(f"{stem}-{number}", deployment, {"phase": "Running"})

    def _live(self, place: Place, uid: str) -> Body | None:
        body = self._history.objects.get(place)
        return body if body is not None and body["metadata"]["uid"] == uid else None

    def _job(self, place: Place, uid: str) -> None:
        body = self._live(place, uid)
        if body is not None and not body.get("status"):
            pod = self._pod(f"{place[2]}-{uid[-4:]}", body, {"phase": "Running"})
            asyncio.get_running_loop().call_later(JOB_SECONDS, self._end_job, place, uid, pod)

    def _end_job(self, place: Place, uid: str, pod: Place) -> None:
        job, body = self._live(place, uid), self._history.objects.get(pod)
        if job is None or body is None:
            return
        arguments = job["spec"]["template"]["spec"]["containers"][0]["args"]
        uri = next(one for one in arguments if one.startswith("--uri=")).removeprefix("--uri=")
        message, code = self._report(uri)
        state = {"terminated": {"exitCode": code, "message": message}}
        status = {
            "phase": "Failed" if code else "Succeeded",
            "containerStatuses": [{"name": "inspect", "state": state}],
        }
        self._history.write(pod, {**body, "status": status})
        end = {
            "type": "Failed" if code else "Complete",
            "status": "True",
            "lastTransitionTime": rfc3339(self._now()),
        }
        self._history.write(place, {**job, "status": {"conditions": [end]}})

    def _pod(self, name: str, owner: Body, status: Body) -> Place:
        metadata = owner["metadata"]
        labels = dict(owner["spec"]["template"]["metadata"]["labels"])
        if owner["kind"] == "Job":
            labels[JOB_LABEL] = metadata["name"]
        place = ("Pod", metadata["namespace"], name)
        reference = {"kind": owner["kind"], "name": metadata["name"], "uid": metadata["uid"]}
        self._history.write(
            place,
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": name,
                    "namespace": metadata["namespace"],
                    "uid": self._history.new_uid(),
                    "creationTimestamp": rfc3339(self._now()),
                    "labels": labels,
                    "ownerReferences": [reference],
                },
                "spec": {},
                "status": status,
            },
        )
        return place


def _owner(body: Mapping[str, Any]) -> str:
    owners = body["metadata"].get("ownerReferences") or []
    return str(owners[0]["uid"]) if owners else ""
