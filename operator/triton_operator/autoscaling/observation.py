"""What a decision is made from: sums over a service's replicas, as of one moment."""

from dataclasses import dataclass

from triton_operator.planning.service_curve import ServiceCurve


@dataclass(frozen=True)
class Served:
    """What one replica did in so many seconds, and how many waited in it before and after.

    `until` is when they ended, by the clock of the source; 0: not known, they are new.
    """

    seconds: float
    answered: float
    waited_before: float
    waiting: float
    until: float = 0.0


@dataclass(frozen=True)
class Traffic:
    """What requests did since the observation before this one.

    `arrivals` is answers, failures and the growth of the queues together: Triton has no counter of
    arrivals, and answers alone cannot show more than what the replicas can do. `answered` and
    `within_objective` are None where the release has no histogram of latencies. `replicas` has
    those that told what they did.
    """

    interval_seconds: float
    arrivals: float
    answered: float | None = None
    within_objective: float | None = None
    replicas: tuple[Served, ...] = ()


@dataclass(frozen=True)
class Observation:
    """One look at a service. Times are seconds, `now` since the epoch.

    `traffic` is None where the two looks that it takes were not to be had. `pending` are requests
    that wait in all replicas. `ready` get requests, `reporting` of them told their metrics;
    `starting_seconds` says of each replica that is ordered and not ready how long ago it was made;
    `unschedulable` of those wait for a place. `metrics_age_seconds` is infinite where nothing was
    ever seen. `curve` is the service curve as measured or believed, `lead_seconds` the time from
    an order to a ready replica that nine of ten starts keep; None: none was seen yet.
    `starts` are the last ones' seconds; of several that are ordered, some are faster than that.
    """

    now: float
    ready: int
    traffic: Traffic | None = None
    pending: float = 0.0
    reporting: int = 0
    starting_seconds: tuple[float, ...] = ()
    unschedulable: int = 0
    metrics_age_seconds: float = 0.0
    curve: ServiceCurve | None = None
    lead_seconds: float | None = None
    starts: tuple[float, ...] = ()

    @property
    def ordered(self) -> int:
        """Replicas that are there or on their way."""
        return self.ready + len(self.starting_seconds)
