"""What a caller gets."""

from __future__ import annotations

from dataclasses import dataclass

from triton_operator.api.enums import Tier
from triton_operator.client.outcome import Attempt, Tensors


@dataclass(frozen=True)
class Answer:
    """Tensors by name, and who served them. The last of `attempts` is the one that did."""

    outputs: Tensors
    cluster: str
    tier: Tier | None
    local: bool
    attempts: tuple[Attempt, ...]

    @property
    def fell_back(self) -> bool:
        """Whether somebody else was asked before."""
        return len(self.attempts) > 1
