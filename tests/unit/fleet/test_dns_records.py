"""Records of a name: what every provider can without weights, one per cluster with them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triton_operator.api.enums import Protocol
from triton_operator.api.placement_dns import PlacementDns
from triton_operator.api.routing import RoutedEndpoint
from triton_operator.fleet.dns_records import SAME_WEIGHT, dns_records, is_in_domain

NAME = "vision.models.example"
PLAIN = PlacementDns(hostname=NAME, ttl_seconds=30)
WEIGHTED = PLAIN.model_copy(update={"weight_property": "aws/weight"})


def row(cluster: str, url: str | None, share: int = 50) -> RoutedEndpoint:
    return RoutedEndpoint(cluster=cluster, protocol=Protocol.HTTP, url=url, weight_percent=share)


def record(kind: str, *targets: str) -> dict[str, Any]:
    return {"dnsName": NAME, "recordType": kind, "recordTTL": 30, "targets": list(targets)}


def test_addresses_stand_side_by_side_by_their_kind() -> None:
    made = dns_records(
        [
            row("a", "https://192.0.2.2"),
            row("b", "https://[2001:db8::1]"),
            row("c", "https://192.0.2.1:443/"),
            row("silent", "https://192.0.2.9", 0),
        ],
        PLAIN,
        (),
    )

    assert list(made.endpoints) == [
        record("A", "192.0.2.1", "192.0.2.2"),
        record("AAAA", "2001:db8::1"),
    ]
    assert made.left_out == {}


def test_an_alias_leads_to_one_and_stays_while_that_has_a_share() -> None:
    rows = [row("a", "https://a.example", 30), row("b", "https://b.example", 70)]
    first = dns_records(rows, PLAIN, ())
    assert list(first.endpoints) == [record("CNAME", "b.example")]
    assert "weightProperty" in first.left_out["a"]

    more = [row("a", "https://a.example", 90), row("b", "https://b.example", 10)]
    assert dns_records(more, PLAIN, first.endpoints).endpoints == first.endpoints

    gone = [row("a", "https://a.example", 100), row("b", "https://b.example", 0)]
    moved = dns_records(gone, PLAIN, first.endpoints)
    assert list(moved.endpoints) == [record("CNAME", "a.example")]
    assert moved.left_out == {}


def test_weights_are_a_record_for_each_cluster() -> None:
    made = dns_records(
        [row("a", "https://a.example", 30), row("b", "https://b.example", 70)], WEIGHTED, ()
    )

    assert list(made.endpoints) == [
        {
            **record("CNAME", f"{cluster}.example"),
            "setIdentifier": cluster,
            "providerSpecific": [{"name": "aws/weight", "value": share}],
        }
        for cluster, share in (("a", "30"), ("b", "70"))
    ]
    assert made.left_out == {}


def test_small_moves_of_weights_are_not_published() -> None:
    def shares(share: int, *before: Any) -> Any:
        rows = [row("a", "https://192.0.2.1", share), row("b", "https://192.0.2.2", 100 - share)]
        return dns_records(rows, WEIGHTED, before).endpoints

    first = shares(50)
    assert shares(50 + SAME_WEIGHT, *first) == first
    assert shares(50 + SAME_WEIGHT + 1, *first) != first
    only = dns_records([row("a", "https://192.0.2.1", 52)], WEIGHTED, first)
    assert [one["setIdentifier"] for one in only.endpoints] == ["a"], "one that goes, goes at once"
    other = WEIGHTED.model_copy(update={"weight_property": "other/weight"})
    rows = [row("a", "https://192.0.2.1"), row("b", "https://192.0.2.2")]
    assert dns_records(rows, other, first).endpoints != first


@pytest.mark.parametrize(
    "odd",
    [
        {"providerSpecific": [{"name": "aws/weight", "value": "many"}]},
        {"providerSpecific": [{"name": "aws/weight"}]},
        {"providerSpecific": []},
        {"recordTTL": 1},
        {"labels": {"a": "b"}},
    ],
)
def test_what_somebody_else_has_written_there_is_replaced(odd: dict[str, Any]) -> None:
    rows = [row("a", "https://192.0.2.1")]
    first = dns_records(rows, WEIGHTED, ())
    (only,) = first.endpoints

    assert dns_records(rows, WEIGHTED, [{**only, **odd}]).endpoints == first.endpoints


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://192.0.2.2:8443", "port 8443"),
        ("http://192.0.2.2", "http, port 80"),
        ("https://192.0.2.2/triton", "has a path"),
        ("https://b.example", "either"),
        ("https://gateway", "no full DNS name"),
        ("https://under_score.example", "no full DNS name"),
        (f"https://{NAME}", "this name itself"),
        ("https://[::", "cannot be read"),
        ("https://192.0.2.2:many", "cannot be read"),
        ("https://[fe80::1%25eth0]", "one link only"),
        (None, "cannot be read"),
    ],
)
def test_whoever_cannot_be_reached_by_the_name_is_left_out_with_a_reason(
    url: str | None, why: str
) -> None:
    made = dns_records([row("a", "https://192.0.2.1"), row("b", url)], PLAIN, ())

    assert list(made.endpoints) == [record("A", "192.0.2.1")]
    assert why in made.left_out["b"]


def test_without_anybody_there_is_no_record() -> None:
    assert dns_records([row("a", "https://192.0.2.1", 0)], PLAIN, ()).endpoints == ()
    assert dns_records([], WEIGHTED, ()).endpoints == ()


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("a.models.example", True),
        ("models.example", True),
        ("a.b.models.example", True),
        ("notmodels.example", False),
        ("models.example.org", False),
        ("example", False),
    ],
)
def test_a_domain_is_itself_and_what_is_below(name: str, inside: bool) -> None:
    assert is_in_domain(name, ["other.example", "models.example"]) is inside
    assert not is_in_domain(name, [])


HOSTS = st.sampled_from(
    ["192.0.2.1", "192.0.2.2", "[2001:db8::1]", "a.example", "b.example", "x", NAME]
)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["http", "https"]),
        HOSTS,
        st.sampled_from(["", ":8443", "/a"]),
        st.integers(0, 100),
    ),
    max_size=8,
).map(
    lambda drawn: [
        row(f"c{place}", f"{scheme}://{host}{rest}", share)
        for place, (scheme, host, rest, share) in enumerate(drawn)
    ]
)


@given(ROWS, st.sampled_from([PLAIN, WEIGHTED]))
def test_records_can_be_published_and_nobody_is_lost_silently(
    rows: list[RoutedEndpoint], wish: PlacementDns
) -> None:
    made = dns_records(rows, wish, ())

    kinds = [one["recordType"] for one in made.endpoints]
    assert "CNAME" not in kinds or set(kinds) == {"CNAME"}, "RFC 1034, 3.6.2"
    if wish is PLAIN:
        assert len(kinds) == len(set(kinds))
        assert kinds != ["CNAME"] or len(made.endpoints[0]["targets"]) == 1
    reached = {target for one in made.endpoints for target in one["targets"]}
    for one in rows:
        if one.weight_percent > 0 and one.cluster not in made.left_out:
            assert any(target in (one.url or "") for target in reached)
        if one.weight_percent == 0:
            assert one.cluster not in made.left_out
    assert dns_records(rows, wish, made.endpoints) == made, "nothing changes, nothing is written"
