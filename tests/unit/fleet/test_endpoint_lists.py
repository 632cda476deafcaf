"""Lists of endpoints: who is in them, in which order, and that the client reads what is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.fleet.clusters import Hub, cloud, edge
from triton_operator.api.enums import ConnectionState, TaintEffect, Tier
from triton_operator.api.routing import (
    MOST_ENDPOINTS,
    LocalOnly,
    RoutedEndpoint,
    WorkRouting,
    endpoints_file,
)
from triton_operator.client.endpoints import Endpoint, endpoints_in
from triton_operator.client.order import in_order
from triton_operator.fleet.endpoint_lists import (
    MOST_LAST,
    MOST_RESERVES,
    Fleet,
    hub_list,
    member_list,
)
from triton_operator.fleet.facts import ClusterFacts
from triton_operator.fleet.published import published_memory
from triton_operator.manifests.endpoint_map import member_rows

HERE = "http://vision.shop.svc:8000"
PII = LocalOnly(header="x-data-class", values=["pii"])
NOTHING = WorkRouting()
Rows = list[tuple[str, int, int]]


def fleet(*facts: ClusterFacts, times: int = 2, **settings: Any) -> Fleet:
    """After some placements; everybody has an address and a part."""
    hub = Hub(**settings)
    for _ in range(times):
        placed = hub.place(*facts)
    return Fleet(
        placed=placed,
        facts={one.name: one for one in facts},
        urls={one.name: f"https://{one.name}.example" for one in facts},
        serving=set(placed.sites),
        settings=hub.settings,
    )


def rows(endpoints: list[RoutedEndpoint]) -> Rows:
    return [(one.cluster, one.priority, one.weight_percent) for one in endpoints]


def asked(endpoints: list[RoutedEndpoint], *, local_only: bool, chance: float = 0.0) -> list[str]:
    """Whom the client asks, in this order, given the file."""
    read = endpoints_in(endpoints_file(endpoints))
    found = in_order(read, lambda _: True, local_only=local_only, chance=chance)
    return [one.endpoint.cluster for one in found]


def test_requests_go_home_first_then_where_most_of_them_go() -> None:
    given = fleet(edge(need=6.0), cloud("a", ready=1, capacity=1), cloud("b"))
    weights = given.placed.sites["edge"].weights
    assert weights["b"] > weights["a"] > 0

    made = member_list(given, "edge", None, NOTHING).endpoints

    assert rows(made) == [
        ("edge", 0, weights["edge"]),
        ("b", 1, weights["b"]),
        ("a", 2, weights["a"]),
    ]
    assert [one.local for one in made] == [True, False, False]
    assert [one.tier for one in made] == [Tier.EDGE, Tier.CLOUD, Tier.CLOUD]


def test_the_share_of_who_has_no_address_stays() -> None:
    given = fleet(edge(need=6.0), cloud())
    assert given.placed.sites["edge"].weights["cloud"] > 0

    made = member_list(replace(given, urls={}), "edge", None, NOTHING).endpoints

    assert rows(made) == [("edge", 0, 100)], "its own address is the cluster's own business"
    assert made[0].url is None


def test_addresses_for_grpc_are_told_beside_those_for_http() -> None:
    given = replace(
        fleet(edge(need=6.0), cloud()), grpc_urls={"edge": "http://e:8001", "cloud": "https://g"}
    )

    made = member_list(given, "edge", None, NOTHING).endpoints

    assert [one.grpc_url for one in made] == [None, "https://g"], "routes know their own cluster"
    assert [one.grpc_url for one in hub_list(given, ())] == ["http://e:8001", "https://g"]


def test_nobody_is_sent_where_the_model_has_another_name() -> None:
    given = replace(fleet(edge(need=6.0), cloud(), edge("other")), suffixes={"cloud": "-local"})
    weights = given.placed.sites["edge"].weights
    assert weights["cloud"] > 0

    assert rows(member_list(given, "edge", None, NOTHING).endpoints) == [
        ("edge", 0, weights["edge"] + weights["cloud"]),
        ("other", 1, weights["other"]),
    ]
    assert [one.cluster for one in hub_list(given, ())] == ["edge", "other"]
    assert [one.cluster for one in member_list(given, "cloud", None, NOTHING).endpoints] == [
        "cloud"
    ]


def test_who_keeps_all_of_its_requests_has_reserves_in_no_earlier_tier() -> None:
    given = fleet(edge(), cloud(), cloud("far", rtt_seconds=5.0), edge("other"), budget_seconds=1.0)

    assert rows(member_list(given, "edge", None, NOTHING).endpoints) == [
        ("edge", 0, 100),
        ("other", 1, 0),
        ("cloud", 2, 0),
    ], "far is too far away to answer in time"
    assert rows(member_list(given, "cloud", None, NOTHING).endpoints) == [("cloud", 0, 100)]


@pytest.mark.parametrize(
    ("changes", "serving"),
    [
        pytest.param({}, {"edge"}, id="it has no part"),
        pytest.param({"taints": (TaintEffect.NO_SELECT,)}, {"edge", "cloud"}, id="it is drained"),
    ],
)
def test_no_reserve_is(changes: dict[str, Any], serving: set[str]) -> None:
    given = replace(fleet(edge(), cloud(**changes)), serving=serving)

    assert rows(member_list(given, "edge", None, NOTHING).endpoints) == [("edge", 0, 100)]


def test_there_are_a_few_reserves_of_many() -> None:
    given = fleet(edge(), *(cloud(f"cloud-{one}") for one in range(9)))

    made = member_list(given, "edge", None, NOTHING).endpoints

    assert rows(made)[1:] == [(f"cloud-{one}", one + 1, 0) for one in range(MOST_RESERVES)]


class Counted(dict[str, ClusterFacts]):
    """Facts that count how often somebody looks."""

    looks = 0

    def __getitem__(self, name: str) -> ClusterFacts:
        self.looks += 1
        return super().__getitem__(name)


def test_nobody_looks_beyond_the_reserves() -> None:
    """Each of hundreds of clusters has its list, and all of them are made in every decision."""
    looks = []
    for many in (10, 100):
        given = fleet(*(edge(f"edge-{number:03}") for number in range(many)))
        facts = Counted(given.facts)
        member_list(replace(given, facts=facts), "edge-000", None, NOTHING)
        looks.append(facts.looks)

    assert looks[0] == looks[1]


def test_a_round_trip_is_written_again_only_where_it_matters() -> None:
    def way(seconds: float, before: WorkRouting) -> WorkRouting:
        given = fleet(edge(rtt_seconds=0.0), cloud(rtt_seconds=seconds))
        return member_list(given, "edge", None, before)

    first = way(0.040, NOTHING)
    assert first.endpoints[1].round_trip_milliseconds == 40
    assert way(0.050, first) == first
    assert way(0.027, first) == first
    assert way(0.070, first).endpoints[1].round_trip_milliseconds == 70


def test_a_short_round_trip_that_wavers_is_not_written_again() -> None:
    """As between clusters in one building: 4 ms, then 9, then 2."""
    routing = NOTHING
    written = []
    for seconds in (0.004, 0.009, 0.002, 0.014, 0.015):
        given = fleet(edge(rtt_seconds=0.0), cloud(rtt_seconds=seconds))
        routing = member_list(given, "edge", None, routing)
        written.append(routing.endpoints[1].round_trip_milliseconds)

    assert written == [4, 4, 4, 4, 15]


def test_a_reserve_stays_while_its_latency_wavers_about_the_budget() -> None:
    routing = NOTHING
    listed = []
    for p95 in (0.07, 0.05, 0.07, 0.075, 0.09, 0.07):
        given = fleet(edge(), cloud(p95_seconds=p95), budget_seconds=0.1)
        routing = member_list(given, "edge", None, routing)
        listed.append(len(routing.endpoints) == 2)

    assert listed == [False, True, True, True, False, False]


def test_nobody_is_sent_where_data_must_not_be_processed() -> None:
    """Its work is there until its agent has let it go, and so it has a part."""
    given = fleet(
        edge(zones=("eu",)), cloud(zones=("us",)), cloud("c", zones=("eu",)), zones=("eu",)
    )
    assert "cloud" in given.serving

    assert [one.cluster for one in hub_list(given, ())] == ["edge", "c"]
    assert rows(member_list(given, "edge", None, NOTHING).endpoints) == [
        ("edge", 0, 100),
        ("c", 1, 0),
    ]


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        pytest.param({}, "", id="all is reached"),
        pytest.param({"urls": {}}, "cloud", id="it has no address"),
        pytest.param({"suffixes": {"cloud": "-b"}}, "cloud", id="it has another name"),
    ],
)
def test_what_cannot_be_sent_is_kept(changes: dict[str, Any], kept: str) -> None:
    given = replace(fleet(edge(taints=(TaintEffect.NO_SELECT,)), cloud()), **changes)
    assert given.placed.sites["edge"].weights == {"cloud": 100}

    assert given.keeps("edge") == kept
    assert given.keeps("cloud") == ""


def test_nothing_is_kept_where_data_must_not_be_processed() -> None:
    hub = Hub()
    facts = (edge(), cloud(zones=("eu",)))
    hub.place(*facts)
    hub.settings = replace(hub.settings, zones=("eu",))
    placed = hub.place(*facts)
    given = Fleet(placed, {one.name: one for one in facts}, {}, {"edge", "cloud"}, hub.settings)
    assert placed.sites["edge"].weights == {"cloud": 100}

    assert given.keeps("edge") == ""


def test_where_nothing_is_served_there_is_no_list() -> None:
    given = fleet(edge(zones=("us",)), zones=("eu",))

    assert member_list(given, "edge", PII, NOTHING) == WorkRouting(local_only=PII)


def test_a_hub_that_starts_anew_takes_reserves_for_no_share() -> None:
    given = fleet(edge(need=6.0), cloud(), cloud("reserve", ready=0))
    routing = member_list(given, "edge", None, NOTHING)
    assert any(one.weight_percent == 0 for one in routing.endpoints)

    memory = published_memory({"edge": {"spec": {"routing": routing.wire()}}}, {}, 1, 0.0, 9.0)

    assert memory.site("edge").weights == given.placed.sites["edge"].weights


def test_a_members_list_is_what_its_client_reads() -> None:
    given = fleet(edge(need=6.0, data_plane=True), cloud(), local_only_share=0.2)
    routing = member_list(given, "edge", PII, NOTHING)

    made = member_rows(WorkRouting.model_validate(routing.wire()), HERE)

    read = endpoints_in(endpoints_file(made))
    share = given.placed.sites["edge"].weights["cloud"]
    assert read == (
        Endpoint(
            cluster="edge",
            protocol="HTTP",
            url=HERE,
            tier="Edge",
            priority=0,
            weight_percent=100 - share,
            local=True,
        ),
        Endpoint(
            cluster="cloud",
            protocol="HTTP",
            url="https://cloud.example",
            tier="Cloud",
            priority=1,
            weight_percent=share,
            round_trip_milliseconds=40,
            local=False,
        ),
    )
    assert asked(made, local_only=True, chance=0.99) == ["edge"]
    assert asked(made, local_only=False, chance=0.99) == ["cloud", "edge"]


def test_a_member_believes_in_one_local_endpoint_and_sends_it_nowhere_else() -> None:
    routing = WorkRouting.model_validate(
        {
            "endpoints": [
                {"cluster": "b", "protocol": "HTTP", "url": "https://b", "weightPercent": 9},
                {"cluster": "a", "protocol": "HTTP", "url": "https://a", "local": True},
                {"cluster": "c", "protocol": "HTTP", "url": "https://c", "local": True},
                {"cluster": "d", "protocol": "HTTP"},
            ]
        }
    )

    made = member_rows(routing, HERE)

    assert [(one.cluster, one.url, one.local, one.priority) for one in made] == [
        ("a", HERE, True, 0),
        ("b", "https://b", False, 1),
    ]


def test_the_hubs_list_has_shares_by_what_is_ready() -> None:
    given = fleet(edge(), cloud(speed=2.0), cloud("slow", ready=6), times=1)

    made = hub_list(given, ())

    assert rows(made) == [("edge", 0, 13), ("cloud", 1, 67), ("slow", 2, 20)]
    assert asked(made, local_only=True) == [], "nobody is local to who is in no cluster"
    assert asked(made, local_only=False) == ["edge", "cloud", "slow"]


def test_who_does_not_answer_the_hub_gets_no_share_of_it() -> None:
    given = fleet(edge(), cloud(data_plane=False), cloud("b", data_plane=True))

    made = hub_list(given, ())

    assert [(one.cluster, one.weight_percent, one.healthy) for one in made] == [
        ("edge", 28, None),
        ("b", 72, True),
        ("cloud", 0, False),
    ]


@pytest.mark.parametrize(("answers", "share"), [(True, 100), (None, 0), (False, 0)])
def test_a_lost_cluster_has_a_share_while_its_endpoint_answers(
    answers: bool | None, share: int
) -> None:
    lost = cloud(state=ConnectionState.LOST, data_plane=answers)

    assert rows(hub_list(fleet(edge(ready=0), lost), ())) == [("edge", 0, 0), ("cloud", 1, share)]


def test_of_more_than_fit_the_last_are_in_the_hubs_list_too() -> None:
    """Or it would have no cloud in it, where the room is."""
    edges = [f"edge-{number:03}" for number in range(70)]
    clouds = [f"cloud-{number}" for number in range(MOST_LAST)]

    made = hub_list(fleet(*map(edge, edges), *map(cloud, clouds), times=1), ())

    assert [one.cluster for one in made] == edges[: MOST_ENDPOINTS - MOST_LAST] + clouds
    assert [one.priority for one in made] == list(range(MOST_ENDPOINTS))
    assert sum(one.weight_percent for one in made) == 100


def test_of_nothing_that_is_ready_the_first_is_asked_first() -> None:
    made = hub_list(fleet(edge(ready=0), cloud(ready=0)), ())

    assert [one.weight_percent for one in made] == [0, 0]
    assert asked(made, local_only=False, chance=0.9) == ["edge", "cloud"]


def test_only_who_has_an_address_and_a_part_is_in_the_hubs_list() -> None:
    given = fleet(edge(), cloud(), cloud("c"))

    assert hub_list(replace(given, urls={}), ()) == []
    assert [one.cluster for one in hub_list(replace(given, serving={"c"}), ())] == ["c"]
