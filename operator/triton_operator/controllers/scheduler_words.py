"""Why no node takes a pod, from the scheduler's message."""

import re

from triton_operator.api import reasons

_PREEMPTION = re.compile(r"(\.? no new claims to deallocate)?[,.]? preemption: .*$", re.DOTALL)
_CLAIM_ABSENT = re.compile(r'persistentvolumeclaim "([^"]+)" (not found|is being deleted)')


def unschedulable(message: str) -> tuple[str, str]:
    """The reason, and the message without what helps nobody, with what to do."""
    said = _PREEMPTION.sub("", message).strip()
    # What preemption found, without its heading: "… not found. not found".
    said = re.sub(r"\. not found$", "", said).rstrip(". ")
    if claim := _CLAIM_ABSENT.search(message):
        return reasons.CLAIM_NOT_FOUND, (
            f'PersistentVolumeClaim "{claim[1]}" {claim[2]}; create it in this namespace, or '
            "correct spec.model.uri"
        )
    if "unbound immediate PersistentVolumeClaims" in message:
        return reasons.CLAIM_NOT_BOUND, (
            "its PersistentVolumeClaim is not bound to a volume; `kubectl describe pvc` says why"
        )
    return reasons.UNSCHEDULABLE, (
        f"{said}; free or add nodes, lower spec.hardware.resources, or name another pool"
    )
