"""A constant fleet: what one pays who knows the peak and never scales."""

from __future__ import annotations

from dataclasses import dataclass

from bench.autoscaling.view import View


@dataclass
class Static:
    """Always `replicas`; ready from the first second where the setup's `least` says so, too."""

    replicas: int
    period: float = 60.0

    def target(self, view: View) -> int:
        """What it always was."""
        return self.replicas
