"""An agent whose hub falls silent, in made-up time: what it writes for its cluster's operator."""

from tests.fleet.made_fleet import MadeFleet
from tests.fleet.test_agent_faults import FLEET, applied, play
from tests.fleet.works import URI

STATE, SINCE = f"{FLEET}/link-state", f"{FLEET}/link-since"
TEMPLATE = {
    "model": {"uri": URI},
    "variants": [{"name": "small", "accuracy": "0.7", "model": {"uri": URI}}],
    "offline": {"policy": "FallbackVariant", "fallbackVariant": "small", "afterSeconds": 300},
}


def said(fleet: MadeFleet) -> tuple[str | None, str | None]:
    """State and since, as the operator of the member reads them."""
    service = fleet.service()
    assert service is not None
    annotations = service["metadata"]["annotations"]
    return annotations.get(STATE), annotations.get(SINCE)


async def joined(fleet: MadeFleet) -> None:
    """A service with `spec.offline`, on a link that works."""
    fleet.put_work(template=TEMPLATE)
    await fleet.rest(20)
    assert fleet.condition() == ("True", "InForce")
    assert said(fleet) == (None, None)


def test_variants_and_what_is_done_offline_come_as_the_hub_wrote_them() -> None:
    async def story(fleet: MadeFleet) -> None:
        await joined(fleet)
        service = fleet.service()

        assert service is not None
        assert service["spec"]["variants"] == TEMPLATE["variants"]
        assert service["spec"]["offline"] == TEMPLATE["offline"]

    play(story)


def test_a_cut_link_is_told_and_so_is_its_end() -> None:
    async def story(fleet: MadeFleet) -> None:
        await joined(fleet)
        fleet.hub.weather.silent = True
        await fleet.rest(250)
        assert said(fleet) == (None, None)
        await fleet.rest(100)
        state, since = said(fleet)
        assert state == "Lost"

        fleet.hub.weather.silent = False
        await fleet.rest(100)
        assert said(fleet) == ("Recovering", since)
        await fleet.rest(160)

        assert said(fleet)[0] == "Connected"

    play(story)


def test_an_agent_that_starts_again_while_the_link_is_cut_goes_on() -> None:
    async def story(fleet: MadeFleet) -> None:
        await joined(fleet)
        fleet.hub.weather.silent = True
        await fleet.rest(400)
        before = said(fleet)
        assert before[0] == "Lost"

        for _ in range(3):
            await fleet.restart()
            await fleet.rest(100)
            assert said(fleet) == before

    play(story)


def test_the_words_are_written_once() -> None:
    async def story(fleet: MadeFleet) -> None:
        await joined(fleet)
        fleet.hub.weather.silent = True
        await fleet.rest(400)
        service = fleet.service()
        await fleet.rest(3600)

        assert fleet.service() == service

    play(story)


def test_who_asks_for_nothing_offline_is_told_nothing() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        fleet.hub.weather.silent = True
        await fleet.rest(1000)

        assert said(fleet) == (None, None)

    play(story)


def test_a_service_that_is_released_forgets_its_link() -> None:
    async def story(fleet: MadeFleet) -> None:
        fleet.put_work(template=TEMPLATE, deletionPolicy="Orphan")
        await fleet.rest(20)
        fleet.hub.weather.silent = True
        await fleet.rest(400)
        fleet.hub.weather.silent = False
        await fleet.rest(60)
        assert said(fleet)[0] == "Recovering"

        fleet.delete_work()
        await fleet.rest(60)

        assert said(fleet) == (None, None)

    play(story)
