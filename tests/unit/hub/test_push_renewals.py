"""Tokens of clusters that a hub pushes to: when another is asked for, and where it is written."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.fleet.test_agent_token import jwt
from tests.unit.hub.test_pushes import kubeconfig
from triton_operator.agent.renewal import AGAIN_SECONDS
from triton_operator.api.conditions import Condition
from triton_operator.api.group import FIELD_MANAGER
from triton_operator.api.inference_cluster import KubeConfigSource
from triton_operator.controllers.errors import ApiConflict, ApiRefused, ApiUnavailable
from triton_operator.fleet.agent_token import Life
from triton_operator.fleet.member_kubeconfig import RefusedKubeconfig, member_kubeconfig
from triton_operator.fleet.push_credentials import PushCredentials
from triton_operator.hub import push_renewals as module
from triton_operator.hub.kinds import SECRET
from triton_operator.hub.push_renewals import AT_ONCE, LEAST_PAUSE_SECONDS, PushRenewals

Body = dict[str, Any]
SOURCE = KubeConfigSource(secret_name="push-a", key="kubeconfig")
SUBJECT = "system:serviceaccount:triton-fleet:fleet-push"


def token(issued: int, expires: int, **claims: Any) -> str:
    return jwt({"iat": issued, "exp": expires, "sub": SUBJECT, **claims})


OLD, NEW, NEWEST = token(1000, 2800), token(2200, 4000), token(3400, 5200)
DUE = 2200.0
"""Two thirds of the life of the old one."""


class World:
    """The hub's Secret, and a cluster that gives tokens."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, now: float = DUE) -> None:
        self.now = now
        self.text: str | None = kubeconfig(OLD)
        self.version = 7
        self.applied_by = [(FIELD_MANAGER, "Apply", "kubeconfig")]
        self.asked: list[tuple[str, str, int]] = []
        self.by: list[str] = []
        self.written: list[tuple[Body, bool, str | None]] = []
        self.open = 0
        self.answer: Any = {"status": {"token": NEW}}
        self.refusal: Exception | None = None
        self.waits: asyncio.Event | None = None
        monkeypatch.setattr(module, "ApiServer", lambda *_, **__: self)
        self.renewals = PushRenewals(
            self,  # type: ignore[arg-type]
            "hub",
            now=lambda: self.now,
            clock=lambda: self.now,
            connect=self.connect,
        )

    async def connect(self, found: Any) -> Any:
        self.by.append(found.token)
        self.open += 1
        return SimpleNamespace(session=SimpleNamespace(close=self.close))

    async def close(self) -> None:
        self.open -= 1

    async def token(self, namespace: str, account: str, seconds: int) -> Any:
        self.asked.append((namespace, account, seconds))
        if self.waits is not None:
            await self.waits.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def get(self, kind: Any, namespace: str, name: str) -> Body | None:
        assert (kind, namespace, name) == (SECRET, "hub", "push-a")
        if self.text is None:
            return None
        data = {"kubeconfig": base64.b64encode(self.text.encode()).decode()}
        managed = [
            {"manager": who, "operation": how, "fieldsV1": {"f:data": {f"f:{key}": {}}}}
            for who, how, key in self.applied_by
        ]
        metadata = {"resourceVersion": str(self.version), "managedFields": managed}
        return {"metadata": metadata, "data": data}

    async def apply(self, kind: Any, manifest: Body, *, force: bool, field_manager: str) -> Body:
        assert kind is SECRET
        if self.refusal is not None:
            raise self.refusal
        if manifest["metadata"]["resourceVersion"] != str(self.version):
            raise ApiConflict(409, "Conflict", "the object has been modified")
        self.version += 1
        self.written.append((manifest, force, field_manager))
        self.text = base64.b64decode(manifest["data"]["kubeconfig"]).decode()
        return manifest

    async def look(self, text: str | None = None, times: int = 1) -> str:
        """The problem after so many looks, each when the one before has ended."""
        for _ in range(times):
            self.renewals.look("a", SOURCE, member_kubeconfig(text or self.text or ""))
            await asyncio.gather(*self.renewals._tasks.values())
        return self.renewals.problem("a")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def play(story: Callable[[], Awaitable[None]]) -> None:
    async def scene() -> None:
        await story()

    asyncio.run(scene())


def test_another_one_is_asked_for_at_two_thirds_and_written_as_join_writes_it(
    world: World,
) -> None:
    async def story() -> None:
        world.now = DUE - 1
        assert await world.look() == ""
        assert not world.by
        world.now = DUE
        assert await world.look() == ""

    play(story)
    assert world.asked == [("triton-fleet", "fleet-push", 1800)]
    assert world.by == [OLD]
    assert world.text == kubeconfig(NEW)
    ((manifest, force, manager),) = world.written
    assert manifest["metadata"]["resourceVersion"] == "7", "what changed meanwhile stays"
    assert (force, manager) == (False, FIELD_MANAGER)
    assert world.open == 0


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(kubeconfig("opaque"), id="it tells no end"),
        pytest.param(kubeconfig(jwt({"iat": 1000, "exp": 2800, "sub": "me"})), id="of no account"),
        pytest.param(kubeconfig(jwt({"iat": 1000, "exp": 2800})), id="of nobody"),
        pytest.param(
            kubeconfig(jwt({"iat": 1000, "exp": 2800, "sub": f"{SUBJECT}/../x"})), id="of a path"
        ),
    ],
)
def test_what_no_account_can_renew_is_left_alone(world: World, text: str) -> None:
    play(lambda: world.look(text))  # type: ignore[arg-type, return-value]
    assert not world.by


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (ApiRefused(403, "Forbidden", "no right"), "triton-fleet/fleet-push no other token ("),
        (ApiUnavailable(0, "Timeout", "silent"), "no other token"),
        (ApiRefused(403, "Forbidden", f"you sent {OLD}"), "you sent …"),
        (ApiRefused(403, "Forbidden", "\ud800\x1b[2J"), "\ufffd\ufffd[2J"),
        (ApiRefused(403, "Forbidden", "x" * 2**21), "xxx"),
        (ValueError("no JSON"), "no JSON"),
        (RecursionError(), "no JSON"),
        ({}, "no token that tells its end"),
        ([], "no token that tells its end"),
        ({"status": {"token": 7}}, "no token that tells its end"),
        ({"status": {"token": "opaque"}}, "no token that tells its end"),
        ({"status": {"token": f"{NEW}\nx"}}, "no token that tells its end"),
        ({"status": {"token": token(2200, 4000, more="x" * 2**14)}}, "no token that tells its end"),
        ({"status": {"token": OLD}}, "no token yet that holds longer"),
        ({"status": {"token": token(2200, 2799)}}, "no token yet that holds longer"),
    ],
)
def test_a_cluster_that_gives_none_that_is_better_changes_nothing(
    world: World, answer: Any, words: str
) -> None:
    world.answer = answer

    async def story() -> None:
        problem = await world.look()
        assert words in problem
        assert OLD not in problem
        assert len(problem) < 1000
        near_end = PushCredentials("hub/push-a", is_read=True, life=Life(0, 1), not_renewed=problem)
        Condition.model_validate(
            {"type": "x", "status": "False", "reason": "x", "lastTransitionTime": "x"}
            | {"message": near_end.finding(0.9).message}
        )

    play(story)
    assert not world.written
    assert world.open == 0


@pytest.mark.parametrize(
    ("there", "words"),
    [
        (None, "it does not exist"),
        (kubeconfig(NEWEST), "changed just now"),
        (kubeconfig(token(1000, 1100)), "changed just now"),
        (kubeconfig("opaque"), "changed just now"),
        (kubeconfig(exec={"command": "sh"}), "user.exec"),
    ],
)
def test_a_secret_that_is_another_by_now_is_left_as_it_is(
    world: World, there: str | None, words: str
) -> None:
    async def story() -> None:
        world.text = there
        problem = await world.look(kubeconfig(OLD))
        assert words in problem
        assert "Secret hub/push-a, key kubeconfig" in problem

    play(story)
    assert not world.by, "the cluster is not even asked"
    assert not world.written
    assert world.text == there


@pytest.mark.parametrize(
    "others",
    [
        [],
        [("kubectl-create", "Update", "kubeconfig")],
        [(FIELD_MANAGER, "Update", "kubeconfig")],
        [(FIELD_MANAGER, "Apply", "another-key"), ("flux", "Apply", "kubeconfig")],
    ],
)
def test_a_secret_that_others_write_is_theirs_to_renew(
    world: World, others: list[tuple[str, str, str]]
) -> None:
    """No token is made that nobody would use."""
    world.applied_by = others

    async def story() -> None:
        assert "is to renew its token" in await world.look()

    play(story)
    assert not world.by
    assert not world.written


def test_a_token_never_gets_into_a_kubeconfig_that_came_meanwhile(world: World) -> None:
    """Somebody joins another cluster by that Secret while this one is asked, as the same writer."""
    moved = kubeconfig(token(1000, 2000)).replace("member.example", "other.example")

    async def story() -> None:
        world.waits = asyncio.Event()
        world.renewals.look("a", SOURCE, member_kubeconfig(kubeconfig(OLD)))
        for _ in range(20):
            await asyncio.sleep(0)
        assert world.asked
        world.text, world.version = moved, 8
        world.waits.set()
        await asyncio.gather(*world.renewals._tasks.values())
        assert "changed just now" in world.renewals.problem("a")

    play(story)
    assert not world.written
    assert world.text == moved


def test_what_the_hub_may_not_write_is_told(world: World) -> None:
    world.refusal = ApiRefused(403, "Forbidden", "you may not")

    async def story() -> None:
        assert "you may not" in await world.look()

    play(story)
    assert not world.written


def test_a_certificate_that_cannot_be_used_is_told(world: World) -> None:
    async def refuse(found: Any) -> Any:
        raise RefusedKubeconfig("no pair")

    world.renewals._connect = refuse
    play(lambda: world.look())  # type: ignore[arg-type, return-value]
    assert "no pair" in world.renewals.problem("a")


def test_a_bug_quotes_no_secret(world: World) -> None:
    world.answer = AttributeError(f"{NEW} has no such thing")

    async def story() -> None:
        problem = await world.look()
        assert "AttributeError" in problem
        assert NEW not in problem

    play(story)


def test_what_was_refused_is_asked_for_again_after_a_while(world: World) -> None:
    async def story() -> None:
        world.text = kubeconfig(token(0, 3000))
        world.answer = ApiRefused(403, "Forbidden", "no right")
        await world.look(times=3)
        assert len(world.asked) == 1
        world.now = DUE + AGAIN_SECONDS - 1
        await world.look()
        assert len(world.asked) == 1
        world.now, world.answer = DUE + AGAIN_SECONDS, {"status": {"token": NEW}}
        assert await world.look() == ""
        assert len(world.asked) == 2

    play(story)


def test_a_cluster_that_gives_tokens_that_are_old_at_once_is_asked_once_a_minute(
    world: World,
) -> None:
    """Each is a write at the hub."""

    async def story() -> None:
        world.now, world.text = 3000.0, kubeconfig(token(0, 3800))
        for number in range(100):
            world.answer = {"status": {"token": token(0, 3801 + number)}}
            await world.look()
            world.now += LEAST_PAUSE_SECONDS / 10
        assert len(world.written) == 10

    play(story)


def test_a_cluster_that_grants_less_than_it_did_is_asked_when_that_is_more(world: World) -> None:
    """Its rule may have changed: a month from now on ends before a year that began long ago."""

    async def story() -> None:
        year, month = 365 * 86400, 30 * 86400
        world.text = kubeconfig(token(0, year))
        world.now = year * 2 / 3
        while not world.written:
            world.answer = {"status": {"token": token(int(world.now), int(world.now) + month)}}
            await world.look()
            world.now += 6 * 3600
        assert len(world.asked) <= 3, "every ten minutes would be 13,000"
        assert year - month <= world.now < year

    play(story)


def test_what_is_over_is_not_asked_with(world: World) -> None:
    async def story() -> None:
        world.now = 2800.0
        assert await world.look() == ""

    play(story)
    assert not world.by


def test_a_problem_is_of_the_token_that_had_it(world: World) -> None:
    async def story() -> None:
        world.answer = ApiRefused(403, "Forbidden", "no right")
        assert await world.look()
        assert await world.look(kubeconfig("opaque")) == ""

    play(story)


def test_many_are_not_asked_at_once(world: World) -> None:
    async def story() -> None:
        world.waits = asyncio.Event()
        for number in range(100):
            world.renewals.look(str(number), SOURCE, member_kubeconfig(kubeconfig(OLD)))
        for _ in range(20):
            await asyncio.sleep(0)
        assert world.open == AT_ONCE
        await world.renewals.stop()

    play(story)


def test_one_at_a_time_and_another_cluster_beside_it(world: World) -> None:
    async def story() -> None:
        world.waits = asyncio.Event()
        found = member_kubeconfig(kubeconfig(OLD))
        for _ in range(2):
            world.renewals.look("a", SOURCE, found)
            world.renewals.look("b", SOURCE, found)
            for _ in range(5):
                await asyncio.sleep(0)
        assert len(world.asked) == 2
        await world.renewals.stop()
        assert world.open == 0

    play(story)


def test_a_cluster_that_is_gone_is_forgotten(world: World) -> None:
    async def story() -> None:
        world.answer = ApiRefused(403, "Forbidden", "no right")
        assert await world.look()
        world.renewals.keep({"b"})
        assert world.renewals.problem("a") == ""
        assert await world.look(), "a new one of its name is asked at once"

    play(story)
