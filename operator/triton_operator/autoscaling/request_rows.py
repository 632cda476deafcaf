"""How many rows of a batch a request brings, as the last minutes' requests did."""

from __future__ import annotations

from dataclasses import dataclass

from triton_operator.autoscaling.look import Look

WINDOW_SECONDS = 300.0


@dataclass(frozen=True)
class RequestRows:
    """Looks that counted rows: (time, requests, their rows). `per_request` stays without any.

    A ratio of sums: a second in which three large requests came says little of the next one.
    """

    looks: tuple[tuple[float, float, float], ...] = ()
    per_request: float = 1.0


def with_rows(rows: RequestRows, now: float, seen: Look) -> RequestRows:
    """The window after one more look, which ended `now`."""
    kept = tuple(one for one in rows.looks if one[0] > now - WINDOW_SECONDS)
    if seen.traffic is not None and seen.rows_per_request:
        requests = sum(seen.answered_rates.values()) * seen.traffic.interval_seconds
        kept = (*kept, (now, requests, requests * seen.rows_per_request))
    requests = sum(one[1] for one in kept)
    if requests <= 0:
        return RequestRows(kept, rows.per_request)
    return RequestRows(kept, sum(one[2] for one in kept) / requests)
