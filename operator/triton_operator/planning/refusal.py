"""A plan that cannot be made: a value with a reason, not an exception."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """Why there is no plan; `message` names the field and says what to do."""

    reason: str
    message: str
