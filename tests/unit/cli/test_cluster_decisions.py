"""What `triton-operator cluster decisions` prints of what a hub has."""

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from click.testing import Result

from triton_operator.cli import live
from triton_operator.cli.exit_codes import INVALID, NO_CLUSTER, OK
from triton_operator.controllers.errors import ApiError, ApiNotFound, ApiRefused
from triton_operator.controllers.kinds import Kind

Call = Callable[..., Result]
WORDS = ("cluster", "decisions", "vision", "-n", "shop")
SINCE = "2026-11-28T11:00:00Z"


def row(number: int, minute: int, **more: Any) -> dict[str, Any]:
    time = f"2026-11-28T12:{minute:02d}:00Z"
    usual = {"number": number, "time": time, "from": number, "to": number + 1, "reason": "[b]"}
    return {**usual, **more}


class Hub:
    """Answers from what it has."""

    def __init__(self) -> None:
        self.services = {("shop", "vision")}
        self.works: dict[str, list[Any]] = {}
        self.states: dict[str, str] = {}
        self.error: ApiError | None = None

    def has(self, cluster: str, *rows: Any, state: str = "Connected") -> None:
        self.works[f"fleet-{cluster}"] = list(rows)
        self.states[cluster] = state

    async def find(
        self, kind: Kind, namespace: str | None, *, field_selector: str = ""
    ) -> list[dict[str, Any]]:
        if self.error:
            raise self.error
        assert namespace is None
        if kind.kind == "InferenceWork":
            assert field_selector == "metadata.name=shop.vision"
            return [
                {"metadata": {"namespace": where}, "status": {"decisions": rows}}
                for where, rows in self.works.items()
            ]
        assert kind.kind == "InferenceCluster"
        return [
            {
                "metadata": {"name": name},
                "status": {"connectionState": state, "lastHeardTime": SINCE} if state else {},
            }
            for name, state in self.states.items()
        ]

    async def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any] | None:
        assert kind.kind == "InferenceService"
        return {} if (namespace, name) in self.services else None


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    answering = Hub()

    @contextlib.asynccontextmanager
    async def cluster(_: object) -> AsyncIterator[Hub]:
        yield answering

    monkeypatch.setattr(live, "cluster", cluster)
    return answering


def test_people_get_the_changes_of_all_clusters_by_time(call: Call, hub: Hub) -> None:
    hub.has("store-2", row(8, 1), row(9, 5))
    hub.has("store-1", row(1, 3))

    result = call(*WORDS)

    assert result.exit_code == OK, result.stderr
    assert [" ".join(line.split()) for line in result.stdout.splitlines()] == [
        "shop/vision: 3 changes in 2 clusters",
        "TIME CLUSTER NUMBER REPLICAS MESSAGE",
        "2026-11-28T12:01:00Z store-2 8 8 -> 9 [b]",
        "2026-11-28T12:03:00Z store-1 1 1 -> 2 [b]",
        "2026-11-28T12:05:00Z store-2 9 9 -> 10 [b]",
    ]


@pytest.mark.parametrize("state", ["Lost", "Suspect"])
def test_clusters_that_are_not_heard_of_are_named(call: Call, hub: Hub, state: str) -> None:
    hub.has("store-1", row(1, 3))
    hub.has("store-2", state=state)
    hub.has("store-3", state="Recovering")

    *_, blank, last = call(*WORDS).stdout.splitlines()

    assert (blank, last) == (
        "",
        f"store-2 is {state}: what it decided since {SINCE} comes when it is heard of again",
    )
    assert "store-2" not in call(*WORDS, "--cluster", "store-1").stdout


def test_programs_get_the_rows(call: Call, hub: Hub) -> None:
    hub.has("store-2", row(8, 1))
    hub.has("store-1", row(1, 3), state="Lost")

    result = call(*WORDS, "-o", "json")

    assert json.loads(result.stdout) == [
        {"cluster": "store-2", **row(8, 1)},
        {"cluster": "store-1", **row(1, 3)},
    ]


def test_one_cluster_alone(call: Call, hub: Hub) -> None:
    hub.has("store-2", row(8, 1))
    hub.has("store-1", row(1, 3))

    result = call(*WORDS, "--cluster", "store-1", "-o", "json")

    assert json.loads(result.stdout) == [{"cluster": "store-1", **row(1, 3)}]


def test_what_is_no_decision_never_reaches_a_terminal(call: Call, hub: Hub) -> None:
    hub.has("store-1", row(1, 1, reason="\x1b[2J"), row(2, 2, time="soon\n"), row(3, 3), "x")

    result = call(*WORDS)

    assert result.exit_code == OK, result.stderr
    assert "\x1b" not in result.stdout
    assert "1 change in 1 cluster" in result.stdout


@pytest.mark.parametrize(
    ("works", "arguments", "said"),
    [
        ({}, (), "shop/vision is in no cluster of the fleet: `kubectl get inferenceservice vision"),
        ({"store-1": []}, ("--cluster", "stor-1"), "not in cluster stor-1; did you mean store-1?"),
        (
            {"b": [], "a": []},
            ("--cluster", "nowhere"),
            "shop/vision is not in cluster nowhere; it is in a, b",
        ),
        ({"b": [], "a": []}, (), "no decision on shop/vision is told by a, b: the number of"),
        ({f"c{number:02}": [] for number in range(12)}, (), "c08, c09 and 2 more: the number of"),
    ],
)
def test_where_there_is_nothing_it_is_said_why(
    call: Call, hub: Hub, works: dict[str, list[Any]], arguments: tuple[str, ...], said: str
) -> None:
    for name, rows in works.items():
        hub.has(name, *rows)

    result = call(*WORDS, *arguments)

    assert (result.exit_code, result.stdout) == (INVALID, "")
    assert said in result.stderr


def test_a_lost_cluster_without_decisions_is_said_to_be_lost(call: Call, hub: Hub) -> None:
    hub.has("store-1", state="")

    result = call(*WORDS)

    assert result.exit_code == INVALID
    assert "store-1 is not known: what it decided comes when" in result.stderr


def test_a_service_that_the_hub_does_not_have(call: Call, hub: Hub) -> None:
    hub.services.clear()

    result = call(*WORDS)

    assert result.exit_code == INVALID
    assert "the hub has no InferenceService vision in namespace shop" in result.stderr


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ApiNotFound(404, "NotFound", "no"), "does not know InferenceWorks; install the"),
        (ApiRefused(403, "Forbidden", "no right"), "the hub cannot be asked: no right"),
    ],
)
def test_a_hub_that_cannot_be_asked(call: Call, hub: Hub, error: ApiError, said: str) -> None:
    hub.error = error

    result = call(*WORDS)

    assert result.exit_code == NO_CLUSTER
    assert said in result.stderr
