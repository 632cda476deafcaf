"""The agent between two API servers that misbehave, in made-up time."""

from collections.abc import Awaitable, Callable

from tests.faults.virtual_time import run
from tests.fleet.made_fleet import MAILBOX, MadeFleet
from tests.fleet.works import HUB, PARENT

HOUR = 3600.0
FLEET = "fleet.serving.triton-operator.io"
Story = Callable[[MadeFleet], Awaitable[None]]


def play(story: Story) -> None:
    async def scene() -> None:
        async with MadeFleet.open() as fleet:
            await story(fleet)

    run(scene())


async def applied(fleet: MadeFleet) -> None:
    fleet.put_work()
    await fleet.rest(10)
    assert fleet.condition() == ("True", "InForce")


def test_a_work_becomes_a_service() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        service = fleet.service()

        assert service is not None
        assert service["metadata"]["labels"] == {
            f"{FLEET}/origin": HUB,
            f"{FLEET}/origin-uid": PARENT,
        }
        assert service["metadata"]["annotations"] == {
            f"{FLEET}/mailbox": MAILBOX,
            f"{FLEET}/work": "shop.vision",
            f"{FLEET}/revision": "1",
            f"{FLEET}/deletion-policy": "Delete",
        }
        assert service["spec"]["managedBy"] == "serving.triton-operator.io/operator"
        assert service["spec"]["scaling"] == {"minReplicas": 1, "maxReplicas": 4}
        assert fleet.status()["appliedRevision"] == 1
        assert fleet.status()["appliedMaxReplicas"] == 4

    play(story)
