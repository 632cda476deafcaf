"""What must be true at every moment of every run."""

import logging
from typing import Any

from tests.faults.fake.history import Change, History
from tests.faults.scenarios import STRANGERS


class Invariants:
    """Listens to every change; `broken` says what was wrong, and when."""

    def __init__(self, history: History, *, serves: bool) -> None:
        self.broken: list[str] = []
        self._history = history
        self._serves = serves
        self._seen: dict[str, int] = {}
        self._strangers = {
            place: body for place, body in history.objects.items() if place[2] == STRANGERS
        }
        history.listeners.append(self._look)

    def _look(self, change: Change) -> None:
        if change.place in self._strangers:
            self.broken.append(f"version {change.version}: a stranger's {change.place} changed")
        self._look_at_generation(change.body)
        if self._serves and change.place[0] == "Deployment" and not self._ready():
            self.broken.append(f"version {change.version}: nothing serves any more")

    def _look_at_generation(self, body: dict[str, Any]) -> None:
        seen = (body.get("status") or {}).get("observedGeneration", 0)
        uid = body["metadata"]["uid"]
        if seen < self._seen.get(uid, 0) or seen > body["metadata"].get("generation", seen):
            self.broken.append(f"{body['kind']}: observedGeneration {seen}")
        self._seen[uid] = max(seen, self._seen.get(uid, 0))

    def _ready(self) -> int:
        return sum(
            (body.get("status") or {}).get("readyReplicas", 0)
            for body in self._history.of_kind("Deployment")
            if body["metadata"]["name"] != STRANGERS
        )


class Bugs(logging.Handler):
    """Collects every traceback that the operator logs."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.seen.append(f"{record.getMessage()} {record.exc_info[1]!r}")

    def __enter__(self) -> "Bugs":
        logging.getLogger("triton_operator").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("triton_operator").removeHandler(self)
