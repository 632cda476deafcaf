"""The last decisions of a service's autoscaler, numbered and bounded.

They are kept on the service itself, in an annotation: there a restart of the agent or of the whole
site finds them, and a service that is restored from a backup has those of then. Anybody may have
written there: what is no decision is passed over.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from triton_operator.api.conditions import shortened
from triton_operator.api.fields import MOST_SEQUENCE
from triton_operator.api.work_decision import MOST_DECISIONS, WHY_LIMIT, WorkDecision
from triton_operator.fleet.origin import DECISIONS

MOST_BYTES = 8192
"""Of the annotation. Each report has all of it, and links may be thin."""

History = tuple[WorkDecision, ...]
"""From old to new; the numbers rise."""


def history_of(service: Mapping[str, Any]) -> History:
    """What a service's annotation has."""
    annotations = service["metadata"].get("annotations") or {}
    text = annotations.get(DECISIONS, "")
    if not text or len(text) > MOST_BYTES:
        return ()
    try:
        return readable(json.loads(text))
    except (ValueError, RecursionError):
        return ()


def readable(rows: Any) -> History:
    """The rows that are decisions, each with a higher number than those before it."""
    found: list[WorkDecision] = []
    for row in rows if isinstance(rows, list) else ():
        try:
            one = WorkDecision.model_validate(row)
        except ValidationError:
            continue
        if not found or one.number > found[-1].number:
            found.append(one)
    return tuple(found[-MOST_DECISIONS:])


def extended(history: History, status: Mapping[str, Any]) -> History:
    """With the last decision of a service's status, if that is a new one; the oldest make room.

    A decision is known by its time and numbers: a status that was written late may bring one again.
    """
    number = history[-1].number + 1 if history else 1
    if number > MOST_SEQUENCE:
        # Nobody has counted that far: what is there was not written by an agent.
        history, number = (), 1
    decided = _last_decision(status, number)
    if decided is None or any(_is_same(decided, one) for one in history):
        return history
    return _bounded((*history, decided))


def text_of(history: History) -> str:
    """As the annotation has it."""
    return f"[{','.join(map(_line, history))}]"


def by_time(histories: Mapping[str, History]) -> Iterable[tuple[str, WorkDecision]]:
    """The decisions of all clusters, each with the cluster's name, by time.

    Those of one cluster stay in their order, even where its clock was set back.
    """
    rows = ([(name, one) for one in history] for name, history in sorted(histories.items()))
    return heapq.merge(*rows, key=lambda row: row[1].time)


def _last_decision(status: Mapping[str, Any], number: int) -> WorkDecision | None:
    seen = status.get("autoscaling")
    last = seen.get("lastDecision") if isinstance(seen, Mapping) else None
    if not isinstance(last, Mapping) or last.get("from") == last.get("to"):
        return None
    words = "".join(one if one.isprintable() else " " for one in str(last.get("reason", "")))
    try:
        return WorkDecision.model_validate(
            {**last, "number": number, "reason": shortened(words, WHY_LIMIT)}
        )
    except ValidationError:
        return None


def _is_same(one: WorkDecision, other: WorkDecision) -> bool:
    return (one.time, one.from_, one.to) == (other.time, other.from_, other.to)


def _bounded(history: History) -> History:
    kept = history[-MOST_DECISIONS:]
    while len(text_of(kept).encode()) > MOST_BYTES:
        kept = kept[1:]
    return kept


def _line(one: WorkDecision) -> str:
    return json.dumps(one.wire(), ensure_ascii=False, separators=(",", ":"))
