"""What kube-apiserver says of the requests that it answered."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

READS = frozenset({"GET", "LIST", "WATCH", "WATCHLIST", "CONNECT", "HEAD"})
SELF_TRAFFIC = frozenset({"leases", "endpoints", "endpointslices"})
"""What the API server writes for itself every few seconds, on an empty cluster too; the operator
has no rights to any of it."""

Request = tuple[str, str]
"""A verb as the API server has it (`APPLY`: server-side apply), and `resource/subresource`."""


@dataclass(frozen=True)
class RequestCounts:
    """Requests since the API server's start, and the seconds that it took to answer them."""

    requests: Mapping[Request, int]
    seconds: Mapping[Request, float]

    @property
    def writes(self) -> int:
        """Requests that write, without the API server's own."""
        return sum(
            count
            for (verb, resource), count in self.requests.items()
            if verb not in READS and resource.partition("/")[0] not in SELF_TRAFFIC
        )

    def since(self, earlier: "RequestCounts") -> "RequestCounts":
        """What came after `earlier`."""
        return RequestCounts(
            {
                request: count - earlier.requests.get(request, 0)
                for request, count in self.requests.items()
                if count > earlier.requests.get(request, 0)
            },
            {
                request: seconds - earlier.seconds.get(request, 0.0)
                for request, seconds in self.seconds.items()
            },
        )


def request_counts(exposition: str) -> RequestCounts:
    """Counts from the text of kube-apiserver's /metrics; what is not about a resource is left out.

    Long-running requests have no duration.
    """
    wanted = ("apiserver_request_total{", "apiserver_request_duration_seconds_sum{")
    # The whole text is megabytes of histogram buckets, and parsing it would be the benchmark's own
    # largest cost.
    lines = (line for line in exposition.splitlines() if line.startswith(wanted))
    requests: Counter[Request] = Counter()
    seconds: defaultdict[Request, float] = defaultdict(float)
    for family in text_string_to_metric_families("\n".join(lines) + "\n"):
        for sample in family.samples:
            resource, subresource = sample.labels["resource"], sample.labels["subresource"]
            if not resource:
                continue
            path = f"{resource}/{subresource}" if subresource else resource
            request = (sample.labels["verb"], path)
            if sample.name == "apiserver_request_total":
                requests[request] += int(sample.value)
            else:
                seconds[request] += sample.value
    return RequestCounts(dict(requests), dict(seconds))
