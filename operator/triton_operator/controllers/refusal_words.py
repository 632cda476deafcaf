"""Why the API server refuses an object of ours or a pod, and whose the remedy is."""

import re

from triton_operator.api import reasons

_QUOTA = re.compile(
    r"exceeded quota|failed quota|must specify|status unknown for quota"
    r"|(maximum|minimum) \S+ usage per"
)
_POLICY = re.compile(
    r"ValidatingAdmissionPolicy|admission webhook|violates PodSecurity|MutatingAdmissionPolicy"
    r"|denied (the )?request"
)
_RIGHTS = re.compile(r'User "[^"]*" cannot ')


def refusal(message: str, otherwise: str) -> tuple[str, str]:
    """The reason, and the message with what to do; `otherwise` where it is nothing known."""
    said = message.strip().rstrip(".")
    if _QUOTA.search(message):
        return reasons.QUOTA_EXCEEDED, (
            f"{said}; raise the ResourceQuota or LimitRange of the namespace, or lower "
            "spec.hardware.resources or spec.scaling"
        )
    if _POLICY.search(message):
        return reasons.POLICY_REFUSED, (
            f"{said}; that policy is not the operator's: change what it asks for in the spec, or "
            "have its owner exempt this namespace"
        )
    if _RIGHTS.search(message):
        return otherwise, f"{said}; compare the operator's roles with those of the chart"
    return otherwise, said
