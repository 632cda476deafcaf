"""The agent's routine at the hub, and a member that misbehaves, in made-up time."""

from __future__ import annotations

import pytest

from tests.faults.virtual_time import run
from tests.fleet.made_fleet import BEAT_SECONDS, MadeFleet
from tests.fleet.test_agent_faults import Story, applied, most
from tests.fleet.test_agent_link import STATE, TEMPLATE, joined
from triton_operator.fleet.mailbox import FLEET


def play(story: Story) -> None:
    async def scene() -> None:
        async with MadeFleet.open(pushed=True) as fleet:
            await story(fleet)

    run(scene())


def beats(fleet: MadeFleet) -> str:
    """The last heartbeat."""
    found: str = fleet.lease()["spec"]["renewTime"]
    return found


def test_works_are_carried_to_the_member() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        fleet.put_work(revision=2, most=7)
        await fleet.rest(20)

        assert most(fleet) == 7
        assert f"{FLEET}/agent-version" in fleet.lease()["metadata"]["annotations"]
        assert set(fleet.reached) == {None}

    play(story)


@pytest.mark.parametrize("swallows", [False, True])
def test_a_member_that_does_not_answer_has_no_heartbeat(swallows: bool) -> None:
    """The hub's own process lives all the while, which says nothing of the member."""

    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        await fleet.rest(2 * BEAT_SECONDS)
        fleet.member.weather.swallows = swallows
        fleet.member.weather.silent = True
        await fleet.rest(20)
        before = beats(fleet)
        fleet.put_work(revision=2, most=7)
        await fleet.rest(1000)
        assert beats(fleet) == before
        assert fleet.reached[-1] is not None

        fleet.member.weather.silent = False
        await fleet.rest()
        assert beats(fleet) > before
        assert fleet.reached[-1] is None
        assert most(fleet) == 7

    play(story)


@pytest.mark.parametrize(("code", "beating"), [(401, False), (403, True), (503, False)])
def test_whose_account_is_not_known_there_is_not_reached(code: int, beating: bool) -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        await fleet.rest(2 * BEAT_SECONDS)
        fleet.member.weather.gets = {"Namespace": code}
        before = beats(fleet)
        await fleet.rest(4 * BEAT_SECONDS)

        assert (beats(fleet) > before) is beating
        last = fleet.reached[-1]
        assert (last is None) is beating
        assert last is None or last.status == code

    play(story)


def test_a_member_that_is_cut_off_keeps_what_it_has_and_is_told_of_no_silence() -> None:
    """Nobody there could tell it when the hub is away, so `spec.offline` is not begun at all."""

    async def story(fleet: MadeFleet) -> None:
        await joined(fleet)
        before = fleet.service()
        fleet.hub.weather.silent = True
        await fleet.rest(2000)
        assert TEMPLATE["offline"]
        assert fleet.service() == before
        fleet.hub.weather.silent = False
        fleet.member.weather.silent = True
        await fleet.rest(2000)
        fleet.member.weather.silent = False
        await fleet.rest()

        service = fleet.service()
        assert service is not None
        assert STATE not in service["metadata"]["annotations"]

    play(story)


def test_a_work_that_is_deleted_while_the_member_is_away_is_taken_back_when_it_answers() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        fleet.member.weather.silent = True
        fleet.delete_work()
        await fleet.rest(1000)
        assert fleet.service() is not None
        assert fleet.condition() != ("False", "Deleted")

        fleet.member.weather.silent = False
        await fleet.rest()
        assert fleet.service() is None
        assert fleet.condition() == ("False", "Deleted")

    play(story)
