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
from triton_operator.api.group import FIELD_MANAGER
from triton_operator.api.inference_cluster import KubeConfigSource
from triton_operator.controllers.errors import ApiConflict, ApiRefused, ApiUnavailable
from triton_operator.fleet.member_kubeconfig import RefusedKubeconfig, member_kubeconfig
from triton_operator.hub import push_renewals as module
from triton_operator.hub.kinds import SECRET
from triton_operator.hub.push_renewals import LEAST_PAUSE_SECONDS, PushRenewals

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
        return {"metadata": {"resourceVersion": "7"}, "data": data}

    async def apply(self, kind: Any, manifest: Body, *, force: bool, field_manager: str) -> Body:
        assert kind is SECRET
        if self.refusal is not None:
            raise self.refusal
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
        (ApiRefused(403, "Forbidden", "no right"), "triton-fleet/fleet-push no other token: "),
        (ApiUnavailable(0, "Timeout", "silent"), "no other token"),
        ({}, "no token that holds longer"),
        ([], "no token that holds longer"),
        ({"status": {"token": 7}}, "no token that holds longer"),
        ({"status": {"token": "opaque"}}, "no token that holds longer"),
        ({"status": {"token": OLD}}, "no token that holds longer"),
        ({"status": {"token": token(2200, 2799)}}, "no token that holds longer"),
        ({"status": {"token": f"{NEW}\nx"}}, "user.token"),
        ({"status": {"token": token(2200, 4000, more="x" * 2**17)}}, "longer than 64 KiB"),
    ],
)
def test_a_cluster_that_gives_none_that_is_better_changes_nothing(
    world: World, answer: Any, words: str
) -> None:
    world.answer = answer

    async def story() -> None:
        assert words in await world.look()
        assert OLD not in world.renewals.problem("a")

    play(story)
    assert not world.written
    assert world.open == 0


@pytest.mark.parametrize(
    ("there", "refusal", "words"),
    [
        (None, None, "it does not exist"),
        (kubeconfig(NEWEST), None, "a newer one"),
        (kubeconfig(exec={"command": "sh"}), None, "no token to replace"),
        (kubeconfig(OLD), ApiConflict(409, "Conflict", "kubectl owns it"), "somebody else writes"),
        (kubeconfig(OLD), ApiRefused(403, "Forbidden", "you may not"), "you may not"),
    ],
)
def test_a_secret_that_others_write_is_left_to_them(
    world: World, there: str | None, refusal: Exception | None, words: str
) -> None:
    async def story() -> None:
        world.text, world.refusal = there, refusal
        problem = await world.look(kubeconfig(OLD))
        assert words in problem
        assert "Secret hub/push-a, key kubeconfig" in problem

    play(story)
    assert not world.written
    assert world.text == there


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
        world.now = 1e6
        for number in range(100):
            world.answer = {"status": {"token": token(1000, 2801 + number)}}
            await world.look()
            world.now += LEAST_PAUSE_SECONDS / 10
        assert len(world.written) == 10

    play(story)


def test_one_at_a_time_and_another_cluster_beside_it(world: World) -> None:
    async def story() -> None:
        world.waits = asyncio.Event()
        found = member_kubeconfig(kubeconfig(OLD))
        for _ in range(2):
            world.renewals.look("a", SOURCE, found)
            world.renewals.look("b", SOURCE, found)
            await asyncio.sleep(0)
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
