"""NamePublished: whether a DNS name leads to a service, as `spec.placement.dns` asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from triton_operator.api import reasons as conditions
from triton_operator.api.conditions import ConditionStatus, Finding, finding
from triton_operator.api.placement import Placement
from triton_operator.api.placement_dns import PlacementDns
from triton_operator.fleet import status_reasons as reasons
from triton_operator.fleet.dns_records import DnsRecords, is_in_domain

Body = Mapping[str, Any]
MOST_NAMED = 5


def dns_refusal(
    service: Body, placement: Placement, domains: Sequence[str], others: Sequence[Body]
) -> Finding | None:
    """Why no record may be published, whatever clusters there are; None: one may.

    `domains`: those that the hub's administrator allows. `others`: all services of the fleet.
    """
    wish = placement.dns
    assert wish is not None
    if not is_in_domain(wish.hostname, domains):
        allowed = ", ".join(domains) or "none"
        return _false(
            reasons.DOMAIN_NOT_ALLOWED,
            f"{wish.hostname} is in no domain in which services may have names ({allowed}): the "
            "hub's administrator adds domains by hub.dnsDomains of the chart. What was published "
            "before stays",
        )
    if float(placement.residency.default_local_only_share) >= 1:
        return _false(
            reasons.STAYS_LOCAL,
            "spec.placement.residency.defaultLocalOnlyShare is 1: no request may leave its "
            "cluster, and a name for several would lead some elsewhere",
        )
    holder = min(_of_name(wish.hostname, [service, *others]), key=_age)
    if _uid(holder) != _uid(service):
        metadata = holder["metadata"]
        return _false(
            reasons.NAME_TAKEN,
            f"{wish.hostname} is the name of InferenceService {metadata['namespace']}/"
            f"{metadata['name']}, which is older: take another one",
        )
    return None


def not_installed() -> Finding:
    """The hub's cluster has no external-dns that reads objects."""
    return _false(
        reasons.KIND_NOT_INSTALLED,
        "this cluster does not know DNSEndpoint (externaldns.k8s.io/v1alpha1): install "
        "external-dns with its source crd. Once it is known, the record is made",
    )


def not_published(why: str) -> Finding:
    """The object is not as it should be."""
    return _false(reasons.NOT_PUBLISHED, why)


def name_published(wish: PlacementDns, records: DnsRecords) -> Finding:
    """The object is written, if there is anything to write."""
    named = [f"{name}: {why}" for name, why in sorted(records.left_out.items())]
    more = len(named) - MOST_NAMED
    words = "; ".join(named[:MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")
    if not records.endpoints:
        return _false(
            reasons.NOTHING_TO_PUBLISH,
            f"no cluster with a share can be reached by {wish.hostname} now, so what is published "
            f"stays: {words or 'none has an address, answers the hub and serves'}",
        )
    if named:
        return _false(
            reasons.PUBLISHED_IN_PART, f"{wish.hostname} does not lead to some clusters: {words}"
        )
    return finding(
        conditions.NAME_PUBLISHED,
        ConditionStatus.TRUE,
        reasons.PUBLISHED,
        f"a DNSEndpoint asks external-dns for {wish.hostname}; whether it is made is in its log",
    )


def _of_name(hostname: str, services: Sequence[Body]) -> list[Body]:
    return [
        one
        for one in services
        if ((one["spec"].get("placement") or {}).get("dns") or {}).get("hostname") == hostname
    ]


def _age(service: Body) -> tuple[str, str]:
    return service["metadata"].get("creationTimestamp") or "", _uid(service)


def _uid(service: Body) -> str:
    return str(service["metadata"]["uid"])


def _false(reason: str, message: str) -> Finding:
    return finding(conditions.NAME_PUBLISHED, ConditionStatus.FALSE, reason, message)
