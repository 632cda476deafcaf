"""The agent between two API servers that misbehave, in made-up time."""

import json
from collections.abc import Awaitable, Callable

import pytest

from tests.faults.fake.kinds import Target
from tests.faults.virtual_time import run
from tests.fleet.made_fleet import BEAT_SECONDS, MAILBOX, NAMESPACE, MadeFleet
from tests.fleet.works import HUB, OTHER_HUB, PARENT
from triton_operator import __version__
from triton_operator.controllers.kinds import INFERENCE_SERVICE

HOUR = 3600.0
FLEET = "fleet.serving.triton-operator.io"
Story = Callable[[MadeFleet], Awaitable[None]]


def play(story: Story) -> None:
    async def scene() -> None:
        async with MadeFleet.open() as fleet:
            await story(fleet)

    run(scene())


async def applied(fleet: MadeFleet) -> None:
    """The usual beginning."""
    fleet.put_work()
    await fleet.rest(20)
    assert fleet.condition() == ("True", "InForce")


def most(fleet: MadeFleet) -> int:
    """The ceiling in the member."""
    service = fleet.service()
    assert service is not None
    found: int = service["spec"]["scaling"]["maxReplicas"]
    return found


# Applying.


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


def test_nothing_is_written_while_nothing_changes() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        before = len(fleet.member.weather.of("PATCH", "InferenceService"))
        reports = len(fleet.hub.weather.of("PATCH", "InferenceWork"))
        await fleet.rest(HOUR)

        assert len(fleet.member.weather.of("PATCH", "InferenceService")) == before
        # One a minute, so that the hub sees how old they are.
        assert len(fleet.hub.weather.of("PATCH", "InferenceWork")) - reports <= 61

    play(story)


def test_a_new_revision_is_applied_and_an_edit_is_taken_back() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        fleet.put_work(revision=2, most=7)
        await fleet.rest(10)

        assert (most(fleet), fleet.status()["appliedRevision"]) == (7, 2)

        fleet.member.merge(
            Target(INFERENCE_SERVICE, NAMESPACE, "vision"),
            {"spec": {"scaling": {"maxReplicas": 30}}},
        )
        await fleet.rest(20)

        assert most(fleet) == 7

    play(story)


def test_the_sequence_rises_with_every_report_and_over_a_restart() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        first = fleet.status()["sequence"]
        await fleet.rest(120)
        second = fleet.status()["sequence"]
        await fleet.restart()
        await fleet.rest(20)

        assert 0 < first < second < fleet.status()["sequence"]

    play(story)


# What is refused.


def test_a_lower_revision_is_refused_after_a_restart_too() -> None:
    async def story(fleet: MadeFleet) -> None:
        fleet.put_work(revision=9, most=9)
        await fleet.rest(20)
        await fleet.stop()
        fleet.put_work(revision=3, most=3)
        fleet.start()
        await fleet.rest(20)

        assert fleet.condition() == ("False", "StaleRevision")
        assert (most(fleet), fleet.status()["appliedRevision"]) == (9, 9)

        fleet.put_work(revision=10, most=3)
        await fleet.rest(20)

        assert (most(fleet), fleet.condition()) == (3, ("True", "InForce"))

    play(story)


def test_another_hub_holds_until_an_administrator_accepts_it() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        fleet.put_work(hub_id=OTHER_HUB, revision=1, most=9)
        await fleet.rest(20)

        assert fleet.condition() == ("False", "HubChanged")
        assert most(fleet) == 4

        fleet.annotate(f"{FLEET}/accept-hub", OTHER_HUB)
        await fleet.rest(20)

        assert (most(fleet), fleet.condition()) == (9, ("True", "InForce"))

    play(story)


def test_a_service_of_nobody_is_left_alone_until_it_is_given() -> None:
    async def story(fleet: MadeFleet) -> None:
        before = fleet.put_service()
        fleet.put_work()
        await fleet.rest()

        assert fleet.condition() == ("False", "NotOwned")
        assert fleet.service() == before
        assert "appliedRevision" not in fleet.status()

        fleet.annotate(f"{FLEET}/accept-hub", HUB)
        await fleet.rest()

        assert (most(fleet), fleet.condition()) == (4, ("True", "InForce"))

    play(story)


def test_two_works_with_one_target_do_not_fight() -> None:
    async def story(fleet: MadeFleet) -> None:
        fleet.put_work("shop.a", most=3)
        fleet.put_work("shop.b", most=5)
        await fleet.rest()

        assert fleet.condition(name="shop.a") == ("True", "InForce")
        assert fleet.condition(name="shop.b") == ("False", "NotOwned")
        assert most(fleet) == 3

    play(story)


def test_a_missing_namespace_is_said_and_made_use_of_once_it_is_there() -> None:
    async def story(fleet: MadeFleet) -> None:
        fleet.put_work(namespace="lab")
        await fleet.rest(20)

        assert fleet.condition() == ("False", "NamespaceMissing")

        fleet.member.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab"}})
        await fleet.rest()

        assert fleet.condition() == ("True", "InForce")

    play(story)


def test_a_work_that_cannot_be_read_stops_no_other() -> None:
    async def story(fleet: MadeFleet) -> None:
        fleet.put_work("shop.a", template="none")
        fleet.put_work("shop.vision")
        await fleet.rest(20)

        assert fleet.condition(name="shop.a") == ("False", "UnreadableWork")
        assert fleet.condition() == ("True", "InForce")

    play(story)


def test_a_paused_service_stays_as_it_is() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        fleet.annotate(f"{FLEET}/pause-sync", "true")
        fleet.put_work(revision=2, most=9)
        await fleet.rest(20)

        assert fleet.condition() == ("False", "Paused")
        assert most(fleet) == 4

        fleet.annotate(f"{FLEET}/pause-sync", None)
        await fleet.rest(20)

        assert (most(fleet), fleet.condition()) == (9, ("True", "InForce"))

    play(story)


# Deletion.


def test_a_deleted_work_takes_its_service_with_it() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        fleet.delete_work()
        await fleet.rest(20)

        assert fleet.service() is None
        assert fleet.condition() == ("False", "Deleted")
        assert "appliedRevision" not in fleet.status()

    play(story)


def test_a_work_deleted_while_the_hub_was_away_takes_its_service_later() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        fleet.hub.weather.silent = True
        await fleet.rest()
        fleet.delete_work()
        await fleet.rest()

        assert fleet.service() is not None

        fleet.hub.weather.silent = False
        await fleet.rest()

        assert fleet.service() is None
        assert fleet.condition() == ("False", "Deleted")

    play(story)


@pytest.mark.parametrize("whose", ["nobody's", "another hub's"])
def test_a_deleted_work_leaves_what_did_not_come_from_it(whose: str) -> None:
    async def story(fleet: MadeFleet) -> None:
        labels = {f"{FLEET}/origin": OTHER_HUB} if whose == "another hub's" else {}
        before = fleet.put_service(labels=labels)
        fleet.put_work()
        await fleet.rest(20)
        fleet.delete_work()
        await fleet.rest()

        assert fleet.service() == before
        assert fleet.condition() == ("False", "Deleted")

    play(story)


def test_an_orphaned_service_stays_and_forgets_its_hub() -> None:
    async def story(fleet: MadeFleet) -> None:
        fleet.put_work(deletionPolicy="Orphan")
        await fleet.rest(20)
        fleet.delete_work()
        await fleet.rest(20)

        service = fleet.service()
        assert service is not None
        assert not service["metadata"].get("labels")
        assert not service["metadata"].get("annotations")
        assert service["spec"]["scaling"]["maxReplicas"] == 4
        assert fleet.condition() == ("False", "Deleted")

    play(story)


# Absence.


def absent_seconds(fleet: MadeFleet) -> int | None:
    service = fleet.service()
    assert service is not None
    found: str | None = service["metadata"]["annotations"].get(f"{FLEET}/absent-seconds")
    return None if found is None else int(found)


def test_a_work_that_is_not_listed_is_waited_for_an_hour() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        fleet.delete_work(finalizer=False)
        await fleet.rest(0.95 * HOUR)

        assert absent_seconds(fleet) is not None

        await fleet.rest(0.1 * HOUR)

        assert fleet.service() is None

    play(story)


def test_the_hour_is_counted_over_restarts() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        fleet.delete_work(finalizer=False)
        for _ in range(3):
            await fleet.rest(0.3 * HOUR)
            await fleet.restart()
        await fleet.rest(20)
        assert absent_seconds(fleet) is not None
        await fleet.rest(0.15 * HOUR)

        assert fleet.service() is None

    play(story)


def test_a_work_that_comes_back_ends_the_wait() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        fleet.delete_work(finalizer=False)
        await fleet.rest(0.9 * HOUR)
        assert absent_seconds(fleet) is not None
        fleet.put_work()
        await fleet.rest(20)
        assert absent_seconds(fleet) is None
        fleet.delete_work(finalizer=False)
        await fleet.rest(0.9 * HOUR)

        assert fleet.service() is not None

    play(story)


@pytest.mark.parametrize("code", [200, 401, 403, 404, 500])
def test_a_list_that_is_none_is_no_evidence(code: int) -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        fleet.hub.weather.lists["InferenceWork"] = code
        fleet.delete_work(finalizer=False)
        # Another process has an empty memory, and cannot list.
        await fleet.restart()
        await fleet.rest(1.5 * HOUR)

        assert absent_seconds(fleet) is None

    play(story)


def test_errors_after_the_hour_began_remove_nothing() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        fleet.delete_work(finalizer=False)
        await fleet.rest(0.5 * HOUR)
        fleet.hub.weather.lists["InferenceWork"] = 500
        await fleet.rest(1.5 * HOUR)
        assert fleet.service() is not None
        # Not even in another process.
        await fleet.restart()
        await fleet.rest(HOUR)
        assert fleet.service() is not None
        # What was not seen does not count either.
        fleet.hub.weather.lists.clear()
        await fleet.rest(0.4 * HOUR)
        assert fleet.service() is not None
        await fleet.rest(0.15 * HOUR)

        assert fleet.service() is None

    play(story)


def test_a_work_that_somebody_else_deletes_is_waited_for_an_hour() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        fleet.delete_work(by_hub=False)
        await fleet.rest(0.9 * HOUR)
        assert fleet.service() is not None
        assert fleet.condition() == ("False", "DeletedByAnother")
        await fleet.rest(0.2 * HOUR)

        assert fleet.service() is None
        assert fleet.condition() == ("False", "Deleted")

    play(story)


def test_a_work_that_somebody_else_deletes_and_the_hub_makes_again_keeps_its_service() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        before = fleet.service()
        fleet.delete_work(by_hub=False)
        await fleet.rest(0.5 * HOUR)
        fleet.free_work()
        await fleet.rest(60)
        fleet.put_work(revision=2, most=9)
        await fleet.rest(HOUR)

        after = fleet.service()
        assert before
        assert after
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert (most(fleet), fleet.condition()) == (9, ("True", "InForce"))
        assert absent_seconds(fleet) is None

    play(story)


def test_before_a_service_goes_the_mailbox_is_listed_once_more() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        fleet.delete_work(finalizer=False)
        await fleet.rest(HOUR - 40)
        assert absent_seconds(fleet) is not None
        fleet.hub.weather.deaf = True
        fleet.put_work()
        await fleet.rest(100)

        assert fleet.service() is not None

    play(story)


def test_an_empty_mailbox_of_another_hub_is_no_evidence() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        fleet.hub.weather.silent = True
        await fleet.rest()
        fleet.hub.history.objects = {
            place: body
            for place, body in fleet.hub.history.objects.items()
            if place[0] == "Namespace"
        }
        fleet.hub.weather.silent = False
        await fleet.rest(1.5 * HOUR)
        assert absent_seconds(fleet) is None
        # Nor is one whose works are other hub's.
        fleet.put_work("shop.other", target="other", hub_id=OTHER_HUB)
        await fleet.rest(1.5 * HOUR)

        assert absent_seconds(fleet) is None

    play(story)


@pytest.mark.parametrize("step", [-5 * HOUR, 5 * HOUR, 30 * 365 * 24 * HOUR])
def test_a_clock_that_steps_makes_the_hour_no_shorter_and_no_longer(step: float) -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        fleet.delete_work(finalizer=False)
        await fleet.rest(0.4 * HOUR)
        fleet.clock_offset = step
        await fleet.rest(0.4 * HOUR)
        await fleet.restart()
        await fleet.rest(60)
        assert fleet.service() is not None
        fleet.clock_offset = 0.0
        await fleet.rest(0.1 * HOUR)
        assert fleet.service() is not None
        await fleet.rest(0.2 * HOUR)

        assert fleet.service() is None

    play(story)


def test_a_work_without_finalizer_whose_service_was_to_stay_leaves_it() -> None:
    async def story(fleet: MadeFleet) -> None:
        fleet.put_work(deletionPolicy="Orphan")
        await fleet.rest(20)
        fleet.delete_work(finalizer=False)
        await fleet.rest(2 * HOUR)

        service = fleet.service()
        assert service is not None
        assert not service["metadata"].get("labels")

    play(story)


# Heartbeats.


def test_the_heartbeat_tells_what_the_hub_cannot_know() -> None:
    async def story(fleet: MadeFleet) -> None:
        fleet.hub.weather.delays["Lease"] = 0.04
        await applied(fleet)
        lease = fleet.lease()
        annotations = lease["metadata"]["annotations"]

        assert lease["spec"]["holderIdentity"] == f"fleet-agent/{__version__}"
        assert annotations[f"{FLEET}/agent-version"] == __version__
        assert annotations[f"{FLEET}/hub-id"] == HUB
        assert json.loads(annotations[f"{FLEET}/network"])["rttMilliseconds"] == 40

    play(story)


def test_a_slow_hub_is_heard_of_as_often() -> None:
    async def story(fleet: MadeFleet) -> None:
        fleet.hub.weather.delays["Lease"] = 9.0
        await fleet.rest(10 * BEAT_SECONDS)
        beats = len(fleet.hub.weather.of("PATCH", "Lease"))

        assert beats >= 9

    play(story)


# Links.


def test_a_long_silence_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        fleet.hub.weather.silent = True
        await fleet.rest(2 * HOUR)

        told = [vars(one) for one in caplog.records if "cannot be used" in one.message]

        hub = f"hub of {MAILBOX}"
        assert [one["server"] for one in told if one["server"] == hub] == [hub]

    play(story)


def test_a_hub_that_is_silent_changes_nothing() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        before = fleet.service()
        renewed = fleet.lease()["spec"]["renewTime"]
        fleet.hub.weather.silent = True
        fleet.put_work(revision=2, most=9)
        await fleet.rest(2 * HOUR)

        assert fleet.service() == before
        assert fleet.lease()["spec"]["renewTime"] < renewed[:14] + "59:59.999999Z"

        fleet.hub.weather.silent = False
        await fleet.rest()

        assert most(fleet) == 9
        assert fleet.lease()["spec"]["renewTime"] > renewed

    play(story)


@pytest.mark.parametrize("side", ["hub", "member"])
def test_a_watch_that_is_too_old_is_followed_by_a_list(
    side: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        end = fleet.hub if side == "hub" else fleet.member
        end.weather.deaf = True
        if side == "hub":
            fleet.put_work(revision=2, most=9)
        else:
            fleet.member.merge(
                Target(INFERENCE_SERVICE, NAMESPACE, "vision"),
                {"spec": {"scaling": {"maxReplicas": 2}}},
            )
        # Less than until a bookmark, which would say that nothing is missed.
        await fleet.rest(20)
        end.history.compact()
        end.weather.deaf = False
        end.server.drop_watches()
        await fleet.rest(20)

        assert most(fleet) == (9 if side == "hub" else 4)
        assert "cannot be used" not in caplog.text

    play(story)


@pytest.mark.parametrize("side", ["hub", "member"])
def test_connections_that_never_answer_again_are_replaced(side: str) -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        weather = (fleet.hub if side == "hub" else fleet.member).weather
        weather.swallows = True
        weather.silent = True
        await fleet.rest(400)
        weather.silent = False
        fleet.put_work(revision=2, most=9)
        await fleet.rest()

        assert (most(fleet), fleet.condition()) == (9, ("True", "InForce"))

    play(story)


def test_an_edit_while_the_hub_is_away_stays_until_it_is_back() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        fleet.hub.weather.silent = True
        await fleet.rest()
        fleet.member.merge(
            Target(INFERENCE_SERVICE, NAMESPACE, "vision"),
            {"spec": {"scaling": {"maxReplicas": 2}}},
        )
        await fleet.rest(HOUR)
        assert most(fleet) == 2
        fleet.hub.weather.silent = False
        await fleet.rest()

        assert most(fleet) == 4

    play(story)


def test_a_cluster_that_is_away_for_seconds_is_no_news() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        seen: set[tuple[str, str]] = set()
        fleet.hub.history.listeners.append(lambda _: seen.add(fleet.condition()))
        fleet.member.weather.lists["InferenceService"] = 500
        fleet.member.server.drop_watches()
        await fleet.restart()
        await fleet.rest(20)
        fleet.member.weather.lists.clear()
        await fleet.rest()

        assert seen == {("True", "InForce")}

    play(story)


def test_a_hub_that_is_silent_at_the_start_is_waited_for() -> None:
    async def story(fleet: MadeFleet) -> None:
        await fleet.stop()
        fleet.hub.weather.silent = True
        fleet.start()
        fleet.put_work()
        await fleet.rest(HOUR)
        assert fleet.service() is None
        fleet.hub.weather.silent = False
        await fleet.rest()

        assert fleet.condition() == ("True", "InForce")

    play(story)


def test_a_cluster_whose_api_server_is_silent_is_said_to_be_and_the_agent_is_heard() -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        fleet.member.weather.silent = True
        fleet.put_work(revision=2, most=9)
        await fleet.rest()

        assert fleet.condition() == ("Unknown", "ClusterSilent")
        renewed = fleet.lease()["spec"]["renewTime"]
        await fleet.rest(60)
        assert fleet.lease()["spec"]["renewTime"] > renewed

        fleet.member.weather.silent = False
        await fleet.rest()

        assert (most(fleet), fleet.condition()) == (9, ("True", "InForce"))

    play(story)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (403, ("False", "ApplyRefused")),
        (422, ("False", "ApplyRefused")),
        (503, ("Unknown", "ClusterSilent")),
    ],
)
def test_a_service_that_cannot_be_written_is_said(code: int, said: tuple[str, str]) -> None:
    async def story(fleet: MadeFleet) -> None:
        fleet.member.weather.writes["InferenceService"] = code
        fleet.put_work()
        await fleet.rest(60)
        assert fleet.condition() == said
        fleet.member.weather.writes.clear()
        await fleet.rest(60)

        assert fleet.condition() == ("True", "InForce")

    play(story)


def test_a_cluster_that_does_not_know_the_kind_says_so() -> None:
    async def story(fleet: MadeFleet) -> None:
        fleet.member.weather.lists["InferenceService"] = 404
        fleet.put_work()
        await fleet.rest(20)
        assert fleet.condition() == ("False", "KindMissing")
        fleet.member.weather.lists.clear()
        await fleet.rest()

        assert fleet.condition() == ("True", "InForce")

    play(story)


def test_a_report_that_is_refused_stops_nothing_else() -> None:
    async def story(fleet: MadeFleet) -> None:
        fleet.hub.weather.writes["InferenceWork"] = 422
        fleet.put_work()
        await fleet.rest(20)
        assert most(fleet) == 4
        asked = len(fleet.hub.weather.of("PATCH", "InferenceWork"))
        await fleet.rest(60)
        assert len(fleet.hub.weather.of("PATCH", "InferenceWork")) - asked <= 2
        fleet.hub.weather.writes.clear()
        await fleet.rest()

        assert fleet.condition() == ("True", "InForce")

    play(story)


@pytest.mark.parametrize("code", [429, 503])
def test_a_report_that_is_put_off_stops_nothing_else(code: int) -> None:
    async def story(fleet: MadeFleet) -> None:
        await applied(fleet)
        fleet.hub.weather.writes["InferenceWork"] = code
        fleet.put_work(revision=2, most=9)
        beats = len(fleet.hub.weather.of("PATCH", "Lease"))
        lists = len([one for one in fleet.hub.weather.seen if one.lists])
        await fleet.rest(5 * BEAT_SECONDS)

        assert most(fleet) == 9
        assert len(fleet.hub.weather.of("PATCH", "Lease")) - beats >= 4
        assert len([one for one in fleet.hub.weather.seen if one.lists]) == lists, "one connection"

        fleet.hub.weather.writes.clear()
        await fleet.rest(60)
        assert fleet.status()["appliedRevision"] == 2

    play(story)
