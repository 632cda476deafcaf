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
ABSENT_SINCE = f"{FLEET}/absent-since"
"""Annotation: since when the hub lists no such work, by the member's clock."""
ACCEPT_HUB = f"{FLEET}/accept-hub"
"""Annotation of an administrator: the ID of the hub that may take this service over."""
PAUSE_SYNC = f"{FLEET}/pause-sync"
"""Annotation of an administrator: "true" keeps the service as it is, whatever the hub says."""


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
    absent_since: str = ""
    accepts: str = ""
    is_paused: bool = False
    is_leaving: bool = False
    spec: Mapping[str, Any] | None = None


def local_of(body: Mapping[str, Any]) -> Local:
    """Reads an object; whoever edits it may have written anything there."""
    metadata = body["metadata"]
    labels = metadata.get("labels") or {}
    annotations = metadata.get("annotations") or {}
    revision = annotations.get(REVISION, "")
    return Local(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        hub_id=labels.get(ORIGIN, ""),
        origin_uid=labels.get(ORIGIN_UID, ""),
        mailbox=annotations.get(MAILBOX, ""),
        work=annotations.get(WORK, ""),
        revision=int(revision) if revision.isascii() and revision.isdigit() else None,
        routing=annotations.get(ROUTING, ""),
        is_orphaning=annotations.get(DELETION_POLICY) == ORPHAN,
        absent_since=annotations.get(ABSENT_SINCE, ""),
        accepts=annotations.get(ACCEPT_HUB, ""),
        is_paused=annotations.get(PAUSE_SYNC) == "true",
        is_leaving="deletionTimestamp" in metadata,
        spec=body.get("spec"),
    )
