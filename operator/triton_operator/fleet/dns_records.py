"""The clusters of a service as records of one DNS name, in the words of external-dns' DNSEndpoint.

What every provider can are addresses side by side, or one alias: a name is either an alias or has
addresses, and an alias has one target (RFC 1034, 3.6.2). Weights are a property that each provider
calls by a name of its own, so the user says that name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from triton_operator.api.placement_dns import HOSTNAME_PATTERN, MOST_HOSTNAME, PlacementDns
from triton_operator.api.routing import RoutedEndpoint

Manifest = dict[str, Any]
PORTS = {"http": 80, "https": 443}
SAME_WEIGHT = 10
"""Weights in percent that are all within so much of what is published stay: what is ready changes
all the time, and resolvers keep an answer anyway."""


@dataclass(frozen=True)
class DnsRecords:
    """`endpoints`: as of `spec.endpoints`; empty: there is nothing that could be published.
    `left_out`: clusters with a share that no record leads to, and why."""

    endpoints: tuple[Manifest, ...]
    left_out: Mapping[str, str]


@dataclass(frozen=True)
class _Target:
    row: RoutedEndpoint
    type: str
    value: str
    way: tuple[str, int]


def is_in_domain(hostname: str, domains: Sequence[str]) -> bool:
    """Whether a name is one of the domains, or below one."""
    return any(hostname == one or hostname.endswith(f".{one}") for one in domains)


def dns_records(
    rows: Sequence[RoutedEndpoint], wish: PlacementDns, before: Sequence[Mapping[str, Any]]
) -> DnsRecords:
    """Records of those clusters that have a share. `rows`: the hub's list of endpoints, in the
    order of filling; `before`: what is published.

    Without weights, clusters with addresses are asked alike, and of those with host names one gets
    all: the one that is published as long as it has a share, else the one with the largest.
    """
    left_out: dict[str, str] = {}
    targets: list[_Target] = []
    for row in rows:
        if row.weight_percent == 0:
            continue
        found = _target(row, wish.hostname)
        if isinstance(found, str):
            left_out[row.cluster] = found
        elif targets and found.way != targets[0].way:
            left_out[row.cluster] = (
                f"answers at {_words(found.way)}, and {targets[0].row.cluster} at "
                f"{_words(targets[0].way)}: a name says nothing of ports"
            )
        else:
            targets.append(found)
    if any(one.type != "CNAME" for one in targets):
        for one in targets:
            if one.type == "CNAME":
                left_out[one.row.cluster] = (
                    "has a host name, and others have addresses: a DNS name has either"
                )
        targets = [one for one in targets if one.type != "CNAME"]
    if wish.weight_property is not None:
        return DnsRecords(tuple(_weighted(targets, wish, wish.weight_property, before)), left_out)
    if targets and targets[0].type == "CNAME":
        chosen = _alias(targets, before)
        for one in targets:
            if one.value != chosen.value:
                left_out[one.row.cluster] = (
                    f"has a host name, as {chosen.row.cluster} has, and an alias leads to one: "
                    "set spec.placement.dns.weightProperty"
                )
        targets = [chosen]
    return DnsRecords(tuple(_plain(targets, wish)), left_out)


def _target(row: RoutedEndpoint, hostname: str) -> _Target | str:
    """Where a cluster's record leads, or why there can be none."""
    try:
        parts = urlsplit(row.url or "")
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    except (ValueError, KeyError):
        return "its spec.dataPlane.url cannot be read"
    if parts.path not in ("", "/"):
        return "its spec.dataPlane.url has a path, which a DNS name does not lead to"
    way = parts.scheme, port
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if not re.fullmatch(HOSTNAME_PATTERN, host) or len(host) > MOST_HOSTNAME:
            return "the host of its spec.dataPlane.url is no full DNS name, and no address"
        if host == hostname:
            return "its spec.dataPlane.url has this name itself"
        return _Target(row, "CNAME", host, way)
    if "%" in host:
        return "the address in its spec.dataPlane.url is of one link only"
    return _Target(row, "A" if address.version == 4 else "AAAA", str(address), way)


def _words(way: tuple[str, int]) -> str:
    return f"{way[0]}, port {way[1]}"


def _plain(targets: Sequence[_Target], wish: PlacementDns) -> list[Manifest]:
    kinds = sorted({one.type for one in targets})
    return [
        _record(wish, kind, sorted({one.value for one in targets if one.type == kind}))
        for kind in kinds
    ]


def _alias(targets: Sequence[_Target], before: Sequence[Mapping[str, Any]]) -> _Target:
    published = {value for one in before for value in one.get("targets") or ()}
    return next(
        (one for one in targets if one.value in published),
        max(targets, key=lambda one: one.row.weight_percent),
    )


def _weighted(
    targets: Sequence[_Target],
    wish: PlacementDns,
    name: str,
    before: Sequence[Mapping[str, Any]],
) -> list[Manifest]:
    wanted = [
        {
            **_record(wish, one.type, [one.value]),
            "setIdentifier": one.row.cluster,
            "providerSpecific": [{"name": name, "value": str(one.row.weight_percent)}],
        }
        for one in targets
    ]
    published = [dict(one) for one in before]
    if [_unweighted(one) for one in wanted] == [_unweighted(one) for one in published] and all(
        abs(_weight(one) - _weight(other)) <= SAME_WEIGHT
        for one, other in zip(wanted, published, strict=True)
    ):
        return published
    return wanted


def _unweighted(record: Mapping[str, Any]) -> Manifest:
    names = [one.get("name") for one in record.get("providerSpecific") or ()]
    return {**record, "providerSpecific": names}


def _weight(record: Mapping[str, Any]) -> float:
    """Far from every weight where somebody else has written it."""
    value = str(record["providerSpecific"][0].get("value", ""))
    return int(value) if value.isascii() and value.isdigit() else float("inf")


def _record(wish: PlacementDns, kind: str, targets: list[str]) -> Manifest:
    return {
        "dnsName": wish.hostname,
        "recordType": kind,
        "recordTTL": wish.ttl_seconds,
        "targets": targets,
    }
