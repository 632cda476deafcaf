"""The list of endpoints: what is read, and what is refused with the field's path."""

import json
from typing import Any

import pytest

from triton_operator.api.enums import Protocol, Tier
from triton_operator.client.endpoints import endpoints_in, endpoints_of
from triton_operator.client.errors import BadEndpoints

ROW = {
    "cluster": "store-1",
    "protocol": "GRPC",
    "url": "http://vision.shop.svc:8001",
    "tier": "Edge",
    "priority": 0,
    "weightPercent": 80,
    "roundTripMilliseconds": 0.4,
    "local": True,
}
LEAST = {"cluster": "cloud-1", "protocol": "HTTP", "url": "https://vision.example.com/gateway"}


def test_a_list_is_read() -> None:
    first, second = endpoints_in(json.dumps({"endpoints": [ROW, LEAST], "revision": 7}))

    assert (first.cluster, first.protocol, first.tier) == ("store-1", Protocol.GRPC, Tier.EDGE)
    assert (first.weight_percent, first.round_trip_milliseconds, first.local) == (80, 0.4, True)
    assert (second.priority, second.weight_percent, second.tier) == (0, 0, None)


def test_what_is_not_said_to_be_local_is_not() -> None:
    misspelled = {**ROW, "Local": True, "isLocal": True}
    del misspelled["local"]

    (endpoint,) = endpoints_of([misspelled])
    assert not endpoint.local


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"cluster": "Store 1"}, r"endpoints\[1\]\.cluster: "),
        ({"protocol": "FTP"}, r"endpoints\[1\]\.protocol: "),
        ({"protocol": None}, r"endpoints\[1\]\.protocol: "),
        ({"tier": "Moon"}, r"endpoints\[1\]\.tier: "),
        ({"priority": -1}, r"endpoints\[1\]\.priority: "),
        ({"weightPercent": 101}, r"endpoints\[1\]\.weightPercent: "),
        ({"roundTripMilliseconds": -0.1}, r"endpoints\[1\]\.roundTripMilliseconds: "),
        ({"roundTripMilliseconds": float("inf")}, r"endpoints\[1\]\.roundTripMilliseconds: "),
        ({"roundTripMilliseconds": float("nan")}, r"endpoints\[1\]\.roundTripMilliseconds: "),
        # Data must not leave because somebody's words were read generously.
        ({"local": "true"}, r"endpoints\[1\]\.local: "),
        ({"local": 1}, r"endpoints\[1\]\.local: "),
        ({"url": "ftp://host"}, r"endpoints\[1\]\.url: "),
        ({"url": "http://user:secret@host"}, r"endpoints\[1\]\.url: "),
        ({"url": "http://host?x=1"}, r"endpoints\[1\]\.url: "),
        ({"url": "http://host:99999"}, r"endpoints\[1\]\.url: .*ort"),
        ({"url": "http://host:0"}, r"endpoints\[1\]\.url: .*port"),
        ({"url": "http://:8000"}, r"endpoints\[1\]\.url: .*host"),
        ({"url": "http://h" + "o" * 600}, r"endpoints\[1\]\.url: "),
        ({"protocol": "GRPC"}, r"endpoints\[1\]: .*url has a path"),
    ],
    ids=str,
)
def test_a_bad_field_is_named(change: dict[str, Any], path: str) -> None:
    with pytest.raises(BadEndpoints, match=path):
        endpoints_of([ROW, {**LEAST, **change}])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "JSON"),
        ("[1]", "."),
        ("{}", "endpoints: "),
        ('{"endpoints": []}', "endpoints: .*at least 1"),
        (json.dumps({"endpoints": [LEAST] * 65}), "endpoints: .*at most 64"),
        (json.dumps({"endpoints": [LEAST, LEAST]}), r"endpoints\[1\]: cloud-1 has another one"),
    ],
)
def test_a_bad_list_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadEndpoints, match=message):
        endpoints_in(text)


def test_of_many_mistakes_some_are_told() -> None:
    with pytest.raises(BadEndpoints, match=r"endpoints\[4\]\.url: .*; and 3 more"):
        endpoints_of([{**LEAST, "cluster": f"c-{n}", "url": "x"} for n in range(8)])
