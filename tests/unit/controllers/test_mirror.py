"""A mirror: the newest version stays, and what is gone does not come back by a late answer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

import triton_operator.controllers.mirror as mirror_module
from tests.unit.ended_streams import EndedStreams, EnoughError
from triton_operator.controllers.answer_bounds import AnswerBounds
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError, ApiTooMuch, api_error
from triton_operator.controllers.kinds import INFERENCE_WORK
from triton_operator.controllers.mirror import Mirror

Body = dict[str, Any]
PLACE = ("fleet-a", "w")


def work(version: int, uid: str = "u") -> Body:
    metadata = {"namespace": "fleet-a", "name": "w", "uid": uid, "resourceVersion": str(version)}
    return {
        "apiVersion": INFERENCE_WORK.api_version,
        "kind": INFERENCE_WORK.kind,
        "metadata": metadata,
    }


class Lister:
    """An API server that lists what it is told to."""

    def __init__(self) -> None:
        self.listed: Any = []
        self.version = "9"
        self.lists = 0

    async def listing(self, *_: Any, **__: Any) -> tuple[list[Body], str]:
        self.lists += 1
        return self.listed, self.version


class Seen:
    """A mirror, and what it has told."""

    def __init__(self) -> None:
        self.changes: list[tuple[Body | None, Body | None]] = []
        self.turns: list[bool] = []
        self.server = Lister()
        self.mirror = Mirror(
            INFERENCE_WORK,
            lambda *both: self.changes.append(both),
            turned=lambda: self.turns.append(self.mirror.is_current),
            randomness=random.Random(1),
        )

    @property
    def version(self) -> str | None:
        """Of the object, None: it is not there."""
        found = self.mirror.get(*PLACE)
        return found and found["metadata"]["resourceVersion"]

    def list(self, *bodies: Body) -> None:
        """A listing comes, whose rows do not say what they are."""
        self.server.listed = [{"metadata": body["metadata"]} for body in bodies]
        asyncio.run(self.mirror._list(cast(ApiServer, self.server)))


def test_an_older_version_does_not_replace_a_newer_one() -> None:
    seen = Seen()
    seen.mirror.put(work(9))
    seen.mirror.put(work(8))
    seen.mirror.put(work(9))

    assert seen.version == "9"
    assert seen.changes == [(None, work(9))]


def test_an_object_that_was_made_anew_replaces_the_one_before() -> None:
    seen = Seen()
    seen.mirror.put(work(9))
    seen.mirror.put(work(8, uid="other"))

    assert seen.version == "8"
    assert seen.changes[1] == (work(9), work(8, uid="other"))


def test_an_answer_that_comes_after_the_end_brings_nothing_back() -> None:
    seen = Seen()
    seen.mirror.put(work(7))
    seen.mirror._remove(work(7), 9)
    seen.mirror.put(work(8))
    assert seen.version is None

    # It was only out of the selection, and is in it again.
    seen.mirror.put(work(10))

    assert seen.version == "10"


def test_the_end_of_a_predecessor_is_not_the_end_of_its_successor() -> None:
    seen = Seen()
    seen.mirror.put(work(9, uid="new"))
    seen.mirror._remove(work(8, uid="old"), 8)

    assert seen.version == "9"


def test_a_listing_is_believed_whatever_was_known() -> None:
    """An API server that was restored from a backup has older versions, and what had gone."""
    seen = Seen()
    seen.mirror.put(work(7))
    seen.list(work(2))
    assert seen.version == "2"
    assert seen.changes[1] == (work(7), work(2)), "rows are told what they are"

    seen.list()
    assert seen.version is None
    seen.mirror.put(work(2))
    assert seen.version is None, "the answer to a write before that listing"
    seen.list(work(2))
    assert seen.version == "2"


def test_an_odd_change_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def breaks(*_: Any) -> None:
        raise ValueError("odd")

    seen = Seen()
    seen.mirror._changed = breaks
    seen.mirror.put(work(1))
    seen.mirror.put(work(2))

    assert seen.version == "2"
    assert caplog.text.count("A change was not understood") == 2


@pytest.mark.parametrize(
    "rows",
    [[{}], [{"metadata": {"name": "w"}}], [None], None, [{"metadata": {"name": "w", "uid": "u"}}]],
)
def test_a_listing_that_is_none_is_an_error_and_changes_nothing(rows: Any) -> None:
    seen = Seen()
    seen.mirror.put(work(1))
    seen.server.listed = rows

    with pytest.raises(ApiError, match="Unreadable"):
        asyncio.run(seen.mirror._list(cast(ApiServer, seen.server)))
    assert (seen.version, seen.mirror.is_current) == ("1", False)


def test_a_stream_that_ends_at_once_is_not_taken_up_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    streams = EndedStreams(monkeypatch, mirror_module)

    with pytest.raises(EnoughError):
        asyncio.run(Seen().mirror._watch(cast(Any, None), "9"))

    assert streams.opened == len(streams.pauses) == 3
    assert min(streams.pauses) >= 0.5


@pytest.mark.parametrize("code", [410, 500])
def test_what_is_too_old_is_listed_anew_later_each_time_and_an_error_ends_it(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def watch(*_: Any) -> AsyncIterator[Any]:
        raise api_error(code, "Reason", "words")
        yield

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise EnoughError

    monkeypatch.setattr(mirror_module, "watch_events", watch)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    seen = Seen()
    with pytest.raises(EnoughError if code == 410 else ApiError):
        asyncio.run(seen.mirror.follow(cast(ApiServer, seen.server), cast(Any, None)))

    assert not seen.mirror.is_current
    if code == 410:
        assert seen.server.lists == 3
        assert pauses == sorted(pauses)
        assert seen.turns == [True, False] * 3
    else:
        assert (seen.server.lists, pauses, seen.turns) == (1, [], [True, False])


def long_work(version: int, size: int, name: str = "w") -> Body:
    body = work(version, uid=name)
    body["metadata"] |= {"name": name, "annotations": {"a": "x" * size}}
    return body


def test_more_than_its_bound_is_not_kept() -> None:
    """By an answer, a watch or a listing: whoever is not trusted has no other way to fill it."""
    seen = Seen()
    seen.mirror.bound(AnswerBounds(memory=20_000))
    seen.mirror.put(long_work(1, 11_000))
    with pytest.raises(ApiTooMuch, match="inferenceworks: more than"):
        seen.mirror.put(long_work(2, 11_000, "other"))
    with pytest.raises(ApiTooMuch):
        seen.mirror.put(long_work(2, 19_900))
    assert seen.version == "1"
    with pytest.raises(ApiTooMuch):
        seen.list(long_work(3, 11_000, "b"), long_work(3, 11_000, "c"))
    assert [*seen.mirror.objects] == [PLACE], "a listing that does not fit changes nothing"
    assert not seen.mirror.is_current

    # Whatever is replaced or goes makes room, in any order.
    seen.mirror.put(long_work(4, 12_000))
    seen.mirror._remove(long_work(4, 12_000), 5)
    seen.mirror.put(long_work(6, 12_000, "a"))
    seen.mirror.put(long_work(6, 100, "b"))
    seen.list(long_work(7, 12_000, "b"), long_work(7, 100, "a"))
    seen.list(long_work(8, 12_000, "a"), long_work(8, 100, "b"))
    assert len(seen.mirror.objects) == 2


def test_an_endless_uid_is_not_remembered() -> None:
    seen = Seen()
    for number in range(3):
        uid = f"{number}" * 10_000
        seen.mirror.put(work(1, uid))
        seen.mirror._remove(work(1, uid), 2)

    assert seen.version is None
    assert seen.mirror._gone == {}
