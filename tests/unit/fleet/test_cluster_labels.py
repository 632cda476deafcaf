"""Labels from a ClusterProfile: only what is asked for, bounded, and never instead of one's own."""

from __future__ import annotations

from typing import Any

import pytest

from triton_operator.api.inference_cluster import ClusterProfileReference
from triton_operator.fleet.cluster_labels import (
    MOST_READ,
    ProfileReading,
    cluster_labels,
    read_profile,
    unread_labels,
)
from triton_operator.fleet.profile_labels import ProfileLook, read_labels

REGION, TEAM = "topology.kubernetes.io/region", "team"
REFERENCE = ClusterProfileReference(namespace="fleet", name="store", labels=[REGION, TEAM])


def profile(*properties: tuple[str, Any], **labels: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "store", "labels": labels},
        "status": {"properties": [{"name": name, "value": value} for name, value in properties]},
    }


def test_properties_and_labels_that_are_wanted_are_taken() -> None:
    made = profile((REGION, "eu-west"), ("secure", "true"), team="search", tier="gold")

    assert read_profile(made, [REGION, TEAM]) == ProfileReading(
        {REGION: "eu-west", TEAM: "search"}, {}
    )


def test_a_property_comes_before_a_label_and_the_first_of_two() -> None:
    made = profile((TEAM, "one"), (TEAM, "two"), team="three")

    assert read_profile(made, [TEAM]).taken == {TEAM: "one"}


@pytest.mark.parametrize("value", ["x" * 64, "two words", "-", "ä", "eu\n", None, 7, {"a": "b"}])
def test_what_no_label_can_be_is_refused(value: Any) -> None:
    found = read_profile(profile((REGION, value), team="search"), [REGION, TEAM])

    assert found.taken == {TEAM: "search"}
    assert REGION in found.refused


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"metadata": None, "status": None},
        {"metadata": {"labels": ["a"]}, "status": ["b"]},
        {"status": {"properties": "many", "conditions": 3}},
        {"status": {"properties": ["a", {"value": "b"}, {"name": 3}], "conditions": ["a", {}]}},
        {"status": {"conditions": [{"type": "ControlPlaneHealthy", "status": "x" * 9999}]}},
    ],
)
def test_a_profile_of_any_shape_is_read(odd: dict[str, Any]) -> None:
    found = read_profile(odd, [REGION])

    assert found == ProfileReading(unsaid=(REGION,))


def test_a_long_profile_is_not_read_to_its_end() -> None:
    filler = [("a", "b")] * MOST_READ

    assert read_profile(profile(*filler, (REGION, "eu")), [REGION]).taken == {}


def test_health_is_one_of_three_words() -> None:
    made = profile()
    made["status"]["conditions"] = [{"type": "ControlPlaneHealthy", "status": "False"}]

    assert read_profile(made, []).health == "False"


def cluster(wanted: list[str] | None, noted: dict[str, str], **own: str) -> dict[str, Any]:
    reference = {"namespace": "fleet", "name": "store", "labels": wanted}
    return {
        "metadata": {"name": "a", "labels": own},
        "spec": {"clusterProfile": reference} if wanted is not None else {},
        "status": {"takenLabels": [{"key": key, "value": noted[key]} for key in noted]},
    }


def test_a_clusters_own_labels_come_first() -> None:
    assert cluster_labels(cluster([TEAM, REGION], {TEAM: "x", REGION: "eu"}, team="own")) == {
        TEAM: "own",
        REGION: "eu",
    }


def test_what_is_not_wanted_any_more_does_not_count() -> None:
    assert cluster_labels(cluster([REGION], {TEAM: "x", REGION: "eu"})) == {REGION: "eu"}
    assert cluster_labels(cluster(None, {TEAM: "x"})) == {}
    assert cluster_labels({"metadata": {"name": "a"}}) == {}


NOTED = {"takenLabels": [{"key": REGION, "value": "eu"}, {"key": "former", "value": "x"}]}


def test_what_was_read_last_stays_while_there_is_no_profile() -> None:
    """A service is not taken from a cluster because something was not found."""
    look = ProfileLook(None, "ProfileNotFound", "does not exist")
    labels, found = read_labels(REFERENCE, look, NOTED)

    assert labels == {REGION: "eu"}
    assert found is not None
    assert (found.status, found.reason) == ("False", "ProfileNotFound")
    assert "ClusterProfile fleet/store does not exist" in found.message
    assert f"stay as they were last read: {REGION}" in found.message


def test_before_the_first_look_everything_is_as_it_was_written() -> None:
    assert read_labels(REFERENCE, None, {}) == ({}, None)
    row = {
        "type": "ProfileRead",
        "status": "True",
        "reason": "LabelsTaken",
        "message": "m",
        "lastTransitionTime": "2026-11-20T10:00:00Z",
    }
    labels, found = read_labels(REFERENCE, None, {**NOTED, "conditions": [row]})

    assert labels == {REGION: "eu"}
    assert found is not None
    assert (found.status, found.reason, found.message) == ("True", "LabelsTaken", "m")


def test_a_profile_that_is_there_is_believed() -> None:
    taken = ProfileLook(ProfileReading({REGION: "us"}, {}, "False"))
    labels, found = read_labels(REFERENCE, taken, NOTED)
    assert labels == {REGION: "us"}
    assert found is not None
    assert (found.status, found.reason) == ("True", "LabelsTaken")
    assert "ControlPlaneHealthy=False, which moves nothing" in found.message

    refused = ProfileLook(ProfileReading({}, {REGION: "is neither a property nor a label of it"}))
    labels, found = read_labels(REFERENCE, refused, NOTED)
    assert labels == {}, "it is there, and says nothing of that"
    assert found is not None
    assert (found.status, found.reason) == ("False", "LabelsRefused")


def test_a_profile_that_has_no_properties_yet_takes_nothing_away() -> None:
    """Its manager has made it anew, and writes the status afterwards."""
    reading = read_profile(profile(team="search"), [REGION, TEAM])
    assert (reading.taken, reading.refused) == ({TEAM: "search"}, {})

    labels, found = read_labels(REFERENCE, ProfileLook(reading), NOTED)
    assert labels == {REGION: "eu", TEAM: "search"}
    assert found is not None
    assert (found.status, found.reason) == ("False", "ProfileEmpty")
    assert f"has no status.properties yet, and no label {REGION}" in found.message
    assert f"stay as they were last read: {REGION}" in found.message

    read = read_profile(profile(("secure", "true"), team="search"), [REGION, TEAM])
    assert list(read.refused) == [REGION], "it has properties, and that is none of them"


def test_what_is_refused_beside_it_takes_nothing_away_either() -> None:
    reading = read_profile(profile(team="two words"), [REGION, TEAM])

    labels, found = read_labels(REFERENCE, ProfileLook(reading), NOTED)
    assert labels == {REGION: "eu"}
    assert found is not None
    assert found.reason == "LabelsRefused"


def test_labels_are_unread_until_somebody_gives_them_or_refuses_to() -> None:
    assert unread_labels(cluster([REGION, TEAM], {}), ()) == {REGION, TEAM}
    assert unread_labels(cluster([REGION, TEAM], {REGION: "eu"}), ()) == {TEAM}
    assert unread_labels(cluster([REGION, TEAM], {}, team="own"), ()) == {REGION}
    assert unread_labels(cluster([REGION, TEAM], {}), {REGION}) == {TEAM}
    assert unread_labels(cluster(None, {REGION: "eu"}), ()) == set()
