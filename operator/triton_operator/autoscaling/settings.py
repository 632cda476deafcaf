"""What a service asks of its autoscaler: an objective and bounds, and nothing to tune."""

from dataclasses import dataclass

from triton_operator.api.enums import Preference
from triton_operator.autoscaling.lead_memory import PRIOR_SECONDS

BUDGET_SHARE = {
    Preference.COST: 0.18,
    Preference.THROUGHPUT: 0.18,
    Preference.ENERGY: 0.18,
    Preference.LATENCY: 0.6,
}
"""How much dearer a service may get, as a part of its cost, to spare a whole budget of misses."""
TICK_SECONDS = 1.0


@dataclass(frozen=True)
class ScalingSettings:
    """`objective_seconds` holds for `percentile` (0.99) of the requests while a replica is within
    its safe rate; `attainment` (0.99) is the part of all requests that should keep it.

    Replicas stay within `least` and `most`. `prior_lead_seconds` is what a cold start takes until
    one was seen.
    """

    objective_seconds: float
    percentile: float = 0.99
    attainment: float = 0.99
    least: int = 1
    most: int = 10
    prefer: Preference = Preference.COST
    prior_lead_seconds: float = PRIOR_SECONDS

    @property
    def price_of_a_miss(self) -> float:
        """What sparing one miss may cost, in requests' worth of replicas.

        Spending it on every request of a budget (1 - attainment) makes the service dearer by the
        share in `BUDGET_SHARE`.
        """
        return BUDGET_SHARE[self.prefer] / max(1e-4, 1.0 - self.attainment)
