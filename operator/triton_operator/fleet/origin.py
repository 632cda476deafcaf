"""What an InferenceService in a member says of where it came from: labels and annotations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from triton_operator.fleet.mailbox import FLEET

ORIGIN = f"{FLEET}/origin"
"""Label: the hub, by the UID of its namespace kube-system."""
ORIGIN_UID = f"{FLEET}/origin-uid"
"""Label: the UID of the hub's InferenceService."""
MAILBOX = f"{FLEET}/mailbox"
"""Annotation: the namespace at the hub that the work was in."""
WORK = f"{FLEET}/work"
"""Annotation: name of the work."""
REVISION = f"{FLEET}/revision"
"""Annotation: revision of the work that is in force here."""
DELETION_POLICY = f"{FLEET}/deletion-policy"
"""Annotation: `Orphan` where the service is to stay when its work goes."""
ROUTING = f"{FLEET}/routing"
"""Annotation: `spec.routing` of the work, as JSON. No part of the spec: a member whose definitions
are older serves it all the same."""
ORPHAN = "Orphan"
ABSENT_SECONDS = f"{FLEET}/absent-seconds"
"""Annotation: for how many seconds the hub was seen to list no such work."""
DECISIONS = f"{FLEET}/decisions"
"""Annotation: the last decisions of the service's autoscaler, as JSON, see `decision_history`."""
ACCEPT_HUB = f"{FLEET}/accept-hub"
"""Annotation of an administrator: the ID of the hub that may take this service over."""
PAUSE_SYNC = f"{FLEET}/pause-sync"
"""Annotation of an administrator: "true" keeps the service as it is, whatever the hub says."""

MOST_DIGITS = 16


@dataclass(frozen=True)
class Local:
    """An InferenceService of the member, by what tells whose it is. Empty or None: it does not say.

    `spec` is as the API server has it, with defaults.
    """

    namespace: str
    name: str
    uid: str
    hub_id: str = ""
    origin_uid: str = ""
    mailbox: str = ""
    work: str = ""
    revision: int | None = None
    routing: str = ""
    is_orphaning: bool = False
    absent_seconds: int | None = None
    accepts: str = ""
    is_paused: bool = False
    is_leaving: bool = False
    spec: Mapping[str, Any] | None = None


def local_of(body: Mapping[str, Any]) -> Local:
    """Reads an object; whoever edits it may have written anything there."""
    metadata = body["metadata"]
    labels = metadata.get("labels") or {}
    annotations = metadata.get("annotations") or {}
    return Local(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        hub_id=labels.get(ORIGIN, ""),
        origin_uid=labels.get(ORIGIN_UID, ""),
        mailbox=annotations.get(MAILBOX, ""),
        work=annotations.get(WORK, ""),
        revision=_number(annotations.get(REVISION)),
        routing=annotations.get(ROUTING, ""),
        is_orphaning=annotations.get(DELETION_POLICY) == ORPHAN,
        absent_seconds=_number(annotations.get(ABSENT_SECONDS)),
        accepts=annotations.get(ACCEPT_HUB, ""),
        is_paused=annotations.get(PAUSE_SYNC) == "true",
        is_leaving="deletionTimestamp" in metadata,
        spec=body.get("spec"),
    )


def _number(text: str | None) -> int | None:
    """None of what is none that was written here."""
    if text is None or len(text) > MOST_DIGITS or not (text.isascii() and text.isdigit()):
        return None
    return int(text)
