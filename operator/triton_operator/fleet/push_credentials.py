"""Whether the kubeconfig by which a hub reaches a cluster is of use, as a condition of that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from triton_operator.api.conditions import ConditionStatus, Finding, finding
from triton_operator.fleet import status_reasons as reasons
from triton_operator.fleet.agent_token import Life

ANOTHER = (
    "`triton-operator cluster join NAME --push --member-kubeconfig FILE` writes another one, and "
    "changes nothing else"
)


@dataclass(frozen=True)
class PushCredentials:
    """What the hub knows of a Secret with a kubeconfig.

    `problem`: why it is not used; empty: it is. `is_read`: whether anybody has looked. `refusal`:
    why the cluster does not know the account; empty: it has not said so. `life` of the token; None:
    it does not say, or there is a certificate. `not_renewed`: why the last try to have another one
    was in vain, and what to do; empty: there was none.
    """

    secret: str
    is_read: bool = False
    problem: str = ""
    refusal: str = ""
    life: Life | None = None
    not_renewed: str = ""

    def finding(self, now: float) -> Finding:
        """`CredentialsValid` of its InferenceCluster; `now` in seconds since the epoch."""
        where = f"Secret {self.secret}"
        if self.problem:
            return _invalid(reasons.KUBECONFIG_UNUSABLE, f"{where}: {self.problem}")
        if not self.is_read:
            return finding(
                reasons.CREDENTIALS_VALID,
                ConditionStatus.UNKNOWN,
                reasons.KUBECONFIG_NOT_READ,
                f"{where} was not looked at yet",
            )
        if self.life is not None and now >= self.life.expires_at:
            return _invalid(
                reasons.TOKEN_IS_OVER,
                f"{where}: its token has ended at {_end(self.life)}: {ANOTHER}",
            )
        if self.refusal:
            return _invalid(
                reasons.MEMBER_REFUSES,
                f"{where}: the cluster does not know its account any more ({self.refusal}): "
                f"{ANOTHER}",
            )
        if self.life is not None and now >= self.life.near_end_at:
            why = self.not_renewed or f"nobody has tried to renew it: {ANOTHER}"
            return _invalid(
                reasons.TOKEN_NEAR_ITS_END,
                f"{where}: its token ends at {_end(self.life)}; {why}",
            )
        until = f" until {_end(self.life)}" if self.life else ", and tells no end"
        return finding(
            reasons.CREDENTIALS_VALID,
            ConditionStatus.TRUE,
            reasons.KUBECONFIG_HOLDS,
            f"{where}: its kubeconfig holds{until}",
        )


def _invalid(reason: str, message: str) -> Finding:
    return finding(reasons.CREDENTIALS_VALID, ConditionStatus.FALSE, reason, message)


def _end(life: Life) -> str:
    return datetime.fromtimestamp(life.expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
