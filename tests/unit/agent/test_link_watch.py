"""What an agent writes of the way to its hub: on a change, and for whoever comes after it."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from triton_operator.agent.link_watch import LinkWatch
from triton_operator.api.conditions import ConditionStatus, Finding, finding
from triton_operator.controllers.errors import ApiUnavailable
from triton_operator.controllers.times import rfc3339
from triton_operator.fleet.link_state import LINK_SINCE, LINK_STATE, LinkState
from triton_operator.fleet.origin import MAILBOX, Local

Body = dict[str, Any]
OURS = "fleet-a"
EPOCH = 1_800_000_000.0
OFFLINE = {"policy": "FallbackVariant", "fallbackVariant": "small", "afterSeconds": 300}
HEARTBEAT_SECONDS = 15
TICK_SECONDS = 5


class Member:
    """Services of a member in memory; `writes` are the words that were written, in order."""

    def __init__(self, **offline: Body | None) -> None:
        self.bodies = {name: service(name, said) for name, said in offline.items()}
        self.writes: list[tuple[str, str | None]] = []
        self.failures: list[Exception] = []
        self.problem: Finding | None = None

    def unable(self) -> Finding | None:
        return self.problem

    def services(self) -> list[Body]:
        return list(self.bodies.values())

    async def note_link(self, local: Local, state: LinkState | None) -> None:
        if self.failures:
            raise self.failures.pop()
        self.writes.append((local.name, state.state if state else None))
        said = self.bodies[local.name]["metadata"]["annotations"]
        said.pop(LINK_STATE, None)
        said.pop(LINK_SINCE, None)
        said.update(state.annotations if state else {})

    def said(self, name: str = "vision") -> Mapping[str, str]:
        """What was written of the link."""
        found = self.bodies[name]["metadata"]["annotations"]
        return {key: word for key, word in found.items() if key != MAILBOX}


def service(name: str, offline: Body | None) -> Body:
    spec = {"offline": offline} if offline else {}
    annotations = {MAILBOX: OURS}
    metadata = {"namespace": "shop", "name": name, "uid": name, "annotations": annotations}
    return {"metadata": metadata, "spec": spec}


class Time:
    """Seconds that a test lets pass, at every tick of which the watch looks."""

    def __init__(self, member: Member, began: float = 0.0) -> None:
        self.at = began
        self.clock_offset = 0.0
        self.member = member
        self.watch = self.agent()

    def agent(self) -> LinkWatch:
        """A new process of the agent: nothing is handed over but what is in the member."""
        self.watch = LinkWatch(
            OURS,
            self.member,
            every_seconds=HEARTBEAT_SECONDS,
            now=lambda: EPOCH + self.at + self.clock_offset,
            clock=lambda: self.at,
        )
        return self.watch

    def pass_seconds(self, seconds: float, *, heard: bool) -> None:
        async def ticks() -> None:
            until = self.at + seconds
            while self.at < until:
                self.at += TICK_SECONDS
                if heard and self.at % HEARTBEAT_SECONDS == 0:
                    self.watch.heard()
                await self.watch.look()

        asyncio.run(ticks())


def test_a_hub_that_answers_is_written_nothing_of() -> None:
    member = Member(vision=OFFLINE)

    Time(member).pass_seconds(3600, heard=True)

    assert member.writes == []


def test_an_outage_is_written_as_it_begins_ends_and_is_over() -> None:
    member = Member(vision=OFFLINE)
    time = Time(member)
    time.pass_seconds(60, heard=True)

    time.pass_seconds(295, heard=False)
    assert member.writes == []
    time.pass_seconds(5, heard=False)
    assert member.said()[LINK_STATE] == "Lost"
    assert member.said()[LINK_SINCE] == rfc3339(EPOCH + 60)
    time.pass_seconds(1000, heard=False)
    time.pass_seconds(60, heard=True)
    assert member.said()[LINK_STATE] == "Recovering"
    assert member.said()[LINK_SINCE] == rfc3339(EPOCH + 60)
    time.pass_seconds(200, heard=True)

    assert [word for _, word in member.writes] == ["Lost", "Recovering", "Connected"]


def test_a_clock_that_was_put_forward_moves_no_loss() -> None:
    member = Member(vision=OFFLINE)
    time = Time(member)
    time.pass_seconds(400, heard=False)
    since = member.said()[LINK_SINCE]

    time.clock_offset = 7200.0
    time.pass_seconds(60, heard=True)

    assert member.said() == {LINK_STATE: "Recovering", LINK_SINCE: since}


def test_contact_that_breaks_again_is_no_contact() -> None:
    member = Member(vision=OFFLINE)
    time = Time(member)
    time.pass_seconds(400, heard=False)

    for _ in range(5):
        time.pass_seconds(60, heard=True)
        time.pass_seconds(60, heard=False)

    assert "Connected" not in [word for _, word in member.writes]


def test_short_silences_are_none() -> None:
    member = Member(vision=OFFLINE)
    time = Time(member)

    for _ in range(20):
        time.pass_seconds(240, heard=False)
        time.pass_seconds(150, heard=True)

    assert member.writes == []


@pytest.mark.parametrize("began", [0.0, 50_000.0])
def test_a_node_that_starts_again_while_the_link_is_cut_knows_it(began: float) -> None:
    """Its clock of seconds that never go back begins anew."""
    member = Member(vision=OFFLINE)
    time = Time(member, began)
    time.pass_seconds(400, heard=False)
    lost = dict(member.said())

    time.agent()
    time.pass_seconds(900, heard=False)
    assert dict(member.said()) == lost
    time.pass_seconds(300, heard=True)

    assert [word for _, word in member.writes] == ["Lost", "Recovering", "Connected"]


def test_an_agent_that_starts_during_an_outage_waits_for_as_long_as_any() -> None:
    member = Member(vision=OFFLINE)
    time = Time(member)

    time.pass_seconds(295, heard=False)
    assert member.writes == []
    time.pass_seconds(5, heard=False)

    assert member.writes == [("vision", "Lost")]


def test_each_service_has_its_own_patience() -> None:
    member = Member(soon={**OFFLINE, "afterSeconds": 60}, late={**OFFLINE, "afterSeconds": 3600})
    time = Time(member)

    time.pass_seconds(100, heard=False)
    assert member.writes == [("soon", "Lost")]
    time.pass_seconds(3600, heard=False)

    assert member.writes == [("soon", "Lost"), ("late", "Lost")]


def test_a_service_that_comes_during_an_outage_is_told_at_once() -> None:
    member = Member(vision=OFFLINE)
    time = Time(member)
    time.pass_seconds(400, heard=False)

    member.bodies["new"] = service("new", OFFLINE)
    member.bodies["other"] = service("other", {**OFFLINE, "afterSeconds": 200})
    time.pass_seconds(5, heard=False)

    assert member.writes[1:] == [("new", "Lost"), ("other", "Lost")]


def test_who_asks_for_nothing_is_told_nothing_and_not_any_more() -> None:
    member = Member(vision=OFFLINE, plain=None)
    time = Time(member)
    time.pass_seconds(400, heard=False)
    assert member.said("plain") == {}

    del member.bodies["vision"]["spec"]["offline"]
    time.pass_seconds(5, heard=False)

    assert member.said() == {}


def test_a_write_that_fails_is_tried_again() -> None:
    member = Member(vision=OFFLINE)
    member.failures.append(ApiUnavailable(0, "Timeout", "it does not answer"))
    time = Time(member)

    time.pass_seconds(310, heard=False)

    assert member.writes == [("vision", "Lost")]


@pytest.mark.parametrize("since", ["", "yesterday"])
def test_a_time_that_is_none_does_no_harm(since: str) -> None:
    member = Member(vision=OFFLINE)
    member.bodies["vision"]["metadata"]["annotations"] |= {LINK_STATE: "Lost", LINK_SINCE: since}
    time = Time(member)

    time.pass_seconds(300, heard=True)

    assert member.writes[-1] == ("vision", "Connected")


def test_what_a_process_that_stood_still_could_not_hear_is_no_silence() -> None:
    member = Member(vision=OFFLINE)
    time = Time(member)
    time.pass_seconds(60, heard=True)

    time.at += 7200
    time.pass_seconds(295, heard=False)
    assert member.writes == []
    time.at += 7200
    time.watch.heard()
    time.pass_seconds(60, heard=True)

    assert member.writes == []


def test_what_cannot_be_seen_in_the_member_is_not_written() -> None:
    member = Member(vision=OFFLINE)
    time = Time(member)
    member.problem = finding("Applied", ConditionStatus.UNKNOWN, "ClusterSilent")

    time.pass_seconds(400, heard=False)
    assert member.writes == []
    member.problem = None
    time.pass_seconds(5, heard=False)

    assert member.writes == [("vision", "Lost")]


def test_a_service_of_another_mailbox_is_for_its_own_agent() -> None:
    """Two hubs' agents would undo each other's words for ever."""
    member = Member(ours=OFFLINE, theirs=OFFLINE)
    said = member.bodies["theirs"]["metadata"]["annotations"]
    said[MAILBOX] = "fleet-b"
    time = Time(member)

    time.pass_seconds(400, heard=False)

    assert member.writes == [("ours", "Lost")]
    assert said == {MAILBOX: "fleet-b"}
    said |= LinkState("Lost", rfc3339(EPOCH)).annotations
    time.agent()
    time.pass_seconds(400, heard=True)

    assert {name for name, _ in member.writes} == {"ours"}
