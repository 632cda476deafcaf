"""DNSEndpoints: made where somebody asks and the administrator allows, taken back, never stolen."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.hub.beside import SERVICE, Place
from triton_operator.api.conditions import Finding
from triton_operator.api.enums import Protocol
from triton_operator.api.placement import Placement
from triton_operator.api.routing import RoutedEndpoint
from triton_operator.controllers.errors import ApiRefused
from triton_operator.controllers.keys import Key
from triton_operator.hub.dns_names import DnsNames
from triton_operator.hub.kinds import DNS_ENDPOINT

NAME = "vision.models.example"
ROW = RoutedEndpoint(
    cluster="a", protocol=Protocol.HTTP, url="https://192.0.2.1", weight_percent=100
)
SILENT = ROW.model_copy(update={"weight_percent": 0})
TOLD = {"conditions": [{"type": "NamePublished"}]}


class World(Place):
    """One service that wants a name, others beside it, and what publishes."""

    def __init__(self, *kinds: Any, domains: tuple[str, ...] = ("models.example",)) -> None:
        super().__init__(*kinds)
        self.services: dict[tuple[str, str], Any] = {}
        known: Any = SimpleNamespace(
            fleet_services=lambda: [Key("InferenceService", *place) for place in self.services],
            services=SimpleNamespace(get=lambda *place: self.services.get(place)),
        )
        self._names = DnsNames(self.objects, self.kinds, known, domains)

    def add(self, name: str, hostname: str, created: str) -> None:
        self.services["shop", name] = {
            "metadata": {
                "namespace": "shop",
                "name": name,
                "uid": name,
                "creationTimestamp": created,
            },
            "spec": {"placement": {"dns": {"hostname": hostname}}},
        }

    def write(
        self,
        *rows: RoutedEndpoint,
        hostname: str | None = NAME,
        status: Any = None,
        **placement: Any,
    ) -> Finding | None:
        spec = {**placement, **({"dns": {"hostname": hostname}} if hostname else {})}
        body = {**SERVICE, "spec": {"placement": spec}, "status": status or {}}
        return asyncio.run(self._names.write(body, Placement.model_validate(spec), rows))

    def reason(self, *rows: RoutedEndpoint, **changes: Any) -> str:
        found = self.write(*rows, **changes)
        assert found is not None
        assert found.type == "NamePublished"
        assert (found.status == "True") is (found.reason == "Published")
        return found.reason

    @property
    def targets(self) -> list[str]:
        """Of the object that is there."""
        live = self.server.live["DNSEndpoint", "vision"]
        return [target for one in live["spec"]["endpoints"] for target in one["targets"]]


def test_a_name_is_published_as_an_object_of_the_service() -> None:
    world = World(DNS_ENDPOINT)

    assert world.reason(ROW) == "Published"
    made = world.server.live["DNSEndpoint", "vision"]
    assert made["apiVersion"] == "externaldns.k8s.io/v1alpha1"
    assert made["metadata"]["ownerReferences"][0]["uid"] == "u"
    assert made["spec"]["endpoints"] == [
        {"dnsName": NAME, "recordType": "A", "recordTTL": 60, "targets": ["192.0.2.1"]}
    ]
    world.reason(ROW)
    assert world.server.writes == 1


def test_nobody_who_does_not_ask_gets_one() -> None:
    world = World(DNS_ENDPOINT)

    assert world.write(ROW, hostname=None) is None
    assert (world.server.writes, world.server.asked) == (0, 0)


def test_without_external_dns_a_condition_says_so_until_it_comes() -> None:
    world = World()
    assert world.reason(ROW) == "KindNotInstalled"

    world.server.kinds.add(DNS_ENDPOINT)
    world.now += 60
    assert world.reason(ROW) == "Published"


@pytest.mark.parametrize("domains", [(), ("other.example",), ("sub.vision.models.example",)])
def test_only_domains_of_the_administrator_count(domains: tuple[str, ...]) -> None:
    world = World(DNS_ENDPOINT, domains=domains)

    assert world.reason(ROW) == "DomainNotAllowed"
    assert world.server.asked == 0


def test_a_name_is_the_oldest_services_and_others_records_of_it_go() -> None:
    world = World(DNS_ENDPOINT)
    world.add("a-younger", NAME, "2026-11-20T10:00:01Z")
    world.add("other", "other.models.example", "2020-01-01T00:00:00Z")
    assert world.reason(ROW) == "Published"

    world.add("z-older", NAME, "2026-11-20T09:59:59Z")
    found = world.write(ROW)
    assert found is not None
    assert found.reason == "NameTaken"
    assert "shop/z-older" in found.message
    assert world.server.names(DNS_ENDPOINT) == []


def test_a_service_whose_data_stays_has_no_name() -> None:
    world = World(DNS_ENDPOINT)
    world.reason(ROW)

    assert world.reason(ROW, residency={"defaultLocalOnlyShare": "1"}) == "StaysLocal"
    assert world.server.names(DNS_ENDPOINT) == []


def test_what_is_published_stays_where_nobody_answers() -> None:
    """A name without a record is worse than an old one."""
    world = World(DNS_ENDPOINT)
    world.reason(ROW)

    assert world.reason(SILENT) == "NothingToPublish"
    assert world.targets == ["192.0.2.1"]


def test_whoever_is_left_out_is_named() -> None:
    world = World(DNS_ENDPOINT)
    other = ROW.model_copy(update={"cluster": "b", "url": "https://b.example"})
    found = world.write(ROW, other)

    assert found is not None
    assert (found.status, found.reason) == ("False", "PublishedInPart")
    assert "b: has a host name" in found.message
    assert world.targets == ["192.0.2.1"]


def test_a_record_goes_with_the_wish_for_it_also_after_a_restart() -> None:
    world = World(DNS_ENDPOINT)
    world.reason(ROW)
    world.objects.forget_all()

    assert world.write(ROW, hostname=None, status=TOLD) is None
    assert world.server.names(DNS_ENDPOINT) == []


def test_an_object_of_somebody_else_is_left_alone() -> None:
    world = World(DNS_ENDPOINT)
    world.strangers(DNS_ENDPOINT, "vision")

    assert world.reason(ROW) == "NotPublished"
    assert world.write(ROW, hostname=None, status=TOLD) is None
    assert world.server.names(DNS_ENDPOINT) == ["vision"]


def test_a_failure_is_said_and_tried_again() -> None:
    world = World(DNS_ENDPOINT)
    world.server.error = ApiRefused(403, "Forbidden", "no right")
    assert world.reason(ROW) == "NotPublished"
    found = world.write(ROW, hostname=None, status=TOLD)
    assert found is not None, "what was not withdrawn is still told of"
    assert found.reason == "NotPublished"

    world.server.error = None
    assert world.reason(ROW) == "Published"


def test_an_alias_stays_where_it_is_also_after_a_restart() -> None:
    world = World(DNS_ENDPOINT)
    rows = [
        ROW.model_copy(
            update={"cluster": name, "url": f"https://{name}.example", "weight_percent": share}
        )
        for name, share in (("a", 60), ("b", 40))
    ]
    world.reason(*rows)
    assert world.targets == ["a.example"]

    world.objects.forget_all()
    world.reason(*(one.model_copy(update={"weight_percent": 50}) for one in rows[::-1]))
    assert world.targets == ["a.example"]
