"""What a member's autoscaler decides is at the hub, whatever the link and the agent do meanwhile.

First between two API servers that are made up, then between two real ones.
"""

import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.api.client import RefusedError, path_of
from tests.faults.fake.history import Body
from tests.faults.fake.kinds import Target
from tests.faults.fake.requests import Requests
from tests.faults.virtual_time import run
from tests.fleet.made_fleet import NAMESPACE, MadeFleet
from tests.fleet.real_fleet import RealFleet
from tests.fleet.works import OTHER_HUB
from triton_operator.api.group import API_VERSION
from triton_operator.controllers.kinds import INFERENCE_SERVICE

REPOSITORY = Path(__file__).parents[2]
HOUR = 3600.0
FLEET = "fleet.serving.triton-operator.io"
WORKS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "inferenceworks.serving.triton-operator.io"},
}
NOTE = f"{FLEET}/decisions"
Story = Callable[[MadeFleet], Awaitable[None]]
Rows = list[tuple[int, int]]


def play(story: Story) -> None:
    async def scene() -> None:
        async with MadeFleet.open() as fleet:
            fleet.put_work()
            await fleet.rest(20)
            assert fleet.condition() == ("True", "InForce")
            await story(fleet)

    run(scene())


def last_decision(to: int, **more: Any) -> dict[str, Any]:
    """Of a status: the change to so many replicas, of which each has its own time."""
    decision = {
        "time": f"2026-11-28T12:{to:02d}:00Z",
        "from": to - 1,
        "to": to,
        "reason": f"{to} replicas are needed",
        **more,
    }
    return {
        "status": {
            "observedGeneration": 1,
            "desiredReplicas": to,
            "autoscaling": {"metrics": "Fresh", "lastDecision": decision},
        }
    }


def decide(fleet: MadeFleet, to: int, **more: Any) -> None:
    """The member's operator says so."""
    target = Target(INFERENCE_SERVICE, NAMESPACE, "vision", "status")
    fleet.member.merge(target, last_decision(to, **more))


def told(fleet: MadeFleet | RealFleet) -> Rows:
    """Number and replicas of what the hub knows."""
    return [(row["number"], row["to"]) for row in fleet.status().get("decisions", ())]


def noted(fleet: MadeFleet | RealFleet) -> Rows:
    """The same of the service itself."""
    service = fleet.service()
    assert service is not None
    text = service["metadata"]["annotations"].get(NOTE, "[]")
    return [(row["number"], row["to"]) for row in json.loads(text)]


def writes(fleet: MadeFleet) -> int:
    return len(fleet.member.weather.of("PATCH", "InferenceService"))


def test_a_decision_is_told_as_it_was_made() -> None:
    async def story(fleet: MadeFleet) -> None:
        decide(fleet, 3)
        await fleet.rest(5)

        assert fleet.status()["decisions"] == [
            {
                "number": 1,
                "time": "2026-11-28T12:03:00Z",
                "from": 2,
                "to": 3,
                "reason": "3 replicas are needed",
            }
        ]

    play(story)


def test_all_decisions_of_a_cut_are_there_when_the_link_is_back() -> None:
    async def story(fleet: MadeFleet) -> None:
        decide(fleet, 2)
        await fleet.rest(5)
        fleet.hub.weather.silent = True
        for to in (3, 4):
            await fleet.rest(60)
            decide(fleet, to)
        await fleet.rest(60)
        await fleet.restart()
        await fleet.rest(60)
        decide(fleet, 5)
        await fleet.rest(HOUR)

        assert told(fleet) == [(1, 2)]

        fleet.hub.weather.silent = False
        await fleet.rest()

        assert told(fleet) == [(1, 2), (2, 3), (3, 4), (4, 5)]

    play(story)


def test_an_agent_that_begins_while_the_hub_is_away_keeps_what_is_decided() -> None:
    async def story(fleet: MadeFleet) -> None:
        await fleet.stop()
        fleet.hub.weather.silent = True
        decide(fleet, 2)
        fleet.start()
        await fleet.rest(20)
        decide(fleet, 3)
        await fleet.rest(20)

        assert noted(fleet) == [(1, 2), (2, 3)]

    play(story)


def test_of_decisions_without_an_agent_the_last_one_is_known() -> None:
    async def story(fleet: MadeFleet) -> None:
        decide(fleet, 2)
        await fleet.rest(5)
        await fleet.stop()
        decide(fleet, 3)
        decide(fleet, 4)
        fleet.start()
        await fleet.rest(20)

        assert told(fleet) == [(1, 2), (2, 4)]

    play(story)


def test_more_decisions_than_are_kept_leave_the_newest() -> None:
    async def story(fleet: MadeFleet) -> None:
        fleet.hub.weather.silent = True
        for to in range(1, 41):
            decide(fleet, to)
            await fleet.rest(2)
        fleet.hub.weather.silent = False
        await fleet.rest()

        assert told(fleet) == [(to, to) for to in range(11, 41)]

    play(story)


def test_nothing_is_written_but_on_a_decision() -> None:
    async def story(fleet: MadeFleet) -> None:
        decide(fleet, 2)
        await fleet.rest(5)
        before = writes(fleet)
        target = Target(INFERENCE_SERVICE, NAMESPACE, "vision", "status")
        for minute in range(30):
            await fleet.rest(60)
            rate = {"autoscaling": {"arrivalsPerSecond": str(minute)}}
            fleet.member.merge(target, {"status": rate})
        await fleet.restart()
        await fleet.rest()
        decide(fleet, 2, reason="the same, in other words")
        await fleet.rest()

        assert writes(fleet) == before
        assert told(fleet) == [(1, 2)]

    play(story)


def test_the_note_stays_whatever_the_hub_applies() -> None:
    async def story(fleet: MadeFleet) -> None:
        decide(fleet, 2)
        await fleet.rest(5)
        service = fleet.service()
        assert service is not None
        generation = service["metadata"]["generation"]
        fleet.put_work(revision=2, most=7)
        await fleet.rest(20)
        decide(fleet, 3)
        await fleet.rest(20)

        service = fleet.service()
        assert service is not None
        assert service["spec"]["scaling"]["maxReplicas"] == 7
        # Only the new ceiling counts as a change that somebody has to act on.
        assert service["metadata"]["generation"] == generation + 1
        assert told(fleet) == noted(fleet) == [(1, 2), (2, 3)]

    play(story)


def test_a_paused_service_is_still_told_of() -> None:
    async def story(fleet: MadeFleet) -> None:
        fleet.annotate(f"{FLEET}/pause-sync", "true")
        decide(fleet, 2)
        await fleet.rest(20)

        assert told(fleet) == [(1, 2)]

    play(story)


def test_a_service_of_another_mailbox_is_left_alone() -> None:
    async def story(fleet: MadeFleet) -> None:
        fleet.annotate(f"{FLEET}/mailbox", "fleet-other")
        fleet.member.merge(
            Target(INFERENCE_SERVICE, NAMESPACE, "vision"),
            {"metadata": {"labels": {f"{FLEET}/origin": OTHER_HUB}}},
        )
        decide(fleet, 2)
        await fleet.rest()

        assert noted(fleet) == []

    play(story)


@pytest.mark.parametrize("text", ["nonsense", "[{}]", '[{"number":9007199254740991}]'])
def test_a_note_that_somebody_spoilt_begins_anew(text: str) -> None:
    async def story(fleet: MadeFleet) -> None:
        decide(fleet, 2)
        await fleet.rest(5)
        fleet.annotate(NOTE, text)
        await fleet.rest(5)
        decide(fleet, 3)
        await fleet.rest()

        # The decision that the status still shows is seen as if for the first time.
        assert told(fleet) == noted(fleet) == [(1, 2), (2, 3)]
        assert fleet.condition() == ("True", "InForce")

    play(story)


@pytest.mark.parametrize("code", [403, 503])
def test_a_note_that_is_refused_is_said_once_and_tried_again(
    code: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(fleet: MadeFleet) -> None:
        fleet.member.weather.writes["InferenceService"] = code
        decide(fleet, 2)
        await fleet.rest(5)
        before = writes(fleet)
        for _ in range(12):
            fleet.annotate("note", f"of others {writes(fleet)}")
            await fleet.rest(5)

        assert 2 <= writes(fleet) - before <= 5
        (line,) = (one for one in caplog.messages if one.startswith("Decisions on a service"))
        assert "it is tried again" in line
        assert fleet.condition() == ("True", "InForce")

        decide(fleet, 3)
        fleet.member.weather.writes.clear()
        await fleet.rest()

        assert told(fleet) == [(1, 3)]

    play(story)


def test_an_annotation_that_is_taken_away_makes_no_loop(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a webhook may, which lets only some annotations in."""
    real = Requests.merge

    def without(self: Requests, target: Target, change: Body, manager: str) -> Body:
        annotations = (change.get("metadata") or {}).get("annotations") or {}
        annotations.pop(NOTE, None)
        return real(self, target, change, manager)

    async def story(fleet: MadeFleet) -> None:
        before = writes(fleet)
        decide(fleet, 2)
        await fleet.rest(300)

        assert 2 <= writes(fleet) - before <= 25
        assert caplog.text.count("Decisions on a service") == 1

    monkeypatch.setattr(Requests, "merge", without)
    play(story)


def test_what_the_hub_forgot_is_told_again() -> None:
    async def story(fleet: MadeFleet) -> None:
        decide(fleet, 2)
        await fleet.rest(5)
        fleet.delete_work(finalizer=False, by_hub=False)
        await fleet.rest(5)
        fleet.put_work()
        await fleet.rest(20)

        assert told(fleet) == [(1, 2)]

    play(story)


def test_a_released_service_forgets_them_too() -> None:
    async def story(fleet: MadeFleet) -> None:
        fleet.put_work(revision=2, deletionPolicy="Orphan")
        decide(fleet, 2)
        await fleet.rest(20)
        assert noted(fleet) == [(1, 2)]
        fleet.delete_work()
        await fleet.rest(20)

        service = fleet.service()
        assert service is not None
        assert not service["metadata"].get("annotations")
        assert told(fleet) == []

    play(story)


# Real API servers.


def asked(fleet: RealFleet, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`triton-operator cluster decisions` at the hub."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "triton_operator.cli.main", "cluster", "decisions", "vision"),
            *("-n", "shop", f"--kubeconfig={fleet.hub.plane.kubeconfig}", *arguments),
        ],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "operator")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_real_hub_has_everything_after_a_cut_and_shows_it(fleet: RealFleet) -> None:
    def decides(to: int) -> None:
        fleet.merge_service(last_decision(to), "status")
        fleet.until(f"{to} to be noted", lambda: noted(fleet)[-1:] == [(to - 1, to)])

    fleet.put_work()
    fleet.until_condition("True", "InForce")
    cluster = fleet.mailbox.removeprefix("fleet-")
    nothing = asked(fleet, "--cluster", cluster)
    assert nothing.returncode == 2
    assert f"no decision on shop/vision is told by {cluster}" in nothing.stderr

    decides(2)
    fleet.until("the first one", lambda: told(fleet) == [(1, 2)])
    service = fleet.service()
    assert service is not None
    generation = service["metadata"]["generation"]
    fleet.hub.plane.stop_apiserver(kill=True)
    try:
        decides(3)
        fleet.stop()
        fleet.start()
        decides(4)
    finally:
        fleet.hub.plane.start_apiserver()
    fleet.until("all of them", lambda: told(fleet) == [(1, 2), (2, 3), (3, 4)])

    service = fleet.service()
    assert service is not None
    assert service["metadata"]["generation"] == generation, "there is nothing to roll out"
    fleet.put_work(revision=2, most=7)
    fleet.until("revision 2", lambda: fleet.status().get("appliedRevision") == 2)
    assert told(fleet) == noted(fleet) == [(1, 2), (2, 3), (3, 4)]

    shown = asked(fleet, "--cluster", cluster, "-ojson")
    assert shown.returncode == 0, shown.stderr
    rows = json.loads(shown.stdout)
    assert [row["to"] for row in rows] == [2, 3, 4]
    assert {row["cluster"] for row in rows} == {cluster}
    elsewhere = asked(fleet, "--cluster", "nowhere")
    assert elsewhere.returncode == 2
    assert "shop/vision is not in cluster nowhere" in elsewhere.stderr


def declares_decisions(fleet: RealFleet) -> bool | None:
    """Whether the definition that is in force at the hub does; None: none is, for a moment."""
    work = {
        "apiVersion": API_VERSION,
        "kind": "InferenceWork",
        "metadata": {"name": "shop.vision", "namespace": fleet.mailbox},
        "status": {"decisions": []},
    }
    try:
        fleet.hub.api.request(
            "PATCH",
            f"{path_of(work)}/status",
            work,
            content_type="application/apply-patch+yaml",
            fieldManager="test",
            force="true",
            dryRun="All",
        )
    except RefusedError as refusal:
        return False if "not declared in schema" in refusal.message else None
    return True


def test_a_real_hub_of_an_older_version_gets_all_the_rest(
    fleet: RealFleet, caplog: pytest.LogCaptureFixture
) -> None:
    def declare(decisions: Body | None) -> Body:
        """Put this schema of them into force, None: no such field; the one that was there."""
        definition = fleet.hub.api.get(WORKS)
        schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        fields = schema["properties"]["status"]["properties"]
        before: Body = fields.pop("decisions", {})
        if decisions:
            fields["decisions"] = decisions
        fleet.hub.api.replace(definition)
        wanted = decisions is not None
        fleet.until("the definition", lambda: declares_decisions(fleet) is wanted)
        return before

    fleet.put_work()
    fleet.until_condition("True", "InForce")
    schema = declare(None)
    try:
        fleet.merge_service(last_decision(2), "status")
        fleet.until("a word of it", lambda: "is older than this agent" in caplog.text)
        fleet.merge_service({"status": {"readyReplicas": 7}}, "status")
        fleet.until(
            "the next load", lambda: fleet.status().get("load", {}).get("readyReplicas") == 7
        )
        assert told(fleet) == []
    finally:
        declare(schema)
    # It would try again some minutes later.
    fleet.stop()
    fleet.start()
    fleet.until("the decision", lambda: told(fleet) == [(1, 2)])
