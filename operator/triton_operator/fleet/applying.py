"""What a member does about one work of its hub, given the service that has the target's name.

The checks are asked in order, and the first that holds decides. Whoever is not sure that a service
came from this hub leaves it alone and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from triton_operator.api import reasons
from triton_operator.api.conditions import ConditionStatus, Finding, finding
from triton_operator.api.group import API_VERSION, GROUP
from triton_operator.fleet import origin, work_reasons
from triton_operator.fleet.containment import contains
from triton_operator.fleet.origin import Local
from triton_operator.fleet.work import Work

LOCALLY = f"{GROUP}/operator"
"""`spec.managedBy` of a service that the member's own operator takes care of."""


class Step(StrEnum):
    """What is done to the member's service."""

    CREATE = "Create"
    APPLY = "Apply"
    REMOVE = "Remove"
    RELEASE = "Release"
    """It stays, and forgets where it came from."""
    REST = "Rest"


@dataclass(frozen=True)
class Verdict:
    """`applied` is what is said of the work if the step succeeds."""

    step: Step
    applied: Finding


def verdict(work: Work, local: Local | None, mailbox: str, others: Collection[str]) -> Verdict:
    """What to do; `others` are the names of the other works that the mailbox has."""
    if work.is_leaving:
        return _farewell(work, local, mailbox)
    if local is None:
        return Verdict(Step.CREATE, _in_force(work))
    for check in _CHECKS:
        refused = check(work, local, mailbox, others)
        if refused is not None:
            return Verdict(Step.REST, refused)
    if local.is_paused:
        return Verdict(Step.REST, _paused(work, local))
    step = Step.REST if is_as_wanted(work, local, mailbox) else Step.APPLY
    return Verdict(step, _in_force(work))


def manifest(work: Work, mailbox: str) -> dict[str, Any]:
    """The service as the work wants it, for server-side apply."""
    return {
        "apiVersion": API_VERSION,
        "kind": "InferenceService",
        "metadata": {
            "name": work.target,
            "namespace": work.namespace,
            "labels": {origin.ORIGIN: work.hub_id, origin.ORIGIN_UID: work.origin_uid},
            "annotations": {
                origin.MAILBOX: mailbox,
                origin.WORK: work.name,
                origin.REVISION: str(work.revision),
                origin.DELETION_POLICY: origin.ORPHAN if work.is_orphaning else "Delete",
                **({origin.ROUTING: work.routing} if work.routing else {}),
            },
        },
        "spec": {**work.template, "managedBy": LOCALLY},
    }


def is_made_from(local: Local, work: Work, mailbox: str) -> bool:
    """Whether the service says that it came from this work of this hub."""
    return (local.hub_id, local.mailbox, local.work) == (work.hub_id, mailbox, work.name)


def is_as_wanted(work: Work, local: Local, mailbox: str) -> bool:
    """Whether applying would change nothing; what the work does not name is the member's."""
    return (
        is_made_from(local, work, mailbox)
        and local.origin_uid == work.origin_uid
        and local.revision == work.revision
        and local.routing == work.routing
        and local.is_orphaning == work.is_orphaning
        and contains(local.spec or {}, {**work.template, "managedBy": LOCALLY})
    )


def _farewell(work: Work, local: Local | None, mailbox: str) -> Verdict:
    """The hub deletes the work. It waits for the word that nothing of it is left here."""
    name = f"InferenceService {work.namespace}/{work.target}"
    if local is None:
        return Verdict(Step.REST, _not(work_reasons.DELETED, f"{name} is gone"))
    if not is_made_from(local, work, mailbox):
        said = f"{name} did not come from this work, and is left alone"
        return Verdict(Step.REST, _not(work_reasons.DELETED, said))
    if local.is_paused:
        said = f"{name} is kept by its annotation {origin.PAUSE_SYNC}: remove that to let it go"
        return Verdict(Step.REST, _not(reasons.PAUSED, said))
    if not work.is_hubs_will and not local.is_leaving:
        said = (
            f"{name} stays for an hour: not the hub has deleted this work, but somebody else, or "
            "its namespace or definition went. Does the hub run? It makes the work again if it "
            "wants it"
        )
        return Verdict(Step.REST, _not(work_reasons.DELETED_BY_ANOTHER, said))
    if work.is_orphaning:
        return Verdict(Step.RELEASE, _not(work_reasons.DELETED, f"{name} stays, as its own"))
    step = Step.REST if local.is_leaving else Step.REMOVE
    return Verdict(step, _not(work_reasons.DELETING, f"{name} is being deleted"))


Check = Callable[[Work, Local, str, Collection[str]], Finding | None]


def _is_of_nobody(work: Work, local: Local, mailbox: str, _: Collection[str]) -> Finding | None:
    if local.hub_id or local.accepts == work.hub_id:
        return None
    return _not(
        reasons.NOT_OWNED,
        f"InferenceService {work.namespace}/{work.target} exists and did not come from a hub: "
        f"delete it, or let this hub take it over with the annotation "
        f"{origin.ACCEPT_HUB}={work.hub_id}",
    )


def _is_of_another_hub(
    work: Work, local: Local, mailbox: str, _: Collection[str]
) -> Finding | None:
    if local.hub_id in ("", work.hub_id) or local.accepts == work.hub_id:
        return None
    return _not(
        work_reasons.HUB_CHANGED,
        f"InferenceService {work.namespace}/{work.target} came from the hub {local.hub_id}, and "
        f"stays as that left it; to let this one take it over, set its annotation "
        f"{origin.ACCEPT_HUB}={work.hub_id}",
    )


def _is_of_another_work(
    work: Work, local: Local, mailbox: str, others: Collection[str]
) -> Finding | None:
    if local.hub_id != work.hub_id:
        return None
    if local.mailbox == mailbox and local.work not in others:
        return None
    if local.accepts == work.hub_id and local.mailbox != mailbox:
        return None
    return _not(
        reasons.NOT_OWNED,
        f"InferenceService {work.namespace}/{work.target} came from InferenceWork {local.work} in "
        f"{local.mailbox or 'no mailbox'}: two works cannot have one target",
    )


def _is_leaving(work: Work, local: Local, mailbox: str, _: Collection[str]) -> Finding | None:
    if not local.is_leaving:
        return None
    return _not(
        work_reasons.DELETING,
        f"InferenceService {work.namespace}/{work.target} is being deleted; it is made again when "
        "it is gone",
    )


def _is_newer(work: Work, local: Local, mailbox: str, _: Collection[str]) -> Finding | None:
    # Another service of the hub under the same name counts its revisions anew.
    if local.origin_uid != work.origin_uid or local.hub_id != work.hub_id:
        return None
    if local.revision is None or local.revision <= work.revision:
        return None
    return _not(
        work_reasons.STALE_REVISION,
        f"revision {local.revision} is in force here, and the hub has {work.revision}: was it "
        "restored from a backup? It goes on above this one once it has read this",
    )


_CHECKS: tuple[Check, ...] = (
    _is_of_nobody,
    _is_of_another_hub,
    _is_of_another_work,
    _is_leaving,
    _is_newer,
)


def _in_force(work: Work) -> Finding:
    return finding(
        reasons.APPLIED,
        ConditionStatus.TRUE,
        work_reasons.IN_FORCE,
        f"revision {work.revision}",
    )


def _paused(work: Work, local: Local) -> Finding:
    """What the hub asks for is in force, or is not, and stays so."""
    said = f"the annotation {origin.PAUSE_SYNC} keeps InferenceService {local.name} as it is"
    is_current = local.revision == work.revision
    status = ConditionStatus.TRUE if is_current else ConditionStatus.FALSE
    return finding(reasons.APPLIED, status, reasons.PAUSED, said)


def _not(reason: str, message: str) -> Finding:
    return finding(reasons.APPLIED, ConditionStatus.FALSE, reason, message)
