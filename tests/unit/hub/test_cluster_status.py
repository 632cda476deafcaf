"""A cluster's status: what outlives the hub, and when it is written at all."""

from dataclasses import replace

from triton_operator.api.enums import ConnectionReason, ConnectionState
from triton_operator.api.inference_cluster import ClusterProfileReference
from triton_operator.fleet.cluster_labels import ProfileReading
from triton_operator.fleet.connection import Connection
from triton_operator.fleet.data_plane import DataPlane
from triton_operator.fleet.member_facts import MemberFacts
from triton_operator.fleet.profile_labels import ProfileLook
from triton_operator.fleet.push_credentials import PushCredentials
from triton_operator.hub.cluster_status import (
    REFRESH_SECONDS,
    ClusterLook,
    cluster_status,
    persisted_connection,
)

NOW = 1_800_000_000.0
UP = Connection(ConnectionState.CONNECTED, ConnectionReason.HEARD, NOW, None, NOW - 600, 3)
SUSPECT = Connection(ConnectionState.SUSPECT, ConnectionReason.SILENT, NOW - 90, NOW - 90, None, 3)
LOOK = ClusterLook(UP, MemberFacts(), generation=1)


def test_a_connection_is_read_back_as_it_was_written() -> None:
    for connection in (UP, SUSPECT, Connection()):
        status = cluster_status(replace(LOOK, connection=connection), {}, NOW)

        assert persisted_connection(status) == connection


def test_a_status_that_nobody_wrote_is_of_a_cluster_that_never_spoke() -> None:
    assert persisted_connection({}) == Connection()


def test_heartbeats_alone_are_written_once_in_a_while() -> None:
    status = cluster_status(LOOK, {}, NOW)
    beats = replace(UP, heard_at=NOW + REFRESH_SECONDS - 1)

    assert cluster_status(replace(LOOK, connection=beats), status, NOW + 59) == status
    later = replace(UP, heard_at=NOW + REFRESH_SECONDS)
    assert cluster_status(replace(LOOK, connection=later), status, NOW + 60) != status


def test_everything_else_is_written_at_once() -> None:
    status = cluster_status(LOOK, {}, NOW)

    for look in (
        replace(LOOK, connection=replace(UP, flaps=4)),
        replace(LOOK, connection=replace(UP, unbroken_since=None, lost_since=NOW)),
        replace(LOOK, facts=MemberFacts(agent_version="2")),
        replace(LOOK, facts=MemberFacts(refused=("network: no JSON",))),
        replace(LOOK, paused=True),
        replace(LOOK, generation=2),
    ):
        assert cluster_status(look, status, NOW) != status


def test_conditions_say_what_to_do() -> None:
    status = cluster_status(replace(LOOK, connection=SUSPECT), cluster_status(LOOK, {}, 0), NOW)
    rows = {row["type"]: row for row in status["conditions"]}

    assert (rows["Connected"]["status"], rows["Connected"]["reason"]) == ("False", "Silent")
    assert "Look at the agent" in rows["Connected"]["message"]
    assert rows["Ready"]["status"] == "False"
    assert rows["Connected"]["lastTransitionTime"] == "2027-01-15T08:00:00Z"
    assert rows["ReportsAccepted"]["lastTransitionTime"] == "1970-01-01T00:00:00Z"


def test_a_cluster_that_the_hub_reaches_itself_has_no_agent_to_look_at() -> None:
    credentials = PushCredentials("hub/push, key k", is_read=True).finding(NOW)
    for connection in (UP, SUSPECT, Connection()):
        look = replace(LOOK, connection=connection, pushed=credentials)
        rows = {row["type"]: row for row in cluster_status(look, {}, NOW)["conditions"]}

        assert "agent" not in rows["Connected"]["message"]
        assert rows["CredentialsValid"]["reason"] == "KubeconfigHolds"
    assert "Look at CredentialsValid" in rows["Connected"]["message"]


def test_an_endpoint_that_a_deaf_hub_does_not_hear_keeps_its_status_and_says_why() -> None:
    for answers, status in ((True, "True"), (None, "Unknown")):
        look = replace(LOOK, data_plane=DataPlane(answers, unheard=True))
        rows = {row["type"]: row for row in cluster_status(look, {}, NOW)["conditions"]}

        assert rows["DataPlaneHealthy"]["status"] == status
        assert "a failure of its own network" in rows["DataPlaneHealthy"]["message"]


def test_labels_of_a_profile_are_noted_at_once_and_kept_by_the_next_hub() -> None:
    reference = ClusterProfileReference(namespace="fleet", name="a", labels=["region"])
    plain = cluster_status(LOOK, {}, NOW)
    read = ProfileLook(ProfileReading({"region": "eu"}))
    named = replace(LOOK, profile=reference)

    status = cluster_status(replace(named, profile_look=read), plain, NOW)
    assert status["takenLabels"] == [{"key": "region", "value": "eu"}]
    assert status["conditions"][-1]["type"] == "ProfileRead"

    assert cluster_status(named, status, NOW) == status, "nobody has looked yet"
    assert "takenLabels" not in cluster_status(LOOK, status, NOW)
    assert cluster_status(LOOK, status, NOW)["conditions"] == plain["conditions"]
