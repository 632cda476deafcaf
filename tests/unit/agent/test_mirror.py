"""Objects as a watch and answers to writes show them, in whatever order they come."""

import asyncio
from typing import Any, cast

import pytest

import triton_operator.agent.mirror as mirror_module
from tests.unit.ended_streams import EndedStreams, EnoughError
from triton_operator.agent.mirror import Mirror
from triton_operator.controllers.kinds import INFERENCE_SERVICE


def body(version: int, uid: str = "u") -> dict[str, Any]:
    metadata = {"namespace": "shop", "name": "a", "uid": uid, "resourceVersion": str(version)}
    return {"metadata": metadata}


class Seen:
    """A mirror, and how often it said that something had changed."""

    def __init__(self) -> None:
        self.changes = 0
        self.mirror = Mirror(INFERENCE_SERVICE, self._changed)

    def _changed(self) -> None:
        self.changes += 1

    @property
    def version(self) -> str | None:
        """Of the object, None: it is not there."""
        found = self.mirror.objects.get(("shop", "a"))
        return found and found["metadata"]["resourceVersion"]


def test_an_older_version_does_not_replace_a_newer_one() -> None:
    seen = Seen()
    seen.mirror.put(body(9))
    seen.mirror.put(body(8))

    assert (seen.version, seen.changes) == ("9", 1)


def test_an_object_that_was_made_anew_replaces_the_one_before() -> None:
    seen = Seen()
    seen.mirror.put(body(9))
    seen.mirror.put(body(8, uid="other"))

    assert seen.version == "8"


def test_an_answer_that_comes_after_the_end_brings_nothing_back() -> None:
    seen = Seen()
    seen.mirror.put(body(7))
    seen.mirror._remove(body(9))
    seen.mirror.put(body(8))
    assert seen.version is None

    # It was only out of the selection, and is in it again.
    seen.mirror.put(body(10))

    assert seen.version == "10"


def test_the_end_of_a_predecessor_is_not_the_end_of_its_successor() -> None:
    seen = Seen()
    seen.mirror.put(body(9, uid="new"))
    seen.mirror._remove(body(8, uid="old"))

    assert seen.version == "9"


def test_a_stream_that_ends_at_once_is_not_taken_up_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    streams = EndedStreams(monkeypatch, mirror_module)

    with pytest.raises(EnoughError):
        asyncio.run(Seen().mirror._watch(cast(Any, None), "9"))

    assert streams.opened == len(streams.pauses) == 3
    assert min(streams.pauses) >= 0.5
